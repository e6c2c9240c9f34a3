/**
 * Which links a peer makes, keeps and lets go, as a pure state machine: an event comes in, commands come out. No I/O, and
 * no clock or randomness of its own, so that a run with the same events and the same random numbers repeats itself.
 *
 * Peers sit on a ring by their ids. Each wants links to its nearest on both sides, which keep the network in one piece and
 * make greedy routing always able to progress, and a few long links, which keep paths short. A network small enough is
 * linked completely. The rules that keep this safe:
 *
 * - Make before break: a ring link is let go only when neither end has it among its nearest open ones, and whoever lets
 *   go names the peers to link instead.
 * - A link that the other end wants is taken from it only for a ring link, not when young, and seldom.
 * - The last two links are never given up: the nearest open ones on either side are the ring's, whatever else is known.
 * - What is lost is replaced at once from the leaf set, which neighbours exchange.
 * - PeerPigeon peers know none of this: the two nearest to such a peer link it as a leaf, and nothing is counted on it.
 */
import type { Dialect } from "../../domain/Frame.ts"
import type { Neighbours, OverlayFrame, Route, Wish } from "../../domain/OverlayFrame.ts"
import { maxLeaves, maxLinks } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import * as Label from "./Label.ts"
import * as Neighbourhood from "./Neighbourhood.ts"
import { Command, type Event, type Intent } from "./OverlayEvent.ts"
import * as Routing from "./Routing.ts"
import * as Rules from "./Rules.ts"

/** What the rules depend on. @category models */
export interface Options {
  readonly self: PeerId
  /** Links below which every candidate is fair. 1 to `maxPeers`. */
  readonly minPeers: number
  /** Links that are kept; up to `Rules.excess` more for a moment. 1 to 50. */
  readonly maxPeers: number
  /** Uniform numbers in [0, 1). */
  readonly random: () => number
}

/** What a link is to both ends together. @category models */
export interface LinkView {
  readonly peer: PeerId
  readonly dialect: Dialect
  /** When it opened, in milliseconds since 1970. */
  readonly since: number
  readonly ours: Wish
  readonly theirs: Wish
}

