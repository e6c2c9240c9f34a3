/**
 * Who brings a message to whom (Plumtree; Leitão, Pereira, Rodrigues 2007): events in, commands out. No I/O, no clock, no
 * randomness.
 *
 * - A message goes eagerly over the links of a spanning tree; over the others goes word that it is held, in batches.
 * - The tree makes itself: whoever gets a message twice asks the second neighbour to be lazy from then on, and whoever
 *   hears of a message that does not come asks for it, and that link is eager again.
 * - What is small goes over every link: that is faster, and costs hardly more than word of it would.
 * - Two neighbours that link tell each other what they hold of the last minute, so that a peer that lost its links for a
 *   while misses nothing. What was said before a peer came to the network is not for it.
 * - A neighbour with no room for more is told what came when it has room again, instead of being waited for.
 * - What was announced and cannot be had any more, since nobody keeps it, is counted as missed.
 * - PeerPigeon peers know nothing of all this, and get every message.
 */
import type { Dialect, Gossip as Message } from "../../domain/Frame.ts"
import { maxIds } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Held from "./Held.ts"
import type { SeenSet } from "./SeenSet.ts"
import * as Wanted from "./Wanted.ts"

/** Every period and bound. Times are in milliseconds. @category models */
export interface Settings {
  /** How long a message that was announced may be on its way before it is asked for. */
  readonly graftAfter: number
  /** How long the one who was asked may take before another is asked. */
  readonly graftAgainAfter: number
  /** Bytes per millisecond that a link carries at least: large messages are waited for longer. */
  readonly pace: number
  /** How long word of a message waits for more to go along. */
  readonly announceAfter: number
  /** The least time between two rounds of asking. */
  readonly askEvery: number
  /** How long messages are kept for others. */
  readonly keepFor: number
  readonly keepMessages: number
  readonly keepBytes: number
  /** Messages that are announced and have not come, at most. */
  readonly wanted: number
  /** Messages of up to so many bytes go over every link. */
  readonly floodBytes: number
  /** The same in a network of up to `floodPeers` peers. */
  readonly floodSmallBytes: number
  readonly floodPeers: number
}

/**
 * The defaults. Messages are kept for a minute: a dead link is noticed in 10 s, and four attempts to link anew take up to
 * 48 s. Flooding takes 6.6 copies per delivery over eight links instead of one, and two thirds of the time; so only what is
 * little more than word of it is flooded. How many peers there are is a guess of each: with 16 KiB flooded among up to 64,
 * some of 100 peers flooded what the others sent along the tree (simulated: 1.14 copies instead of 1.00).
 *
 * @category constants
 */
export const defaults: Settings = {
  graftAfter: 800,
  graftAgainAfter: 450,
  pace: 1000,
  announceAfter: 100,
  askEvery: 50,
  keepFor: 60_000,
  keepMessages: 4096,
  keepBytes: 16 * 1024 * 1024,
  wanted: 8192,
  floodBytes: 512,
  floodSmallBytes: 1023,
  floodPeers: 64
}

/** The least time between two requests to the same neighbour to be lazy: what it sent before the first came is no news. */
const pruneEvery = 1000

/** Word of messages above this size says how large they are. */
const largeBytes = 64 * 1024

/** Names of messages that wait for a neighbour's room, at most; the oldest give way. */
const maxWaiting = 4096

/** Lazy neighbours that step in for an eager one that is gone: one mends the tree in time, two would double the copies. */
const stepIns = 1

/** How exact the end of a message's keeping is. */
const expireEvery = 10_000

