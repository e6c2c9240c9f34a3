/**
 * A hub among hubs that are linked with some of the others: what it does with each message, and to whom it passes it on.
 *
 * News is flooded, each once: a hub passes on what was new to it. A signal goes one way only, hop by hop to the hub that
 * holds its target, over the neighbour from which that hub's beats come first; each hub acts on it once. A neighbour may
 * be linked in several ways at a time, and the best of them is used.
 *
 * No I/O: links and the time are given.
 */
import * as Result from "effect/Result"
import type { PeerId } from "../../domain/PeerId.ts"
import { type Elsewhere, type House, type HubView, known, viewOf } from "../backplane/Backplane.ts"
import * as Claims from "../backplane/Claims.ts"
import * as HubMessage from "../backplane/HubMessage.ts"
import * as Presence from "../backplane/Presence.ts"

/** How a link to a neighbour is made. */
export type Carrier = "webrtc" | "websocket"

/** One end of a link to another hub. @category models */
export interface Link {
  readonly carrier: Carrier
  /** Hands a message over; `false` when the link is closing. Never throws. */
  send(message: string): boolean
  /** Gives the link up, since nothing comes by it any more. */
  close(): void
}

/** A link in use. @category models */
export interface Linked {
  /** Takes what came by it. What cannot be read is counted, and nothing else. */
  receive(message: string): void
  /** Uses it no more. */
  unlink(): void
}

/** @category models */
export interface Relay {
  readonly presence: Presence.Presence
  /** Uses a link to an admitted hub. */
  linked(hub: PeerId, link: Link): Linked
  /** Tells the neighbours what changed here. */
  flush(): void
  /** Tells the neighbours that this hub lives, and forgets those that do not. */
  beat(): void
  /** Takes leave of everybody. */
  leave(): void
  /** The neighbours, and how each is linked. */
  readonly neighbours: ReadonlyMap<PeerId, ReadonlyArray<Link>>
  readonly elsewhere: Omit<Elsewhere, "hubs" | "health">
  readonly hubs: ReadonlyArray<HubView>
  readonly counts: Readonly<Counts>
}

/** What a relay counts. @category models */
export interface Counts {
  /** Signals of other hubs that were passed on to another. */
  forwarded: number
  /** Signals from elsewhere that came to a peer here. */
  delivered: number
  /** Signals from elsewhere whose target is gone, or that no way led on. */
  lost: number
  /** Signals that came here twice. */
  repeated: number
  /** Messages that could not be read. */
  malformed: number
}

/** Signals that are remembered, so as not to act on them twice. */
const remembered = 20_000

/** The last things seen, as many as fit into two halves. */
const makeSeen = () => {
  let [young, old] = [new Set<string>(), new Set<string>()]
  return (key: string): boolean => {
    if (young.has(key) || old.has(key)) return true
    if (young.size >= remembered / 2) [young, old] = [new Set(), young]
    young.add(key)
    return false
  }
}

const isDirected = HubMessage.HubMessage.isAnyOf(["signal", "claim", "verdict"])

/** A neighbour as the bearer of a hub's beats. */
interface Bearing {
  readonly incarnation: number
  readonly beat: number
  /** Since when it is one, in the order of all bearers: the first is the nearest. */
  readonly since: number
}

/**
 * A hub without neighbours. `changed` is called when there is something to flush.
 *
 * @category constructors
 */
