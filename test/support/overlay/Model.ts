/**
 * Many overlays in one loop: the real core, and of everything around it only how long things take. Frames take a link's
 * latency, links are made over a hub or over the mesh, and peers die without a word. No Effect runtime and no WebRTC, so
 * that a thousand peers live ten minutes in seconds. A seed repeats a run exactly.
 */
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Ring from "../../../src/domain/Ring.ts"
import { make, type Overlay } from "../../../src/services/membership/Overlay.ts"
import { type Command, Event, type Intent } from "../../../src/services/membership/OverlayEvent.ts"
import { Agenda } from "../../../src/testing/Agenda.ts"

/** @category models */
export interface Settings {
  readonly seed: number
  readonly minPeers: number
  readonly maxPeers: number
  /** Whom a hub introduces to a newcomer, and the newcomer to: the nearest 8 per side and 4 others, or any 64. */
  readonly introductions: "nearest" | "sample"
  /** Milliseconds until the other end of a link notices that a peer has died. */
  readonly detection: readonly [number, number]
  /** Milliseconds until an offer to a dead peer is given up. */
  readonly patience: number
  /** Milliseconds for which the smaller of two ids waits for the other's offer before it offers itself. */
  readonly offerWait: number
}

/** @category constants */
export const defaults: Settings = {
  seed: 1,
  minPeers: 4,
  maxPeers: 8,
  introductions: "nearest",
  detection: [0, 0],
  patience: 5000,
  offerWait: 0
}

/** One way of a link, in milliseconds. */
const latency = [20, 120] as const
/** What making a link takes, in milliseconds. */
const setup = [300, 1000] as const
/** How long a hub takes to tell a peer something, in milliseconds. */
const hubDelay = [20, 120] as const

/** 32-bit numbers that look random, from a seed (sfc32). */
const generator = (seed: number): () => number => {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162 ^ seed, 1]
  const next = () => {
    const t = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t | 0
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 20; i++) next()
  return next
}

/** A link between two peers, open or under way. */
interface Wire {
  readonly ends: readonly [Peer, Peer]
  readonly latency: number
  open: boolean
  /** The second end took the offer. */
  accepted: boolean
  gone: boolean
}

/** @category models */
export interface Peer {
  readonly id: PeerId
  readonly position: Ring.Position
  readonly overlay: Overlay
  readonly wires: Map<PeerId, Wire>
  readonly joinedAt: number
  alive: boolean
  dueAt: number
  /** Since when it has had more open links than it should keep. */
  excessSince: number
}