/** @category models */
export interface Overlay {
  /** Takes an event, and says what to do. */
  handle(event: Event): ReadonlyArray<Command>
  /** When `Due` is wanted, in milliseconds since 1970. */
  readonly dueAt: number
  /** Open links. */
  readonly links: ReadonlyArray<LinkView>
  /** Links under way. */
  readonly underway: number
  readonly label: Label.Label
  /** The neighbour to send a message for a place to, and whether that leads nearer to it than we are. */
  nextHop(
    target: PeerId,
    visited: Routing.Visited
  ): { readonly peer: PeerId; readonly nearest: PeerId; readonly isNearer: boolean } | undefined
  /** The nearest peers alive on each side, nearest first. */
  leafSet(now: number): { readonly clockwise: ReadonlyArray<PeerId>; readonly counter: ReadonlyArray<PeerId> }
  /** The peers alive that are nearest to a place, nearest first, ourselves among them. */
  nearest(target: PeerId, count: number, now: number): ReadonlyArray<PeerId>
  /** A neighbour that has an open link to a PeerPigeon peer, which no place on the ring leads to. */
  pigeonVia(peer: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** Another number whenever the leaf set is another. */
  readonly leafRevision: number
  /** Whom a neighbour has open links to, as it said last. */
  neighboursOf(peer: PeerId): ReadonlyArray<PeerId> | undefined
  /** How many peers the network has, judged by the leaf set. */
  estimatedSize(now: number): number
  /** Everybody known, PeerPigeon peers included. */
  known(): ReadonlyArray<PeerId>
  /** Of those, who was not said or found to be gone since. */
  members(): ReadonlyArray<PeerId>
  memberCount(): number
  dialectOf(peer: PeerId): Dialect | undefined
}

interface Link {
  readonly position: Ring.Position
  readonly dialect: Dialect
  readonly since: number
  /** We drew it as a long link. */
  drawn: boolean
  /** What the other end has it for. */
  theirs: Wish
  links: ReadonlyArray<Ring.Position>
  pigeons: ReadonlyArray<PeerId>
  /** What we told it last. */
  told: Wish | undefined
}

interface Underway {
  readonly since: number
  readonly intent: Intent
  /** We dialled. */
  readonly ours: boolean
  readonly dialect: Dialect
}

interface Pending {
  readonly purpose: Route["purpose"]
  readonly target: PeerId
  readonly since: number
}

/** How long after opening the other end may take to say what it has a link for. */
const wordTakes = 1_000

/** Whether a peer was said, or found, to be gone since it was heard of last. */
const isGone = ({ heardAt, linked, lostAt }: Neighbourhood.Known): boolean => !linked && heardAt <= lostAt

/** Links are needed for at most this many peers that nobody else is expected to link: PeerPigeon peers. */
const pigeonLinkers = 2

const nobody: ReadonlyArray<PeerId> = []

/** An overlay without links. `now` is in milliseconds since 1970. @category constructors */
export const make = ({ maxPeers, minPeers, random, self: selfId }: Options, startedAt: number): Overlay => {
  const { longLinks, ringPerSide } = Rules.shapeOf(maxPeers)
  /** Leaves per side whose change neighbours hear of at once: they may be the next to be linked. */
  const nearby = 2 * ringPerSide
  const most = maxPeers + Rules.excess
  const peers = Neighbourhood.make(selfId)
  const { self } = peers
  const pigeons = Neighbourhood.make(selfId)
  const labels = Label.make(selfId)
  labels.round(startedAt)

  const links = new Map<PeerId, Link>()
  /** Links that count for the ring, going up around it from us. */
  const ordered: Array<Link> = []
  const underway = new Map<PeerId, Underway>()
  const pending = new Map<string, Pending>()
  /** Peers that were promised a place, and until when. */
  const promised = new Map<PeerId, number>()
  /** Points that were drawn and not reached: to draw others instead would favour what is near. */
  const points: Array<PeerId> = []
  /** Lost since neighbours were told, and when. */
  const lost = new Map<PeerId, number>()

  let commands: Array<Command> = []
  let now = startedAt
  let requests = 0
  let drawsLeft = Rules.draws
  let placed = false
  let left = false
  let leafIds: ReadonlySet<PeerId> = new Set()
  let nearIds = nobody
  let evictedAt = -Infinity
  let excessSince = Infinity
  let selfRoutedAt = -Infinity
  let hubAt = startedAt + Rules.hubPause
  let hubPause = Rules.hubPause
  let roundAt = startedAt + Rules.round * random()
  let changedAt = startedAt
  let shareAt = Infinity
  let shareWithAll = false
  let actAt = Infinity

  // ------------------------------------------------------------------------------------------------
  // what the links are
  // ------------------------------------------------------------------------------------------------

  const later = (at: number) => {
    if (at < actAt) actAt = at
  }

  const noteChange = (forAll: boolean) => {
    changedAt = now
    roundAt = Math.min(roundAt, now + Rules.round)
    shareWithAll ||= forAll
    shareAt = Math.min(shareAt, now + Rules.shareDelay)
  }

  /** Whether a link is among the nearest open ones on a side: what we want it for, whatever else is known. */
  const isOurRing = (link: Link): boolean => {
    const index = ordered.indexOf(link)
    return index >= 0 && (index < ringPerSide || index >= ordered.length - ringPerSide)
  }

  const wishOf = (link: Link): Wish => isOurRing(link) ? "ring" : link.drawn ? "long" : "spare"

  const standing = (link: Link): Wish => {
    if (link.theirs === "ring" || isOurRing(link)) return "ring"
    return link.drawn || link.theirs === "long" ? "long" : "spare"
  }

  const counts = () => {
    let [ring, drawn, accepted, spare] = [0, 0, 0, 0]
    for (const link of ordered) {
      const kind = standing(link)
      if (kind === "ring") ring++
      else if (kind === "spare") spare++
      else {
        if (link.drawn) drawn++
        if (link.theirs === "long") accepted++
      }
    }
    const pigeonCount = links.size - ordered.length
    let drawing = 0
    for (const { intent, ours } of underway.values()) if (intent === "long" && ours) drawing++
    const slots = Math.min(longLinks, Math.max(0, maxPeers - Math.max(2 * ringPerSide, ring) - pigeonCount))
    const half = Math.ceil(slots / 2)
    return {
      spare,
      drawn: drawn + drawing,
      accepted,
      mayDraw: Math.min(half, slots - accepted) - drawn - drawing,
      mayAccept: Math.min(half, slots - drawn - drawing) - accepted
    }
  }

  const total = () => links.size + underway.size

  /** Whether everybody we know fits into our links: then everybody links everybody. */
  const isSmall = () => peers.countAlive(now, maxPeers + 1) <= maxPeers

  // ------------------------------------------------------------------------------------------------
  // letting go
  // ------------------------------------------------------------------------------------------------

  /** The nearest of our links to a peer, for it to turn to. */
  const namesFor = (position: Ring.Position): ReadonlyArray<PeerId> =>
    ordered
      .filter((link) => link.position !== position)
      .toSorted((a, b) => Ring.compareDistance(position, a.position, b.position))
      .slice(0, 2 * ringPerSide)
      .map((link) => link.position.id)

  const unorder = (link: Link) => {
    const index = ordered.indexOf(link)
    if (index >= 0) ordered.splice(index, 1)
  }

  const release = (link: Link, reason: string) => {
    const peer = link.position.id
    if (link.dialect === "homing") {
      commands.push(
        Command.Send({ to: peer, frame: { type: "release", leaving: false, prefer: namesFor(link.position) } })
      )
    }
    commands.push(Command.HangUp({ peer, reason }))
    drop(peer, link)
    const known = peers.get(peer)
    if (known !== undefined) known.restsUntil = now + Rules.rest
    noteChange(true)
  }

  const drop = (peer: PeerId, link: Link) => {
    links.delete(peer)
    unorder(link)
    const known = (link.dialect === "homing" ? peers : pigeons).get(peer)
    if (known !== undefined) {
      known.linked = false
      known.heardAt = now
    }
  }

  /** Releases a link that neither end needs, the nearest first: others are there for it. */
  const releaseSpare = (): boolean => {
    let chosen: Link | undefined
    for (const link of ordered) {
      if (standing(link) !== "spare" || now - link.since < wordTakes) continue
      if (chosen === undefined || Ring.compareDistance(self, link.position, chosen.position) < 0) chosen = link
    }
    if (chosen === undefined) return false
    release(chosen, "not needed any more: others are nearer")
    return true
  }

  /** Takes a long link from its other end, or from us. */
  const evictLong = (): boolean => {
    if (now - evictedAt < Rules.evictionPause) return false
    let chosen: Link | undefined
    for (const link of ordered) {
      if (standing(link) !== "long" || now - link.since < Rules.evictionAge) continue
      // Our own first: we know how to draw another.
      if (chosen === undefined || (link.drawn && !chosen.drawn)) chosen = link
    }
    if (chosen === undefined) return false
    evictedAt = now
    release(chosen, "made room for a neighbour on the ring")
    return true
  }

  /** Gives up an attempt that takes long, so that another peer can be dialled. */
  const cancelSlow = (): boolean => {
    for (const [peer, { ours, since }] of underway) {
      if (!ours || now - since < Rules.slowDial) continue
      underway.delete(peer)
      commands.push(Command.HangUp({ peer, reason: "took too long" }))
      failed(peer, "unreachable")
      return true
    }
    return false
  }

  /** Makes room for a ring link, if it can. */
  const makeRoom = (mayEvict = true): boolean => {
    while (total() >= most) if (!cancelSlow() && !releaseSpare() && !(mayEvict && evictLong())) return false
    return true
  }

  /** Gives up a link that only we wanted, young or not. */
  const giveUpDrawn = (): boolean => {
    const chosen = ordered.find((link) => standing(link) === "long" && link.theirs !== "long")
    if (chosen === undefined) return false
    release(chosen, "made room for a neighbour on the ring")
    return true
  }

  const trim = () => {
    while (links.size > maxPeers && releaseSpare());
    if (links.size > maxPeers) {
      // A link that changes hands is counted twice for a moment, and nothing need be given up for that.
      excessSince = Math.min(excessSince, now)
      if (now - excessSince >= Rules.excessLives && (evictLong() || giveUpDrawn())) return trim()
      later(now + wordTakes)
    } else excessSince = Infinity
  }

  // ------------------------------------------------------------------------------------------------
  // making links
  // ------------------------------------------------------------------------------------------------

  const dial = (peer: PeerId, intent: Intent, dialect: Dialect = "homing") => {
    underway.set(peer, { since: now, intent, ours: true, dialect })
    commands.push(Command.Dial({ peer, dialect, intent }))
    later(now + Rules.slowDial)
  }

  const mayDial = (known: Neighbourhood.Known): boolean => {
    if (now >= known.restsUntil) return true
    later(known.restsUntil)
    return false
  }

  const failed = (peer: PeerId, reason: "refused" | "unreachable") => {
    const table = peers.get(peer) === undefined ? pigeons : peers
    const known = table.get(peer)
    if (known === undefined || known.linked) return
    const pause = Math.min(Rules.restCap, Rules.rest * 2 ** known.failures) * (0.5 + random())
    known.restsUntil = now + pause
    known.failures++
    if (reason === "refused") known.heardAt = now
    else if (table.lose(peer, now)) lost.set(peer, now)
    if (known.failures >= Rules.maxFailures && table.around.length > Rules.fewestKnown && reason === "unreachable") {
      table.forget(peer)
    }
  }

  /** Dials the nearest that are not linked; says whether all are there. */
  const linkRing = (): boolean => {
    let isWhole = true
    for (const step of [1, -1]) {
      let missing = ringPerSide
      const size = peers.around.length
      for (let i = 0; i < size && missing > 0; i++) {
        const known = peers.around[step === 1 ? i : size - 1 - i]
        if (known === undefined) continue
        const peer = known.position.id
        if (known.linked) {
          missing--
          continue
        }
        const under = underway.get(peer)
        if (under !== undefined) {
          if (now - under.since >= Rules.slowDial) continue
          missing--
          isWhole = false
          continue
        }
        if (!peers.isAlive(known, now) || !mayDial(known)) continue
        if (!makeRoom()) {
          later(now + Rules.rest)
          return false
        }
        dial(peer, "ring")
        missing--
        isWhole = false
      }
      if (missing > 0 && placed) selfRoute()
    }
    return isWhole
  }

  const linkAll = () => {
    // A copy, because giving up an attempt may forget a peer.
    for (const known of peers.around.slice()) {
      const peer = known.position.id
      if (known.linked || underway.has(peer) || !peers.isAlive(known, now) || !mayDial(known)) continue
      while (total() >= most) if (!cancelSlow()) return
      dial(peer, isNear(known) ? "ring" : "spare")
    }
  }

  const drawPoint = (): PeerId => {
    const side = random() < 0.5 ? "clockwise" : "counter"
    return Ring.harmonicPoint(self, estimatedSize(), random(), side)
  }

  const linkLong = () => {
    if (!placed || drawsLeft <= 0) return
    let drawing = 0
    for (const { purpose } of pending.values()) if (purpose === "draw") drawing++
    let missing = Math.min(counts().mayDraw, Rules.drawsAtOnce) - drawing
    while (missing-- > 0 && drawsLeft > 0 && total() < most) {
      drawsLeft--
      request("draw", points.pop() ?? drawPoint())
    }
  }

  /** Below the minimum every candidate is fair, alive or only remembered. */
  const linkAnyone = () => {
    let drawing = 0
    for (const { purpose } of pending.values()) if (purpose === "draw") drawing++
    let missing = minPeers - total() - drawing
    if (missing <= 0) return
    // One that left the hub could only be reached over the mesh.
    const isReachable = (known: Neighbourhood.Known) => !known.departed || links.size > 0
    const fair = peers.around.filter((known) =>
      !known.linked && isReachable(known) && !underway.has(known.position.id) && now >= known.restsUntil
    )
    const alive = fair.filter((known) => peers.isAlive(known, now))
    // Those that are only remembered come last.
    for (const pool of [alive, fair.filter((known) => !peers.isAlive(known, now))]) {
      while (missing > 0 && pool.length > 0) {
        const [known] = pool.splice(Math.floor(random() * pool.length), 1)
        if (known === undefined) break
        dial(known.position.id, "spare")
        missing--
      }
    }
    if (missing > 0) {
      for (const known of peers.around) if (!known.linked && isReachable(known)) mayDial(known)
    }
  }

  /** Whether we are one of the two peers nearest to a PeerPigeon peer, and so expected to link it. */
  const mustLink = (pigeon: Ring.Position): boolean => {
    let nearer = 0
    for (const known of peers.around) {
      if (peers.isAlive(known, now) && Ring.compareDistance(pigeon, known.position, self) < 0) {
        if (++nearer >= pigeonLinkers) return false
      }
    }
    return true
  }

  const pigeonCount = () => {
    let count = links.size - ordered.length
    for (const { dialect } of underway.values()) if (dialect === "pigeon") count++
    return count
  }

  const linkPigeons = () => {
    for (const known of pigeons.around) {
      const peer = known.position.id
      if (known.linked || underway.has(peer) || total() >= maxPeers) continue
      if (peers.around.length > 0 && pigeonCount() >= Rules.pigeonLinks) return
      if (mustLink(known.position) && mayDial(known)) dial(peer, "spare", "pigeon")
    }
  }

  const askHub = () => {
    if (links.size > 0 || underway.size > 0) return
    if (now >= hubAt) {
      commands.push(Command.AskHub())
      hubAt = now + hubPause * (0.75 + random() / 2)
      hubPause = Math.min(Rules.restCap, hubPause * 2)
    }
    later(hubAt)
  }

  /** Brings the links nearer to what they should be. */
  const act = () => {
    if (left) return
    actAt = Infinity
    for (const { ours, since } of underway.values()) {
      if (ours && now - since < Rules.slowDial) later(since + Rules.slowDial)
    }
    if (isSmall()) linkAll()
    // How far a long link goes depends on how many there are, which is known once the nearest are.
    else if (linkRing()) linkLong()
    linkAnyone()
    if (pigeons.around.length > 0) linkPigeons()
    trim()
    askHub()
  }

  // ------------------------------------------------------------------------------------------------
  // telling neighbours
  // ------------------------------------------------------------------------------------------------

  const leavesOf = (known: Iterable<Neighbourhood.Known>) => {
    const leaves: Array<PeerId> = []
    const ages: Array<number> = []
    for (const { heardAt, linked, position } of known) {
      if (leaves.length === maxLeaves) break
      leaves.push(position.id)
      ages.push(linked ? 0 : Math.max(0, Math.ceil((now - heardAt) / 1000)))
    }
    return { leaves, ages }
  }

  const ownLeaves = (): ReadonlySet<Neighbourhood.Known> => {
    const { clockwise, counter } = peers.leaves(now)
    return new Set([...clockwise, ...counter])
  }

  const compose = (): Omit<Neighbours, "wish"> => ({
    type: "neighbours",
    links: ordered.slice(0, maxLinks).map((link) => link.position.id),
    pigeons: Array.from(links.values()).filter(({ dialect }) => dialect === "pigeon").map(({ position }) =>
      position.id
    ),
    ...leavesOf(ownLeaves()),
    lost: Array.from(lost.keys()).slice(0, maxLeaves),
    lostAges: Array.from(lost.values(), (at) => Math.max(0, Math.round(now - at))).slice(0, maxLeaves),
    label: labels.current.peer,
    epoch: labels.current.epoch
  })

  const tell = (link: Link, news: Omit<Neighbours, "wish">) => {
    link.told = wishOf(link)
    commands.push(Command.Send({ to: link.position.id, frame: { ...news, wish: link.told } }))
  }

  const shareNews = () => {
    shareAt = Infinity
    let news: Omit<Neighbours, "wish"> | undefined
    for (const link of ordered) {
      if (!shareWithAll && standing(link) !== "ring" && link.told === wishOf(link)) continue
      news ??= compose()
      tell(link, news)
    }
    shareWithAll = false
    lost.clear()
  }

  /** Notices what neighbours should hear of. */
  const notice = () => {
    for (const link of ordered) {
      if (link.told !== wishOf(link)) {
        noteChange(false)
        break
      }
    }
    if (lost.size > 0) noteChange(true)
    if (!touched) return
    touched = false
    const { clockwise, counter } = peers.leaves(now)
    const ids = new Set([...clockwise, ...counter].map(({ position }) => position.id))
    if (ids.size !== leafIds.size || Array.from(ids).some((id) => !leafIds.has(id))) leafRevision++
    leafIds = ids
    // What is farther is told with the next round.
    const near = [...clockwise.slice(0, nearby), ...counter.slice(0, nearby)].map(({ position }) => position.id)
    if (near.length !== nearIds.length || near.some((id, index) => id !== nearIds[index])) {
      nearIds = near
      noteChange(false)
    }
  }
  let touched = false
  let leafRevision = 0

  const hear = (peer: PeerId, at: number): Neighbourhood.Known | undefined => {
    const before = peers.get(peer)
    if (before === undefined) {
      if (pigeons.get(peer) !== undefined) return undefined
      touched = true
    } else if (!before.linked && before.heardAt <= before.lostAt) touched = true
    const known = peers.hear(peer, at)
    if (known !== undefined) known.introducedAt = undefined
    return known
  }

  /** As `hear`, from a hub: whether anybody here is linked to the peer is not known then. */
  const hearOf = (peer: PeerId) => {
    const isVouchedFor = peers.get(peer)?.introducedAt === undefined && peers.get(peer) !== undefined
    const known = hear(peer, now)
    if (known !== undefined && !isVouchedFor) known.introducedAt = now
  }

  /** Takes word of a peer and of how it speaks; of a neighbour, we know better. */
  const learn = (peer: PeerId, dialect: Dialect, isIntroduced: boolean): Neighbourhood.Known | undefined => {
    const really = links.get(peer)?.dialect ?? dialect
    if (really === "pigeon") peers.forget(peer)
    else pigeons.forget(peer)
    if (really === "pigeon") pigeons.hear(peer, now)
    else if (isIntroduced) hearOf(peer)
    else hear(peer, now)
    const known = (really === "pigeon" ? pigeons : peers).get(peer)
    if (known !== undefined) known.departed = false
    return known
  }

  const lose = (peer: PeerId, at: number) => {
    if (!peers.lose(peer, at)) return
    touched = true
    if (leafIds.has(peer)) lost.set(peer, at)
  }

  const hearLeaves = ({ ages, leaves }: Pick<Neighbours, "leaves" | "ages">) => {
    for (const [index, leaf] of leaves.entries()) {
      const age = ages[index]
      if (age !== undefined && age * 1000 < Rules.wordLives) hear(leaf, now - age * 1000)
    }
  }

  // ------------------------------------------------------------------------------------------------
  // requests
  // ------------------------------------------------------------------------------------------------

  const estimatedSize = (at = now): number => {
    const { clockwise, counter } = peers.leaves(at)
    return Ring.estimateSize(self, clockwise.map(({ position }) => position), counter.map(({ position }) => position))
  }

  const randomLink = (isFit: (link: Link) => boolean = () => true): Link | undefined => {
    const fit = ordered.filter(isFit)
    return fit[Math.floor(random() * fit.length)]
  }

  /** Sends a request of our own on its way, through the best neighbour or a given one. */
  const request = (purpose: Route["purpose"], target: PeerId, through?: Link) => {
    const via = through ?? Routing.best(Ring.position(target), ordered, [selfId])?.via
    if (via === undefined) return
    const id = `${requests++}-${Math.floor(random() * 2 ** 48).toString(36)}`
    pending.set(id, { purpose, target, since: now })
    later(now + Rules.routeLives)
    commands.push(Command.Send({
      to: via.position.id,
      frame: {
        type: "route",
        id,
        origin: selfId,
        target,
        purpose,
        walked: 0,
        ttl: Rules.ttl,
        path: [selfId],
        visited: [selfId]
      }
    }))
  }

  /** Looks for our own place from somewhere else: who is there should be our neighbours. */
  const selfRoute = (through?: Link) => {
    if (now - selfRoutedAt < Rules.selfRoutePause) return
    const via = through ?? randomLink((link) => !isOurRing(link)) ?? randomLink()
    if (via === undefined) return
    selfRoutedAt = now
    request("place", selfId, via)
  }

  /** The neighbour nearest to the start of a way that is to be gone back, and what is left of the way then. */
  const back = (
    path: ReadonlyArray<PeerId>
  ): { readonly to: PeerId; readonly path: ReadonlyArray<PeerId> } | undefined => {
    const index = path.findIndex((peer) => links.has(peer))
    const to = path[index]
    return to === undefined ? undefined : { to, path: path.slice(0, index) }
  }

  const answer = (route: Route, accepted: boolean) => {
    const way = back(route.path)
    if (way === undefined) return
    const near = new Set(peers.nearest(Ring.position(route.target), now))
    commands.push(Command.Send({
      to: way.to,
      frame: { type: "routed", id: route.id, path: way.path, found: selfId, accepted, ...leavesOf(near) }
    }))
  }

  const onRoute = (from: PeerId, route: Route) => {
    if (route.origin === selfId) return
    const target = Ring.position(route.target)
    if (from === route.origin || route.purpose === "place") hear(route.origin, now)
    if (route.purpose === "find" && Ring.isSame(target, self)) return answer(route, true)
    if (route.walked === 0 && route.ttl > 0) {
      const hop = Routing.best(target, ordered, route.visited)
      if (hop !== undefined && Routing.isNearer(hop, target, self)) return forward(route, hop.via, 0)
    }
    if (route.purpose !== "draw") return answer(route, route.purpose === "place")
    // The point is not reached, and the answer would not be what was drawn.
    if (route.walked === 0 && route.ttl === 0) return
    if (hasRoomFor(route.origin)) {
      promised.set(route.origin, now + Rules.promiseLives)
      return answer(route, true)
    }
    const next = route.walked < Rules.walkSteps && route.ttl > 0
      ? randomLink((link) =>
        !route.visited.includes(link.position.id) && !link.links.some(({ id }) => id === route.origin)
      )
      : undefined
    if (next === undefined) answer(route, false)
    else forward(route, next, route.walked + 1)
  }

  const forward = (route: Route, via: Link, walked: number) => {
    commands.push(Command.Send({
      to: via.position.id,
      frame: {
        ...route,
        walked,
        ttl: route.ttl - 1,
        path: [...route.path, selfId],
        visited: [...route.visited, selfId]
      }
    }))
  }

  /** Whether a peer that drew us may have a long link. */
  const hasRoomFor = (origin: PeerId): boolean => {
    if (left || origin === selfId || underway.has(origin)) return false
    const link = links.get(origin)
    if (link !== undefined && standing(link) !== "spare") return false
    for (const [peer, until] of promised) if (now >= until) promised.delete(peer)
    const { mayAccept, spare } = counts()
    return mayAccept - promised.size > 0 && (link !== undefined || total() - spare < maxPeers)
  }

  const onRouted = (frame: Extract<OverlayFrame, { readonly type: "routed" }>) => {
    if (frame.path.length > 0) {
      const way = back(frame.path)
      if (way !== undefined) commands.push(Command.Send({ to: way.to, frame: { ...frame, path: way.path } }))
      return
    }
    const request = pending.get(frame.id)
    if (request === undefined) return
    pending.delete(frame.id)
    hearLeaves(frame)
    hear(frame.found, now)
    switch (request.purpose) {
      case "place":
        placed = true
        return
      case "draw": {
        if (!frame.accepted || underway.has(frame.found)) return
        const link = links.get(frame.found)
        if (link !== undefined) link.drawn = true
        else if (total() < most) dial(frame.found, "long")
        drawsLeft = Rules.draws
        return
      }
      case "find":
        if (frame.accepted) hear(request.target, now)
        // Nobody here is linked to it: it is gone, or elsewhere.
        else if (!links.has(request.target) && !underway.has(request.target) && total() < most) {
          dial(request.target, "bridge")
        }
        return
    }
  }

  /** Brings a message of signaling a hop nearer to its peer, or back to try another way. */
  const onSignal = (frame: Extract<OverlayFrame, { readonly type: "signal" }>) => {
    if (frame.to === selfId) {
      hear(frame.from, now)
      commands.push(Command.Signaled({ from: frame.from, signal: frame.signal }))
      return
    }
    const visited = frame.visited.includes(selfId) ? frame.visited : [...frame.visited, selfId]
    const via = frame.ttl > 0 ? wayTo(frame.to, visited) : undefined
    const ttl = Math.max(0, frame.ttl - 1)
    if (via !== undefined) {
      commands.push(Command.Send({ to: via, frame: { ...frame, ttl, visited, path: [...frame.path, selfId] } }))
      return
    }
    const previous = frame.path.at(-1)
    if (frame.ttl > 0 && previous !== undefined && links.has(previous)) {
      commands.push(Command.Send({ to: previous, frame: { ...frame, ttl, visited, path: frame.path.slice(0, -1) } }))
      return
    }
    unreached({ type: "unreached", id: frame.id, to: frame.to, path: frame.path })
  }

  const unreached = (frame: Extract<OverlayFrame, { readonly type: "unreached" }>) => {
    if (frame.path.length === 0) {
      commands.push(Command.Unreached({ peer: frame.to }))
      return
    }
    const way = back(frame.path)
    if (way !== undefined) commands.push(Command.Send({ to: way.to, frame: { ...frame, path: way.path } }))
  }

  /** The neighbour through whom a peer is reached. */
  const wayTo = (peer: PeerId, visited: ReadonlyArray<PeerId>): PeerId | undefined => {
    if (links.has(peer)) return peer
    for (const link of ordered) {
      if (link.pigeons.includes(peer) && !visited.includes(link.position.id)) return link.position.id
    }
    return Routing.best(Ring.position(peer), ordered, visited)?.via.position.id
  }

  // ------------------------------------------------------------------------------------------------
  // events
  // ------------------------------------------------------------------------------------------------

  const onOffered = (event: Extract<Event, { readonly _tag: "Offered" }>) => {
    const { dialect, peer } = event
    const before = peers.get(peer)
    // Nobody here has spoken of it: it is new, or from a ring of its own that is to be joined to ours.
    const isStranger = before === undefined || before.introducedAt !== undefined
    const known = learn(peer, dialect, false)
    if (known === undefined || left) {
      commands.push(Command.Refuse({ peer, reason: left ? "this peer leaves the network" : "not a peer to link" }))
      return
    }
    if (!links.has(peer) && !underway.has(peer)) {
      if (!accepts(known, dialect, isStranger)) {
        commands.push(Command.Refuse({ peer, reason: `all ${maxPeers} links are taken` }))
        return
      }
      underway.set(peer, { since: now, intent: promised.has(peer) ? "long" : "spare", ours: false, dialect })
    }
    commands.push(Command.Accept({ peer }))
  }

  const accepts = (known: Neighbourhood.Known, dialect: Dialect, isStranger: boolean): boolean => {
    if (dialect === "pigeon") {
      return total() < maxPeers && (peers.around.length === 0 || pigeonCount() < Rules.pigeonLinks)
    }
    if (isNear(known)) return makeRoom()
    if (promised.has(known.position.id)) return total() < most
    if (isStranger) return makeRoom(false)
    return total() < (isSmall() ? most : maxPeers)
  }

  /** Whether a peer is one of those that we want ring links to. */
  const isNear = (known: Neighbourhood.Known): boolean => {
    const { clockwise, counter } = peers.leaves(now, ringPerSide)
    return clockwise.includes(known) || counter.includes(known)
  }

  const onOpened = (peer: PeerId, dialect: Dialect) => {
    const under = underway.get(peer)
    if (under === undefined && !links.has(peer) && total() >= most) {
      // Given up before it opened. A link that stands is worth more than one that may come.
      const [other] = underway.keys()
      if (other === undefined) {
        commands.push(Command.HangUp({ peer, reason: `all ${maxPeers} links are taken` }))
        return
      }
      underway.delete(other)
      commands.push(Command.HangUp({ peer: other, reason: "another link opened" }))
    }
    underway.delete(peer)
    promised.delete(peer)
    if (dialect === "pigeon") {
      peers.forget(peer)
      const known = pigeons.hear(peer, now)
      if (known === undefined) return
      Object.assign(known, { linked: true, failures: 0 })
    } else {
      pigeons.forget(peer)
      const known = hear(peer, now)
      if (known === undefined) return
      known.linked = true
      known.failures = 0
      touched = true
    }
    const before = links.get(peer)
    if (before !== undefined) unorder(before)
    const link: Link = {
      position: Ring.position(peer),
      dialect,
      since: now,
      drawn: under?.intent === "long" && under.ours,
      theirs: under?.intent === "long" && !under.ours ? "long" : "spare",
      links: [],
      pigeons: nobody,
      told: undefined
    }
    links.set(peer, link)
    noteChange(true)
    hubPause = Rules.hubPause
    hubAt = now + hubPause
    if (dialect === "pigeon") return
    let index = 0
    for (const other of ordered) {
      if (Ring.compareClockwise(self, other.position, link.position) > 0) break
      index++
    }
    ordered.splice(index, 0, link)
    tell(link, compose())
    if (!placed) selfRoute(link)
  }

  const onClosed = (peer: PeerId) => {
    const link = links.get(peer)
    if (link === undefined) return
    drop(peer, link)
    noteChange(true)
    const table = link.dialect === "homing" ? peers : pigeons
    const known = table.get(peer)
    if (known !== undefined) known.restsUntil = now + Rules.rest
    if (table.lose(peer, now) && link.dialect === "homing") lost.set(peer, now)
    touched = true
  }

  const onNeighbours = (link: Link, frame: Neighbours) => {
    link.theirs = frame.wish
    link.links = frame.links.filter((peer) => peer !== selfId).map(Ring.position)
    link.pigeons = frame.pigeons
    for (const [index, peer] of frame.lost.entries()) lose(peer, now - (frame.lostAges?.[index] ?? 0))
    for (const peer of frame.links) hear(peer, now)
    hearLeaves(frame)
    const other = labels.current.peer
    if (labels.hear({ peer: frame.label, epoch: frame.epoch }, now) === "adopted") noteChange(true)
    // Two components have met: what is near us in the other one belongs between our neighbours.
    if (frame.label !== other) selfRoute(link)
  }

  const onRelease = (link: Link, leaving: boolean, prefer: ReadonlyArray<PeerId>) => {
    const peer = link.position.id
    for (const other of prefer) hear(other, now - 1000)
    drop(peer, link)
    const known = peers.get(peer)
    if (known !== undefined) known.restsUntil = now + Rules.rest
    if (leaving) lose(peer, now)
    touched = true
    noteChange(true)
  }

  const onFrame = (from: PeerId, frame: OverlayFrame) => {
    const link = links.get(from)
    switch (frame.type) {
      case "neighbours":
        if (link !== undefined) onNeighbours(link, frame)
        return
      case "release":
        if (link !== undefined) onRelease(link, frame.leaving, frame.prefer)
        return
      case "route":
        return onRoute(from, frame)
      case "routed":
        return onRouted(frame)
      case "signal":
        return onSignal(frame)
      case "unreached":
        return unreached(frame)
    }
  }

  const onRound = () => {
    const length = now - changedAt < Rules.calmAfter ? Rules.round : Rules.round * Rules.calmRounds
    roundAt = now + length * (1 + Rules.roundJitter * (2 * random() - 1))
    if (labels.round(now)) noteChange(true)
    drawsLeft = Rules.draws
    touched = true
    shareWithAll = true
    shareNews()
    for (const [peer, { since }] of underway) {
      if (now - since < Rules.dialLives) continue
      underway.delete(peer)
      commands.push(Command.HangUp({ peer, reason: "took too long" }))
      failed(peer, "unreachable")
    }
    if (!placed || random() < Rules.selfRouteShare) selfRoute()
    checkCandidate()
  }

  /**
   * Looks for a peer that we know of and have not linked, the one that was introduced last or any: where it is not found,
   * there may be a ring of its own.
   */
  const checkCandidate = () => {
    let chosen: Neighbourhood.Known | undefined
    for (const known of peers.around) {
      const { introducedAt } = known
      if (introducedAt !== undefined && introducedAt > (chosen?.introducedAt ?? -Infinity)) chosen = known
    }
    if (chosen === undefined && random() < Rules.candidateCheckShare) {
      chosen = peers.around[Math.floor(random() * peers.around.length)]
    }
    if (chosen === undefined || chosen.linked || underway.has(chosen.position.id) || now < chosen.restsUntil) return
    chosen.introducedAt = undefined
    request("find", chosen.position.id)
  }

  const onDue = () => {
    for (const [id, { purpose, since, target }] of pending) {
      if (now - since < Rules.routeLives) continue
      pending.delete(id)
      if (purpose === "draw" && points.length < Rules.draws) points.unshift(target)
    }
    if (!placed) selfRoute()
    if (now >= roundAt) onRound()
    if (now >= shareAt) shareNews()
  }

  const onLeave = () => {
    left = true
    for (const [peer, link] of links) {
      if (link.dialect === "homing") {
        commands.push(
          Command.Send({ to: peer, frame: { type: "release", leaving: true, prefer: namesFor(link.position) } })
        )
      }
      commands.push(Command.HangUp({ peer, reason: "left the network" }))
    }
    for (const peer of underway.keys()) commands.push(Command.HangUp({ peer, reason: "left the network" }))
    underway.clear()
    ;[roundAt, shareAt, actAt] = [Infinity, Infinity, Infinity]
  }

  const isUnderway = (known: Neighbourhood.Known) => underway.has(known.position.id)

  const take = (event: Event) => {
    switch (event._tag) {
      case "Introduced":
        learn(event.peer, event.dialect, true)
        return later(now + Rules.introductionDelay)
      case "Departed": {
        const known = peers.get(event.peer) ?? pigeons.get(event.peer)
        if (known !== undefined) known.departed = true
        pigeons.lose(event.peer, now)
        lose(event.peer, now)
        return act()
      }
      case "Offered":
        return onOffered(event)
      case "LinkOpened":
        onOpened(event.peer, event.dialect)
        return act()
      case "LinkClosed":
        onClosed(event.peer)
        return act()
      case "LinkFailed":
        if (!underway.delete(event.peer)) return
        failed(event.peer, event.reason)
        touched = true
        return act()
      case "FrameCame":
        onFrame(event.from, event.frame)
        return act()
      case "Reach":
        return onSignal({
          type: "signal",
          id: `${requests++}-${Math.floor(random() * 2 ** 48).toString(36)}`,
          from: selfId,
          to: event.peer,
          signal: event.signal,
          ttl: Rules.ttl,
          path: [],
          visited: []
        })
      case "Due":
        onDue()
        return act()
      case "Leave":
        return onLeave()
    }
  }

  return {
    handle(event) {
      commands = []
      now = event.now
      if (left && event._tag !== "Offered") return commands
      take(event)
      for (const table of [peers, pigeons]) table.prune(now, isUnderway)
      if (!left) notice()
      return commands
    },
    get dueAt() {
      return Math.min(roundAt, shareAt, actAt)
    },
    get links() {
      return Array.from(links, ([peer, link]) => ({
        peer,
        dialect: link.dialect,
        since: link.since,
        ours: wishOf(link),
        theirs: link.theirs
      }))
    },
    get underway() {
      return underway.size
    },
    get label() {
      return labels.current
    },
    nextHop(target, visited) {
      const position = Ring.position(target)
      const hop = Routing.best(position, ordered, visited)
      return hop === undefined ? undefined : {
        peer: hop.via.position.id,
        nearest: hop.nearest.id,
        isNearer: Routing.isNearer(hop, position, self)
      }
    },
    leafSet(at) {
      const { clockwise, counter } = peers.leaves(at)
      return {
        clockwise: clockwise.map(({ position }) => position.id),
        counter: counter.map(({ position }) => position.id)
      }
    },
    nearest(target, count, at) {
      const position = Ring.position(target)
      return [self, ...peers.around.filter((known) => peers.isAlive(known, at)).map((known) => known.position)]
        .toSorted((a, b) => Ring.compareDistance(position, a, b))
        .slice(0, count)
        .map(({ id }) => id)
    },
    pigeonVia: (peer, except) =>
      ordered.find(({ pigeons, position }) => pigeons.includes(peer) && !except(position.id))?.position.id,
    get leafRevision() {
      return leafRevision
    },
    neighboursOf: (peer) => links.get(peer)?.links.map(({ id }) => id),
    estimatedSize,
    known: () => [...peers.around, ...pigeons.around].map(({ position }) => position.id),
    memberCount() {
      let count = 0
      for (const { around } of [peers, pigeons]) for (const known of around) if (!isGone(known)) count++
      return count
    },
    members: () =>
      [...peers.around, ...pigeons.around].filter((known) => !isGone(known)).map(({ position }) => position.id),
    dialectOf: (peer) =>
      peers.get(peer) !== undefined ? "homing" : pigeons.get(peer) !== undefined ? "pigeon" : undefined
  }
}