export const make = (options: {
  readonly hub: PeerId
  readonly incarnation: number
  readonly silence: number
  readonly now: () => number
  readonly house: House
  readonly changed: () => void
}): Relay => {
  const { changed, house, hub: self, now, silence } = options
  const presence = Presence.make(options)
  const neighbours = new Map<PeerId, Array<Link>>()
  /** When something came by each link last. */
  const heardAt = new Map<Link, number>()
  /** By hub the neighbours from whom it was heard. */
  const bearings = new Map<PeerId, Map<PeerId, Bearing>>()
  const seen = makeSeen()
  const counts: Counts = { forwarded: 0, delivered: 0, lost: 0, repeated: 0, malformed: 0 }
  let numbered = 0
  let order = 0

  const tell = (neighbour: PeerId, message: string): boolean => {
    const links = neighbours.get(neighbour) ?? []
    return links.some((link) => link.send(message))
  }

  const tellAll = (message: HubMessage.HubMessage, except?: PeerId): void => {
    if (neighbours.size === 0) return
    const text = HubMessage.encode(message)
    for (const neighbour of neighbours.keys()) if (neighbour !== except) tell(neighbour, text)
  }

  const hear = (news: ReadonlyArray<Presence.News>): void => {
    for (const item of news) if (item._tag === "HubWent" && item.why !== "restarted") bearings.delete(item.hub)
    if (news.length > 0) house.hear(news)
  }

  // ------------------------------------------------------------------------------------------------
  // signals
  // ------------------------------------------------------------------------------------------------

  /**
   * The neighbours that lead to a hub, best first. A way is good as long as beats come by it: then the hub itself comes
   * first, and then whoever bore its beats first, so that the way stays the same and signals stay in order.
   */
  const waysTo = (hub: PeerId, except: PeerId | undefined): ReadonlyArray<PeerId> => {
    const ways = Array.from(bearings.get(hub) ?? [], ([neighbour, bearing]) => ({ neighbour, ...bearing }))
      .filter(({ neighbour }) => neighbour !== except && neighbours.has(neighbour))
    const newest = ways.reduce((most, { incarnation }) => Math.max(most, incarnation), 0)
    const living = ways.filter(({ incarnation }) => incarnation === newest)
    const last = living.reduce((most, { beat }) => Math.max(most, beat), 0)
    const rank = ({ beat, neighbour }: typeof ways[number]) => last - beat > 1 ? last - beat : neighbour === hub ? 0 : 1
    return living.toSorted((a, b) => rank(a) - rank(b) || a.since - b.since).map(({ neighbour }) => neighbour)
  }

  const pass = (message: HubMessage.Directed, from: PeerId | undefined): boolean => {
    const text = HubMessage.encode(message)
    return waysTo(message.to, from).some((neighbour) => tell(neighbour, text))
  }

  const claims = Claims.make(presence, (claim) => void pass({ ...claim, number: numbered++ }, undefined))

  /** What came for this hub; `false` when nobody here can use it. */
  const take = (message: HubMessage.Directed): boolean => {
    switch (message.type) {
      case "signal":
        return house.deliver(message.envelope)
      case "claim": {
        const { age, claim, hub, peer, proven } = message
        const { incarnation } = presence
        house.claimed(
          { peerId: peer, proven, age },
          (held) =>
            void pass({ type: "verdict", hub: self, incarnation, number: numbered++, to: hub, claim, held }, undefined)
        )
        return true
      }
      case "verdict":
        claims.hear(message)
        return true
    }
  }

  const hearDirected = (from: PeerId, message: HubMessage.Directed): void => {
    if (message.hub === self || seen(`${message.hub}/${message.incarnation}/${message.number}`)) {
      counts.repeated++
    } else if (message.to === self) {
      if (take(message)) counts.delivered++
      else counts.lost++
    } else if (pass(message, from)) counts.forwarded++
    else counts.lost++
  }

  const hearWord = (from: PeerId, word: HubMessage.Word): void => {
    if (word.hub === self || seen(`${word.hub}/${word.incarnation}/${word.number}`)) return
    tellAll(word, from)
    house.labelled(word.network, word.peer, word.label)
  }

  // ------------------------------------------------------------------------------------------------
  // presence
  // ------------------------------------------------------------------------------------------------

  const hearPresence = (from: PeerId, link: Link, message: HubMessage.PresenceMessage): void => {
    if (message.type === "beat" && message.hub !== self) {
      const bearers = bearings.get(message.hub) ?? new Map<PeerId, Bearing>()
      const last = bearers.get(from)
      const { beat, incarnation } = message
      if (last === undefined || incarnation > last.incarnation) bearers.set(from, { incarnation, beat, since: order++ })
      else if (incarnation === last.incarnation && beat > last.beat) bearers.set(from, { ...last, beat })
      bearings.set(message.hub, bearers)
    }
    const { news, relay, replies } = presence.hear(message)
    for (const reply of replies) tell(from, HubMessage.encode(reply))
    for (const item of relay) tellAll(item, from)
    if (message.type === "beat" && !presence.knows(message.hub)) bearings.delete(message.hub)
    // Links to its last life lead nowhere.
    if (message.type === "beat" && news.some((item) => item._tag === "HubWent")) {
      for (const old of Array.from(neighbours.get(message.hub) ?? [])) if (old !== link) old.close()
    }
    hear(news)
  }

  const flush = (): void => {
    for (const delta of presence.flush()) tellAll(delta)
  }

  return {
    presence,
    neighbours,
    counts,
    linked(hub, link) {
      const links = neighbours.get(hub) ?? []
      neighbours.set(hub, links)
      links.push(link)
      // WebRTC before WebSocket; of the same kind, the first.
      links.sort((a, b) => a.carrier === b.carrier ? 0 : a.carrier === "webrtc" ? -1 : 1)
      heardAt.set(link, now())
      for (const beat of presence.beats()) link.send(HubMessage.encode(beat))
      return {
        receive(message) {
          heardAt.set(link, now())
          const read = HubMessage.decode(message)
          if (Result.isFailure(read)) counts.malformed++
          else if (read.success.type === "word") hearWord(hub, read.success)
          else if (isDirected(read.success)) hearDirected(hub, read.success)
          else hearPresence(hub, link, read.success)
        },
        unlink() {
          heardAt.delete(link)
          const index = links.indexOf(link)
          if (index >= 0) links.splice(index, 1)
          if (links.length > 0 || neighbours.get(hub) !== links) return
          neighbours.delete(hub)
          for (const bearers of bearings.values()) bearers.delete(hub)
        }
      }
    },
    flush,
    beat() {
      flush()
      const beat = HubMessage.encode(presence.beat(house.about()))
      // By every link, so that each shows that it is good.
      for (const link of Array.from(heardAt.keys())) link.send(beat)
      for (const [link, at] of Array.from(heardAt)) if (now() - at > silence) link.close()
      hear(presence.tick())
    },
    leave: () => tellAll(presence.farewell()),
    elsewhere: {
      rivals: claims.rivals,
      ...known(presence, house, { changed, say: (word) => tellAll({ ...word, number: numbered++ }) }),
      send(envelope) {
        const resident = presence.roster.locate(envelope.network, envelope.target, self)
        if (resident === undefined) return false
        // What the others have to know first, to let the target answer.
        flush()
        return pass({
          type: "signal",
          hub: self,
          incarnation: presence.incarnation,
          number: numbered++,
          to: resident.hub,
          envelope
        }, undefined)
      }
    },
    get hubs() {
      return presence.hubs.map((hub) => viewOf(hub, neighbours.get(hub.hub)?.[0]?.carrier ?? "relayed"))
    }
  }
}