/** What happens. @category models */
export type Event =
  /** The application has something to say. */
  | { readonly _tag: "Published"; readonly message: Message; readonly bytes: number }
  /** A message that could not be sent at all. */
  | { readonly _tag: "Withdrawn"; readonly id: string }
  | { readonly _tag: "Received"; readonly from: PeerId; readonly message: Message; readonly bytes: number }
  | {
    readonly _tag: "Announced"
    readonly from: PeerId
    readonly ids: ReadonlyArray<string>
    readonly bytes?: ReadonlyArray<number>
  }
  | { readonly _tag: "Grafted"; readonly from: PeerId; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Pruned"; readonly from: PeerId }
  | {
    readonly _tag: "Digested"
    readonly from: PeerId
    readonly ids: ReadonlyArray<string>
    readonly ages: ReadonlyArray<number>
    readonly since?: number
  }
  | { readonly _tag: "Up"; readonly peerId: PeerId; readonly dialect: Dialect }
  | { readonly _tag: "Down"; readonly peerId: PeerId }
  /** A neighbour had no room for a message. */
  | { readonly _tag: "Full"; readonly peerId: PeerId; readonly id: string }
  /** It has room again. */
  | { readonly _tag: "Relieved"; readonly peerId: PeerId }
  /** About how many peers the network has. */
  | { readonly _tag: "Counted"; readonly peers: number }
  /** Time passed. */
  | { readonly _tag: "Due" }

/** What is to be done, in this order. @category models */
export type Command =
  /** A message came for the first time. */
  | { readonly _tag: "Deliver"; readonly message: Message }
  /** A message came again. */
  | { readonly _tag: "Duplicate" }
  /** Messages that neighbours had will not come any more. */
  | { readonly _tag: "Missed"; readonly count: number }
  /** Send a message to neighbours. */
  | { readonly _tag: "Push"; readonly message: Message; readonly to: ReadonlyArray<PeerId> }
  /** Send a message to a neighbour that asked for it. */
  | { readonly _tag: "Serve"; readonly message: Message; readonly to: PeerId }
  | {
    readonly _tag: "Announce"
    readonly to: PeerId
    readonly ids: ReadonlyArray<string>
    readonly bytes?: ReadonlyArray<number>
  }
  | { readonly _tag: "Graft"; readonly to: PeerId; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Prune"; readonly to: PeerId }
  | {
    readonly _tag: "Digest"
    readonly to: PeerId
    readonly ids: ReadonlyArray<string>
    readonly ages: ReadonlyArray<number>
    readonly since?: number
  }

/** What a core holds, by number. @category models */
export interface Sizes {
  readonly held: number
  readonly heldBytes: number
  readonly wanted: number
  /** Names that wait to be announced. */
  readonly waiting: number
}

/** @category models */
export interface Plumtree {
  /** `now` is in milliseconds and never goes back. */
  handle(event: Event, now: number): ReadonlyArray<Command>
  /** When to come with `Due`; `Infinity` when there is nothing to wait for. */
  wakeAt(): number
  /** Messages that were announced and have not come. */
  wanted(): number
  /** Neighbours that get messages without asking. */
  eager(): ReadonlyArray<PeerId>
  sizes(): Sizes
}

interface Neighbour {
  readonly dialect: Dialect
  eager: boolean
  /** Has no room, and gets nothing until it has. */
  full: boolean
  prunedAt: number
  /** Since when it is in the network, as far as it said. */
  memberSince: number
  /** Names to announce, of messages on their way. */
  readonly waiting: Set<string>
  /** Names to announce, of messages that come late: nobody else may bring them. */
  readonly late: Set<string>
}

const nothing: ReadonlyArray<Command> = []

/** @category models */
export interface Options {
  readonly self: PeerId
  /** When we came to the network, on the clock. */
  readonly joinedAt: number
  /** Names of messages that have come; others may add theirs. */
  readonly seen: SeenSet
  /** What tells messages apart: under these names they are announced and asked for. */
  readonly nameOf: (message: Message) => string
  readonly settings?: Partial<Settings>
}

/** A peer without neighbours. @category constructors */
export const make = (options: Options): Plumtree => {
  const { joinedAt, nameOf, seen, self } = options
  const settings: Settings = { ...defaults, ...options.settings }
  const held = Held.make({ age: settings.keepFor, messages: settings.keepMessages, bytes: settings.keepBytes })
  const wanted = Wanted.make(settings.wanted)
  const neighbours = new Map<PeerId, Neighbour>()
  let peers = 0
  /** When names that wait are to go. */
  let announceAt = Number.POSITIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY

  const isFlooded = (bytes: number) =>
    bytes <= settings.floodBytes || (bytes <= settings.floodSmallBytes && peers <= settings.floodPeers)

  const queue = (names: Set<string>, id: string, now: number) => {
    names.add(id)
    for (const oldest of names) {
      if (names.size <= maxWaiting) break
      names.delete(oldest)
    }
    announceAt = Math.min(announceAt, now + settings.announceAfter)
  }

  const pushTo = (message: Message, to: ReadonlyArray<PeerId>): ReadonlyArray<Command> =>
    to.length === 0 ? nothing : [{ _tag: "Push", message, to }]

  /** Sends a message on its way. One that comes late goes to those who lack it, and they say so when asked. */
  const spread = (entry: Held.Entry, from: PeerId | undefined, late: boolean, now: number): ReadonlyArray<Command> => {
    const { bytes, message } = entry
    const everyone = isFlooded(bytes)
    const push: Array<PeerId> = []
    const lazy: Array<PeerId> = []
    for (const [peerId, neighbour] of neighbours) {
      if (peerId === from || message.path.includes(peerId)) continue
      if (neighbour.dialect === "pigeon") push.push(peerId)
      else if (late) {
        if (entry.born >= neighbour.memberSince) queue(neighbour.late, entry.name, now)
      } else if (!neighbour.full && (everyone || neighbour.eager)) push.push(peerId)
      else lazy.push(peerId)
    }
    // Our own word must not wait to be asked for.
    if (from === undefined && push.length === 0) {
      return pushTo(message, lazy)
    }
    for (const peerId of lazy) {
      const neighbour = neighbours.get(peerId)
      if (neighbour !== undefined) queue(neighbour.waiting, entry.name, now)
    }
    return pushTo(message, push)
  }

  const publish = (message: Message, bytes: number, now: number) => {
    const name = nameOf(message)
    seen.add(name, now)
    const entry = { name, message, bytes, born: now }
    held.put(entry, now)
    return spread(entry, undefined, false, now)
  }

  const duplicate = (from: PeerId, bytes: number, now: number): ReadonlyArray<Command> => {
    const neighbour = neighbours.get(from)
    if (neighbour === undefined || neighbour.dialect === "pigeon" || isFlooded(bytes)) return [{ _tag: "Duplicate" }]
    neighbour.eager = false
    if (now - neighbour.prunedAt < pruneEvery) return [{ _tag: "Duplicate" }]
    neighbour.prunedAt = now
    return [{ _tag: "Duplicate" }, { _tag: "Prune", to: from }]
  }

  const receive = (message: Message, from: PeerId, bytes: number, now: number): ReadonlyArray<Command> => {
    const name = nameOf(message)
    if (!seen.add(name, now)) return duplicate(from, bytes, now)
    const lateSince = wanted.arrived(name)?.lateSince
    const deliver: Command = { _tag: "Deliver", message }
    if (lateSince === undefined && !isFlooded(bytes)) {
      const neighbour = neighbours.get(from)
      if (neighbour !== undefined) neighbour.eager = true
    }
    if (message.ttl <= 1) return [deliver]
    const onward: Message = { ...message, ttl: message.ttl - 1, path: [...message.path, self] }
    const entry = { name, message: onward, bytes, born: lateSince ?? now }
    held.put(entry, now)
    return [...spread(entry, from, lateSince !== undefined, now), deliver]
  }

  const patienceFor = (bytes: number) => bytes / settings.pace

  const announced = (
    from: PeerId,
    ids: ReadonlyArray<string>,
    bytes: ReadonlyArray<number> | undefined,
    now: number
  ) => {
    for (const [at, id] of ids.entries()) {
      if (seen.has(id)) continue
      const longer = patienceFor(bytes?.[at] ?? 0)
      wanted.announce({
        id,
        from,
        due: now + settings.graftAfter + longer,
        patience: settings.graftAgainAfter + longer,
        lateSince: undefined
      })
    }
    return nothing
  }

  const grafted = (from: PeerId, ids: ReadonlyArray<string>): ReadonlyArray<Command> => {
    const neighbour = neighbours.get(from)
    if (neighbour !== undefined) neighbour.eager = true
    return ids.flatMap((id) => {
      const entry = held.get(id)
      neighbour?.waiting.delete(id)
      neighbour?.late.delete(id)
      return entry === undefined ? [] : [{ _tag: "Serve", message: entry.message, to: from } satisfies Command]
    })
  }

  const digestOf = (to: PeerId, entries: ReadonlyArray<Held.Entry>, now: number): ReadonlyArray<Command> =>
    entries.length === 0 ? nothing : [{
      _tag: "Digest",
      to,
      ids: entries.map(({ name }) => name),
      ages: entries.map(({ born }) => Math.max(0, Math.round(now - born)))
    }]

  const digested = (event: Extract<Event, { readonly _tag: "Digested" }>, now: number): ReadonlyArray<Command> => {
    const { ages, from, ids, since } = event
    for (const [at, id] of ids.entries()) {
      const age = ages[at] ?? Number.POSITIVE_INFINITY
      const born = now - age
      if (born < joinedAt || seen.has(id)) continue
      // What is young is still on its way to us.
      const isLate = age >= settings.graftAfter
      wanted.announce({
        id,
        from,
        due: isLate ? now : now + settings.graftAfter,
        patience: settings.graftAgainAfter,
        lateSince: isLate ? born : undefined
      })
    }
    const asks = ask(now)
    const neighbour = neighbours.get(from)
    if (since === undefined || neighbour === undefined) return asks
    neighbour.memberSince = now - since
    const oldest = Math.max(neighbour.memberSince, now - settings.keepFor)
    const entries = held.since(oldest, maxIds).filter(({ message }) => !message.path.includes(from))
    return [...digestOf(from, entries, now), ...asks]
  }

  const ask = (now: number): ReadonlyArray<Command> => {
    const commands: Array<Command> = []
    for (const [to, ids] of wanted.ask(now)) {
      const neighbour = neighbours.get(to)
      if (neighbour !== undefined) neighbour.eager = true
      for (let at = 0; at < ids.length; at += maxIds) {
        commands.push({ _tag: "Graft", to, ids: ids.slice(at, at + maxIds) })
      }
    }
    const count = wanted.givenUp()
    if (count > 0) commands.push({ _tag: "Missed", count })
    return commands
  }

  /** Word of what waits to be announced to a neighbour: of what is not held any more, too, for it may be missing there. */
  const announce = (to: PeerId, neighbour: Neighbour, now: number): ReadonlyArray<Command> => {
    const commands: Array<Command> = []
    const names = Array.from(neighbour.waiting)
    neighbour.waiting.clear()
    for (let at = 0; at < names.length; at += maxIds) {
      const ids = names.slice(at, at + maxIds)
      const sizes = ids.map((id) => held.get(id)?.bytes ?? 0)
      commands.push({
        _tag: "Announce",
        to,
        ids,
        ...(sizes.some((bytes) => bytes > largeBytes) ? { bytes: sizes } : {})
      })
    }
    const late = Array.from(neighbour.late).flatMap((id) => held.get(id) ?? [])
    neighbour.late.clear()
    for (let at = 0; at < late.length; at += maxIds) commands.push(...digestOf(to, late.slice(at, at + maxIds), now))
    return commands
  }

  const due = (now: number): ReadonlyArray<Command> => {
    held.expire(now)
    const commands: Array<Command> = []
    if (announceAt <= now) {
      announceAt = Number.POSITIVE_INFINITY
      for (const [peerId, neighbour] of neighbours) {
        if (!neighbour.full) commands.push(...announce(peerId, neighbour, now))
      }
    }
    if (askedAt + settings.askEvery <= now) {
      askedAt = now
      commands.push(...ask(now))
    }
    return commands
  }

  const up = (peerId: PeerId, dialect: Dialect, now: number): ReadonlyArray<Command> => {
    neighbours.set(peerId, {
      dialect,
      eager: true,
      full: false,
      prunedAt: Number.NEGATIVE_INFINITY,
      memberSince: Number.NEGATIVE_INFINITY,
      waiting: new Set(),
      late: new Set()
    })
    return dialect === "pigeon"
      ? nothing
      : [{ _tag: "Digest", to: peerId, ids: [], ages: [], since: Math.max(0, Math.round(now - joinedAt)) }]
  }

  const down = (peerId: PeerId): ReadonlyArray<Command> => {
    const gone = neighbours.get(peerId)
    neighbours.delete(peerId)
    wanted.forget(peerId)
    if (gone?.eager !== true) return nothing
    // The tree may have a gap here: close it before the next message has to be asked for.
    const commands: Array<Command> = []
    for (const [to, neighbour] of neighbours) {
      if (neighbour.eager || commands.length === stepIns) continue
      neighbour.eager = true
      commands.push({ _tag: "Graft", to, ids: [] })
    }
    return commands
  }

  const handle = (event: Event, now: number): ReadonlyArray<Command> => {
    switch (event._tag) {
      case "Published":
        return publish(event.message, event.bytes, now)
      case "Withdrawn":
        held.drop(event.id)
        for (const { waiting } of neighbours.values()) waiting.delete(event.id)
        return nothing
      case "Received":
        return receive(event.message, event.from, event.bytes, now)
      case "Announced":
        return announced(event.from, event.ids, event.bytes, now)
      case "Grafted":
        return grafted(event.from, event.ids)
      case "Pruned": {
        const neighbour = neighbours.get(event.from)
        if (neighbour !== undefined) neighbour.eager = false
        return nothing
      }
      case "Digested":
        return digested(event, now)
      case "Up":
        return up(event.peerId, event.dialect, now)
      case "Down":
        return down(event.peerId)
      case "Full": {
        const neighbour = neighbours.get(event.peerId)
        if (neighbour === undefined) return nothing
        neighbour.full = true
        queue(neighbour.waiting, event.id, now)
        return nothing
      }
      case "Relieved": {
        const neighbour = neighbours.get(event.peerId)
        if (neighbour === undefined) return nothing
        neighbour.full = false
        return announce(event.peerId, neighbour, now)
      }
      case "Counted":
        peers = event.peers
        return nothing
      case "Due":
        return due(now)
    }
  }

  return {
    handle,
    wakeAt: () =>
      Math.min(
        announceAt,
        Math.max(wanted.nextDue(), askedAt + settings.askEvery),
        Math.ceil(held.nextExpiry() / expireEvery) * expireEvery
      ),
    wanted: wanted.size,
    eager: () => Array.from(neighbours).flatMap(([peerId, { eager }]) => eager ? [peerId] : []),
    sizes: () => {
      let waiting = 0
      for (const neighbour of neighbours.values()) waiting += neighbour.waiting.size + neighbour.late.size
      return { held: held.size(), heldBytes: held.bytes(), wanted: wanted.size(), waiting }
    }
  }
}