/** @category models */
export class Model {
  readonly settings: Settings
  readonly random: () => number
  readonly peers = new Map<PeerId, Peer>()
  hubs = true
  now = 1_000_000_000_000
  opened = 0
  /** Links that opened, by what they were dialled for. */
  readonly intents = new Map<Intent, number>()
  frames = 0
  hungUp = 0
  dialled = 0
  /** The most open links that a peer had at any moment. */
  mostLinks = 0
  /** The longest time for which a peer had more open links than it should keep, in milliseconds. */
  longestExcess = 0
  /** Peers between which nothing gets through. */
  isCut: (one: Peer, other: Peer) => boolean = () => false
  readonly reasons = new Map<string, number>()
  readonly failures = new Map<string, number>()
  readonly #agenda = new Agenda()
  #turn = 0

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...defaults, ...settings }
    this.random = generator(this.settings.seed)
  }

  between([from, to]: readonly [number, number]): number {
    return from + (to - from) * this.random()
  }

  after(delay: number, act: () => void): void {
    this.#agenda.add(this.now + delay, act)
  }

  run(millis: number): void {
    const end = this.now + millis
    while (this.#agenda.nextAt <= end) {
      const { nextAt: at, next } = this.#agenda
      this.#agenda.drop()
      this.now = at
      next?.act?.()
    }
    this.now = end
  }

  get living(): ReadonlyArray<Peer> {
    return Array.from(this.peers.values())
  }

  newId(): PeerId {
    const digits = Array.from({ length: 5 }, () => Math.floor(this.random() * 2 ** 32).toString(16).padStart(8, "0"))
    return PeerId.make(digits.join(""))
  }

  // ------------------------------------------------------------------------------------------------
  // coming and going
  // ------------------------------------------------------------------------------------------------

  /** A peer comes, and a hub introduces it to some of those it knows. */
  join(id = this.newId(), among: ReadonlyArray<Peer> = this.living): Peer {
    const peer: Peer = {
      id,
      position: Ring.position(id),
      overlay: make({
        self: id,
        minPeers: this.settings.minPeers,
        maxPeers: this.settings.maxPeers,
        random: this.random
      }, this.now),
      wires: new Map(),
      joinedAt: this.now,
      alive: true,
      dueAt: Infinity,
      excessSince: Infinity
    }
    this.peers.set(id, peer)
    this.#reschedule(peer)
    this.introduce(peer, among)
    return peer
  }

  /** What a hub does when a peer announces itself. `among` are the members of that hub. */
  introduce(peer: Peer, among: ReadonlyArray<Peer> = this.living): void {
    if (!this.hubs) return
    const others = among.filter((other) => other !== peer)
    for (const other of this.#chosen(peer, others)) {
      this.after(this.between(hubDelay), () => this.tell(peer, other.id))
      this.after(this.between(hubDelay), () => this.tell(other, peer.id))
    }
  }

  /** Tells a peer of another. */
  tell(peer: Peer, other: PeerId): void {
    this.#give(peer, Event.Introduced({ now: this.now, peer: other, dialect: "homing" }))
  }

  #chosen(peer: Peer, others: ReadonlyArray<Peer>): Iterable<Peer> {
    if (this.settings.introductions === "sample") {
      const sample = new Set<Peer>()
      for (let i = 0; i < Math.min(64, others.length); i++) {
        const other = others[this.#turn++ % others.length]
        if (other !== undefined) sample.add(other)
      }
      return sample
    }
    const around = others.toSorted((a, b) => Ring.compareClockwise(peer.position, a.position, b.position))
    const chosen = new Set([...around.slice(0, 8), ...around.slice(-8)])
    for (let i = 0; i < 4; i++) {
      const other = others[Math.floor(this.random() * others.length)]
      if (other !== undefined) chosen.add(other)
    }
    return chosen
  }

  /** Ends a peer without a word. */
  kill(peer: Peer): void {
    peer.alive = false
    this.peers.delete(peer.id)
    for (const wire of peer.wires.values()) {
      const other = this.#other(wire, peer)
      const { accepted, open } = wire
      const noticed = open ? this.between(this.settings.detection) : this.settings.patience
      this.after(noticed, () => {
        if (wire.gone) return
        this.#end(wire)
        if (open) this.#give(other, Event.LinkClosed({ now: this.now, peer: peer.id }))
        else if (other === wire.ends[0] || accepted) this.#fail(other, peer.id, "unreachable")
      })
    }
  }

  /** Ends a peer politely. */
  leave(peer: Peer): void {
    this.#give(peer, Event.Leave({ now: this.now }))
    peer.alive = false
    this.peers.delete(peer.id)
  }

  /** Cuts all links between two groups, and lets none come about until `heal`. */
  cut(isInFirst: (peer: Peer) => boolean): void {
    this.isCut = (one, other) => isInFirst(one) !== isInFirst(other)
    for (const peer of this.living) {
      for (const wire of Array.from(peer.wires.values())) {
        const other = this.#other(wire, peer)
        if (!isInFirst(peer) || isInFirst(other)) continue
        this.#end(wire)
        for (const [end, lost] of [[peer, other], [other, peer]] as const) {
          if (wire.open) this.#give(end, Event.LinkClosed({ now: this.now, peer: lost.id }))
          else this.#fail(end, lost.id, "unreachable")
        }
      }
    }
  }

  /** Breaks the link between two peers, and lets none come about between them until `heal`. */
  snap(one: Peer, other: Peer): void {
    const wire = one.wires.get(other.id)
    if (wire === undefined) return
    this.isCut = (a, b) => wire.ends.includes(a) && wire.ends.includes(b)
    this.#end(wire)
    this.#give(one, Event.LinkClosed({ now: this.now, peer: other.id }))
    this.#give(other, Event.LinkClosed({ now: this.now, peer: one.id }))
  }

  heal(): void {
    this.isCut = () => false
  }

  // ------------------------------------------------------------------------------------------------
  // events in, commands out
  // ------------------------------------------------------------------------------------------------

  #give(peer: Peer, event: Event): void {
    if (!peer.alive) return
    for (const command of peer.overlay.handle(event)) this.#carryOut(peer, command)
    if (event._tag === "LinkOpened" || event._tag === "LinkClosed") this.#countLinks(peer)
    this.#reschedule(peer)
  }

  #countLinks(peer: Peer): void {
    let open = 0
    for (const wire of peer.wires.values()) if (wire.open) open++
    this.mostLinks = Math.max(this.mostLinks, open)
    if (open > this.settings.maxPeers) peer.excessSince = Math.min(peer.excessSince, this.now)
    else if (peer.excessSince < Infinity) {
      this.longestExcess = Math.max(this.longestExcess, this.now - peer.excessSince)
      peer.excessSince = Infinity
    }
  }

  #reschedule(peer: Peer): void {
    const { dueAt } = peer.overlay
    if (dueAt >= peer.dueAt || dueAt === Infinity) return
    peer.dueAt = dueAt
    this.after(Math.max(0, dueAt - this.now), () => {
      if (peer.dueAt !== dueAt) return
      peer.dueAt = Infinity
      if (peer.overlay.dueAt <= this.now) this.#give(peer, Event.Due({ now: this.now }))
      else this.#reschedule(peer)
    })
  }

  #carryOut(peer: Peer, command: Command): void {
    switch (command._tag) {
      case "Send": {
        const wire = peer.wires.get(command.to)
        if (wire === undefined || !wire.open) return
        this.frames++
        const other = this.#other(wire, peer)
        const { frame } = command
        this.after(wire.latency, () => {
          if (other.wires.get(peer.id) === wire) {
            this.#give(other, Event.FrameCame({ now: this.now, from: peer.id, frame }))
          }
        })
        return
      }
      case "Dial":
        return this.#dial(peer, command.peer, command.intent)
      case "HangUp": {
        const wire = peer.wires.get(command.peer)
        if (wire === undefined) return
        this.hungUp++
        this.reasons.set(command.reason, (this.reasons.get(command.reason) ?? 0) + 1)
        const other = this.#other(wire, peer)
        const { accepted, open } = wire
        peer.wires.delete(command.peer)
        this.#countLinks(peer)
        // What was sent before comes first.
        this.after(wire.latency, () => {
          if (other.wires.get(peer.id) !== wire) return
          this.#end(wire)
          if (open) this.#give(other, Event.LinkClosed({ now: this.now, peer: peer.id }))
          else if (other === wire.ends[0] || accepted) this.#fail(other, peer.id, "unreachable")
        })
        wire.open = open
        return
      }
      case "AskHub":
        return this.introduce(peer)
      default:
        return
    }
  }

  #other(wire: Wire, peer: Peer): Peer {
    return wire.ends[0] === peer ? wire.ends[1] : wire.ends[0]
  }

  #end(wire: Wire): void {
    wire.gone = true
    const [one, other] = wire.ends
    if (one.wires.get(other.id) === wire) one.wires.delete(other.id)
    if (other.wires.get(one.id) === wire) other.wires.delete(one.id)
  }

  #fail(peer: Peer, other: PeerId, reason: "refused" | "unreachable"): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1)
    this.#give(peer, Event.LinkFailed({ now: this.now, peer: other, reason }))
  }

  #dial(peer: Peer, target: PeerId, intent: Intent): void {
    this.dialled++
    const crossing = peer.wires.get(target)
    if (crossing !== undefined) {
      if (crossing.ends[1] === peer) crossing.accepted = true
      return
    }
    const other = this.peers.get(target)
    const way = other === undefined || this.isCut(peer, other) ? undefined : this.hubs ? 0 : this.way(peer, other)
    if (other === undefined || way === undefined || other.wires.has(peer.id)) {
      const takes = other === undefined && this.hubs ? this.settings.patience : 1000
      this.after(takes, () => {
        if (!peer.wires.has(target)) this.#fail(peer, target, "unreachable")
      })
      return
    }
    const wire: Wire = {
      ends: [peer, other],
      latency: this.between(latency),
      open: false,
      accepted: false,
      gone: false
    }
    peer.wires.set(target, wire)
    other.wires.set(peer.id, wire)
    const waits = peer.id < target ? this.settings.offerWait : 0
    const takes = waits + this.between(setup) + 3 * way
    this.after((waits + takes) / 2, () => {
      if (wire.gone || !other.alive || other.wires.get(peer.id) !== wire) return
      const commands = other.overlay.handle(
        Event.Offered({ now: this.now, peer: peer.id, dialect: "homing" })
      )
      wire.accepted = commands.some(({ _tag }) => _tag === "Accept")
      for (const command of commands) this.#carryOut(other, command)
      this.#reschedule(other)
    })
    this.after(takes, () => {
      if (wire.gone || !peer.alive || !other.alive) return
      if (peer.wires.get(target) !== wire || other.wires.get(peer.id) !== wire) return
      if (!wire.accepted) {
        this.#end(wire)
        this.#fail(peer, target, "refused")
        return
      }
      wire.open = true
      this.opened++
      this.intents.set(intent, (this.intents.get(intent) ?? 0) + 1)
      this.#give(peer, Event.LinkOpened({ now: this.now, peer: target, dialect: "homing" }))
      this.#give(other, Event.LinkOpened({ now: this.now, peer: peer.id, dialect: "homing" }))
    })
  }

  // ------------------------------------------------------------------------------------------------
  // routing by what peers know, one peer after the other
  // ------------------------------------------------------------------------------------------------

  /** The milliseconds of the way from one peer to another over the mesh, going back where it ends. */
  way(from: Peer, to: Peer): number | undefined {
    return this.walk(from, to.id, (peer) => peer === to)?.millis
  }

  /**
   * Follows a message over the mesh until `isThere`, or, without going back, until nobody is nearer to the target.
   */
  walk(
    from: Peer,
    target: PeerId,
    isThere?: (peer: Peer) => boolean
  ): { readonly hops: number; readonly millis: number; readonly end: Peer } | undefined {
    const visited: Array<PeerId> = []
    const path: Array<Peer> = []
    let [here, millis] = [from, 0]
    for (let hops = 0; hops <= 64; hops++) {
      if (isThere?.(here) === true) return { hops, millis, end: here }
      if (!visited.includes(here.id)) visited.push(here.id)
      const direct = here.wires.get(target)
      const hop = direct?.open === true ? { peer: target, isNearer: true } : here.overlay.nextHop(target, visited)
      if (isThere === undefined && hop?.isNearer !== true) return { hops, millis, end: here }
      const wire = hop === undefined ? undefined : here.wires.get(hop.peer)
      const next = hop === undefined ? undefined : this.peers.get(hop.peer)
      if (hop !== undefined && (wire?.open !== true || next === undefined)) {
        // The hop is dead; the sender tries the next best.
        visited.push(hop.peer)
        continue
      }
      if (next === undefined || wire === undefined) {
        const previous = path.pop()
        if (previous === undefined) return undefined
        millis += previous.wires.get(here.id)?.latency ?? 0
        here = previous
      } else {
        path.push(here)
        millis += wire.latency
        here = next
      }
    }
    return undefined
  }
}
