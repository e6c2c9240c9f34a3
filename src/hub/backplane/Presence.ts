/**
 * Who is at which hub, agreed on by hubs that only tell each other what changed: a delta CRDT, after Phoenix.Tracker.
 *
 * Each hub is the only one to change its own entries, and numbers its changes. So two hubs can never disagree about an
 * entry: whoever knows more of a hub's changes is right, adding and dropping alike, and merging is to learn the changes
 * that one lacks. Changes travel as deltas; who sees a gap asks for what it lacks, and gets it from a log of the last
 * changes or else the whole state, in parts, from anybody who has it. A hub that is silent for too long is forgotten
 * with all it held, and learnt anew when it is heard again.
 *
 * A state machine without I/O: messages and the time go in, messages and news come out. It can be told the same thing
 * twice, in any order, or not at all.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"
import {
  type About,
  type Beat,
  type Change,
  type Delta,
  type Entry,
  type Gone,
  maxChanges,
  maxParts,
  type PresenceMessage,
  type State,
  type Want
} from "./HubMessage.ts"
import * as Roster from "./Roster.ts"

/** What became different elsewhere. @category models */
export type News =
  /** A peer came into a network at another hub, or renewed its announcement there. `bulk`: found there with many others. */
  | {
    readonly _tag: "Arrived"
    readonly networkName: NetworkName
    readonly peerId: PeerId
    readonly facts: PeerFacts
    readonly bulk: boolean
  }
  /** A peer that was at another hub is at no other hub any more. */
  | {
    readonly _tag: "Departed"
    readonly networkName: NetworkName
    readonly peerId: PeerId
    readonly farewell: boolean
  }
  /** Another number of peers waits for a network elsewhere. */
  | { readonly _tag: "Waiting"; readonly networkName: NetworkName }
  | { readonly _tag: "HubCame"; readonly hub: PeerId }
  | { readonly _tag: "HubWent"; readonly hub: PeerId; readonly why: "silent" | "farewell" | "restarted" }
  /** Another hub says that it is this one: two were given the same id. */
  | { readonly _tag: "Twin" }

/** A message understood. @category models */
export interface Heard {
  /** What it said that was not known, for those who may not have heard it: everybody but whom it came from. */
  readonly relay: ReadonlyArray<PresenceMessage>
  /** What to say to whom it came from. */
  readonly replies: ReadonlyArray<PresenceMessage>
  readonly news: ReadonlyArray<News>
}

/** Another hub as it is known. @category models */
export interface KnownHub {
  readonly hub: PeerId
  readonly incarnation: number
  readonly about: About
  /** When it beat last, in milliseconds since 1970. */
  readonly heardAt: number
  /** Memberships it holds. */
  readonly memberships: number
}

/** @category models */
export interface Presence {
  readonly hub: PeerId
  readonly incarnation: number
  readonly roster: Roster.Roster
  /** A peer of this hub came into a network, or announced itself there again. */
  put(networkName: NetworkName, peerId: PeerId, facts: PeerFacts): void
  /** A peer of this hub left a network. */
  drop(networkName: NetworkName, peerId: PeerId, farewell: boolean): void
  /** So many peers of this hub wait for a network. */
  wait(networkName: NetworkName, count: number): void
  /** Whether something changed here that no delta has told. */
  readonly isDirty: boolean
  /** What changed here since the last time, to be told to all. */
  flush(): ReadonlyArray<Delta>
  /** The sign of life that is due now and then. */
  beat(about: About): Beat
  /** The last beats of all hubs that are known, this one's among them: what a new neighbour has to hear. */
  beats(): ReadonlyArray<Beat>
  hear(message: PresenceMessage): Heard
  /** Forgets whoever has been silent for too long. */
  tick(): ReadonlyArray<News>
  /** The last word of this hub. */
  farewell(): Gone
  readonly hubs: ReadonlyArray<KnownHub>
  knows(hub: PeerId): boolean
}

/** One life of one hub, as far as it is known here. */
interface Replica {
  readonly hub: PeerId
  readonly incarnation: number
  beat: number
  heardAt: number
  about: About
  /** How many of its changes are known. */
  clock: number
  readonly networks: Map<NetworkName, Map<PeerId, PeerFacts>>
  readonly waits: Map<NetworkName, number>
  /** Memberships it holds. */
  size: number
  /** The last changes, up to `clock`. */
  log: Array<Change>
  /** Parts of its whole state that came so far. */
  parts: { readonly clock: number; readonly total: number; readonly got: Map<number, ReadonlyArray<Entry>> } | undefined
  /** When the missing was asked for last. */
  askedAt: number | undefined
}

/** What must not be heard again: the lives of a hub that ended, up to this beat of this one. */
interface Grave {
  readonly incarnation: number
  readonly beat: number
  readonly at: number
}

/** Changes of one hub that are kept for those who lack a few. */
const maxLog = 4096

/** Hubs that are known at a time, and forgotten ones that are remembered as such. */
const maxHubs = 1024

/** Memberships of one hub that are known at most: as many as a state can hold. */
const maxMemberships = maxChanges * maxParts

/** Milliseconds for which an old beat of a forgotten hub could still come from somewhere. */
const graveRest = 120_000

/** Milliseconds after which what was asked for is asked for again. */
const patience = 1000

const nothing: Heard = { relay: [], replies: [], news: [] }

/**
 * Nobody here and nobody elsewhere. `now` gives milliseconds since 1970; `silence` is how many of them a hub may be
 * silent. `incarnation` is greater than in any earlier life of this hub: the time will do.
 *
 * @category constructors
 */
export const make = (options: {
  readonly hub: PeerId
  readonly incarnation: number
  readonly silence: number
  readonly now: () => number
}): Presence => {
  const { hub: self, incarnation, now, silence } = options
  const roster = Roster.make()
  const replicas = new Map<PeerId, Replica>()
  const graves = new Map<PeerId, Grave>()

  const born = (hub: PeerId, incarnation: number): Replica => ({
    hub,
    incarnation,
    beat: 0,
    heardAt: now(),
    about: {},
    clock: 0,
    networks: new Map(),
    waits: new Map(),
    size: 0,
    log: [],
    parts: undefined,
    askedAt: undefined
  })

  const own = born(self, incarnation)
  /** Changes that deltas have told. */
  let told = 0

  // ------------------------------------------------------------------------------------------------
  // entries
  // ------------------------------------------------------------------------------------------------

  /** Takes an entry over; what it means for others is added to `news`. */
  const apply = (replica: Replica, change: Change, news: Array<News>, bulk: boolean): void => {
    const networkName = change.network
    switch (change.op) {
      case "put": {
        const members = replica.networks.get(networkName) ?? new Map<PeerId, PeerFacts>()
        if (!members.has(change.peer)) {
          // A hub that claims more than a state can hold is not believed.
          if (replica !== own && replica.size >= maxMemberships) return
          replica.size++
        }
        replica.networks.set(networkName, members.set(change.peer, change.facts))
        roster.put(replica.hub, networkName, change.peer, change.facts)
        news.push({ _tag: "Arrived", networkName, peerId: change.peer, facts: change.facts, bulk })
        return
      }
      case "drop": {
        const members = replica.networks.get(networkName)
        if (members?.delete(change.peer) === true) replica.size--
        if (members?.size === 0) replica.networks.delete(networkName)
        if (!roster.drop(replica.hub, networkName, change.peer)) return
        if (roster.locate(networkName, change.peer, self) !== undefined) return
        news.push({ _tag: "Departed", networkName, peerId: change.peer, farewell: change.farewell })
        return
      }
      case "wait": {
        if (change.count > 0) {
          if (replica !== own && replica.waits.size >= maxMemberships) return
          replica.waits.set(networkName, change.count)
        } else replica.waits.delete(networkName)
        roster.wait(replica.hub, networkName, change.count)
        news.push({ _tag: "Waiting", networkName })
      }
    }
  }

  const note = (replica: Replica, change: Change): void => {
    replica.clock++
    replica.log.push(change)
    // Cut seldom, so that a change costs the same on average.
    if (replica.log.length > 2 * maxLog) replica.log = replica.log.slice(-maxLog)
  }

  const change = (made: Change): void => {
    note(own, made)
    apply(own, made, [], false)
  }

  const entriesOf = (replica: Replica): ReadonlyArray<Entry> => [
    ...Array.from(replica.networks).flatMap(([network, members]) =>
      Array.from(members, ([peer, facts]): Entry => ({ op: "put", network, peer, facts }))
    ),
    ...Array.from(replica.waits, ([network, count]): Entry => ({ op: "wait", network, count }))
  ]

  /** Puts a whole state in the place of what was known. */
  const replace = (replica: Replica, entries: ReadonlyArray<Entry>, news: Array<News>): void => {
    const kept = new Map<NetworkName, Set<PeerId>>()
    const waited = new Set<NetworkName>()
    for (const entry of entries) {
      if (entry.op === "wait") waited.add(entry.network)
      else kept.set(entry.network, (kept.get(entry.network) ?? new Set()).add(entry.peer))
    }
    for (const [network, members] of Array.from(replica.networks)) {
      for (const peer of Array.from(members.keys())) {
        if (kept.get(network)?.has(peer) !== true) {
          apply(replica, { op: "drop", network, peer, farewell: false }, news, true)
        }
      }
    }
    for (const network of Array.from(replica.waits.keys())) {
      if (!waited.has(network)) apply(replica, { op: "wait", network, count: 0 }, news, true)
    }
    for (const entry of entries) {
      // Whoever was there before has not come; what it says of itself may be new.
      const isNew = entry.op === "wait" || replica.networks.get(entry.network)?.has(entry.peer) !== true
      apply(replica, entry, isNew ? news : [], true)
    }
  }

  // ------------------------------------------------------------------------------------------------
  // hubs
  // ------------------------------------------------------------------------------------------------

  const forget = (replica: Replica, why: Extract<News, { readonly _tag: "HubWent" }>["why"], news: Array<News>) => {
    replace(replica, [], news)
    replicas.delete(replica.hub)
    graves.delete(replica.hub)
    graves.set(replica.hub, {
      incarnation: replica.incarnation,
      beat: why === "farewell" ? Number.POSITIVE_INFINITY : replica.beat,
      at: now()
    })
    const [oldest] = graves.keys()
    if (graves.size > maxHubs && oldest !== undefined) graves.delete(oldest)
    news.push({ _tag: "HubWent", hub: replica.hub, why })
  }

  /** The hub in that life, when it is known and that life is its latest. */
  const living = (life: { readonly hub: PeerId; readonly incarnation: number }): Replica | undefined => {
    if (life.hub === self) return life.incarnation === incarnation ? own : undefined
    const replica = replicas.get(life.hub)
    return replica?.incarnation === life.incarnation ? replica : undefined
  }

  /** Asks for what is missing, unless that was done a moment ago. */
  const ask = (replica: Replica): ReadonlyArray<Want> => {
    const at = now()
    if (replica.askedAt !== undefined && Math.abs(at - replica.askedAt) < patience) return []
    replica.askedAt = at
    return [{ type: "want", hub: replica.hub, incarnation: replica.incarnation, since: replica.clock }]
  }

  const hearBeat = (message: Beat): Heard => {
    if (message.hub === self) {
      // After a restart, word of the last life may still be about.
      return message.incarnation > incarnation ? { ...nothing, news: [{ _tag: "Twin" }] } : nothing
    }
    const heardAt = now() - message.age
    if (message.age > silence) return nothing
    const grave = graves.get(message.hub)
    if (
      grave !== undefined &&
      (message.incarnation < grave.incarnation ||
        (message.incarnation === grave.incarnation && message.beat <= grave.beat))
    ) return nothing
    const news: Array<News> = []
    let replica = replicas.get(message.hub)
    if (replica !== undefined && replica.incarnation !== message.incarnation) {
      if (replica.incarnation > message.incarnation) return nothing
      forget(replica, "restarted", news)
      replica = undefined
    }
    if (replica === undefined) {
      if (replicas.size >= maxHubs) return nothing
      replica = born(message.hub, message.incarnation)
      replicas.set(message.hub, replica)
      news.push({ _tag: "HubCame", hub: message.hub })
    } else if (message.beat <= replica.beat) {
      // An echo; but whoever sends it may know more of that hub than we do.
      return { ...nothing, replies: message.clock > replica.clock ? ask(replica) : [] }
    }
    replica.beat = message.beat
    replica.heardAt = heardAt
    replica.about = message.about
    // Passed on with what can be had from here: whoever asked for more would get no answer.
    return {
      relay: [beatOf(replica, message.age)],
      replies: message.clock > replica.clock ? ask(replica) : [],
      news
    }
  }

  const hearDelta = (message: Delta): Heard => {
    const replica = message.hub === self ? undefined : living(message)
    // A hub is met by its beat, which says how long ago it lived.
    if (replica === undefined || message.from + message.changes.length <= replica.clock) return nothing
    if (message.from > replica.clock) return { ...nothing, replies: ask(replica) }
    const news: Array<News> = []
    for (const made of message.changes.slice(replica.clock - message.from)) {
      note(replica, made)
      apply(replica, made, news, false)
    }
    replica.askedAt = undefined
    return { relay: [message], replies: [], news }
  }

  const hearState = (message: State): Heard => {
    const replica = message.hub === self ? undefined : living(message)
    if (replica === undefined || message.clock <= replica.clock || message.part >= message.parts) return nothing
    if (replica.parts?.clock !== message.clock || replica.parts.total !== message.parts) {
      // Of two states the newer is worth waiting for.
      if (replica.parts !== undefined && replica.parts.clock > message.clock) return nothing
      replica.parts = { clock: message.clock, total: message.parts, got: new Map() }
    }
    replica.parts.got.set(message.part, message.entries)
    // It is on its way: not to be asked for again.
    replica.askedAt = now()
    if (replica.parts.got.size < replica.parts.total) return nothing
    const news: Array<News> = []
    const entries = Array.from(replica.parts.got).toSorted(([a], [b]) => a - b).flatMap(([, entries]) => entries)
    replace(replica, entries, news)
    replica.parts = undefined
    replica.askedAt = undefined
    replica.clock = message.clock
    replica.log = []
    // Not all of it to everybody: who lacks it asks.
    return { relay: [beatOf(replica, ageOf(replica))], replies: [], news }
  }

  /** What somebody lacks of a hub: from the log, or else all of it. */
  const answer = (message: Want): Heard => {
    const replica = living(message)
    if (replica === undefined || message.since >= replica.clock) return nothing
    const { clock, hub, incarnation, log } = replica
    const missing = clock - message.since
    if (missing <= log.length) return { ...nothing, replies: deltas(replica, message.since) }
    const entries = entriesOf(replica)
    const parts = Math.min(maxParts, Math.max(1, Math.ceil(entries.length / maxChanges)))
    return {
      ...nothing,
      replies: Array.from({ length: parts }, (_, part): State => ({
        type: "state",
        hub,
        incarnation,
        clock,
        part,
        parts,
        entries: entries.slice(part * maxChanges, (part + 1) * maxChanges)
      }))
    }
  }

  /** The changes after the first `since`, which the log must have. */
  const deltas = ({ clock, hub, incarnation, log }: Replica, since: number): ReadonlyArray<Delta> => {
    const missing = log.slice(log.length - (clock - since))
    return Array.from({ length: Math.ceil(missing.length / maxChanges) }, (_, index) => ({
      type: "delta",
      hub,
      incarnation,
      from: since + index * maxChanges,
      changes: missing.slice(index * maxChanges, (index + 1) * maxChanges)
    }))
  }

  const ageOf = (replica: Replica): number => Math.max(0, Math.round(now() - replica.heardAt))

  const beatOf = (replica: Replica, age: number): Beat => ({
    type: "beat",
    hub: replica.hub,
    incarnation: replica.incarnation,
    beat: replica.beat,
    // What has not been told to all cannot be missed yet.
    clock: replica === own ? told : replica.clock,
    age,
    about: replica.about
  })

  return {
    hub: self,
    incarnation,
    roster,
    put: (network, peer, facts) => change({ op: "put", network, peer, facts }),
    drop(network, peer, farewell) {
      if (own.networks.get(network)?.has(peer) === true) change({ op: "drop", network, peer, farewell })
    },
    wait(network, count) {
      if ((own.waits.get(network) ?? 0) !== count) change({ op: "wait", network, count })
    },
    get isDirty() {
      return told < own.clock
    },
    flush() {
      if (told === own.clock) return []
      // More than the log keeps: whoever hears the next beat will ask for all.
      const since = Math.max(told, own.clock - own.log.length)
      told = own.clock
      return deltas(own, since)
    },
    beat(about) {
      own.beat++
      own.about = about
      return beatOf(own, 0)
    },
    beats: () => [
      ...(own.beat === 0 ? [] : [beatOf(own, 0)]),
      ...Array.from(replicas.values(), (replica) => beatOf(replica, ageOf(replica)))
    ],
    hear(message) {
      switch (message.type) {
        case "beat":
          return hearBeat(message)
        case "delta":
          return hearDelta(message)
        case "state":
          return hearState(message)
        case "want":
          return answer(message)
        case "gone": {
          const replica = message.hub === self ? undefined : living(message)
          if (replica === undefined) return nothing
          const news: Array<News> = []
          forget(replica, "farewell", news)
          return { relay: [message], replies: [], news }
        }
      }
    },
    tick() {
      const news: Array<News> = []
      const at = now()
      for (const replica of Array.from(replicas.values())) {
        if (at - replica.heardAt > silence) forget(replica, "silent", news)
      }
      for (const [hub, grave] of Array.from(graves)) if (at - grave.at > graveRest) graves.delete(hub)
      return news
    },
    farewell: () => ({ type: "gone", hub: self, incarnation }),
    get hubs() {
      return Array.from(replicas.values(), (replica) => ({
        hub: replica.hub,
        incarnation: replica.incarnation,
        about: replica.about,
        heardAt: replica.heardAt,
        memberships: replica.size
      }))
    },
    knows: (hub) => replicas.has(hub)
  }
}
