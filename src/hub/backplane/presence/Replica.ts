/**
 * One life of one hub, as far as it is known here: what the hub holds, and the last changes that led there. Plain data.
 *
 * The hub numbers its changes, so that what is known of it is one number, its clock. Whoever lacks a few changes gets them
 * from the log, and whoever lacks more gets all that the hub holds, in parts.
 */
import type { NetworkName } from "../../../domain/NetworkName.ts"
import type { PeerId } from "../../../domain/PeerId.ts"
import type { PeerFacts } from "../../../domain/Signal.ts"
import {
  type About,
  type Beat,
  type Change,
  type Delta,
  type Entry,
  maxChanges,
  maxParts,
  type State
} from "../HubMessage.ts"

/** Changes of this hub that are kept for those who lack a few. @category constants */
export const maxLog = 4096

/** And of another: who lacks more has it from that hub itself. @category constants */
export const maxLogOfOthers = 1024

/** @category models */
export interface Replica {
  readonly hub: PeerId
  /** Greater in each life. Of others it never changes. */
  incarnation: number
  beat: number
  /** When it was met, in milliseconds since 1970. */
  readonly metAt: number
  /** When it beat last, in milliseconds since 1970. */
  heardAt: number
  about: About
  /** How many of its changes are known. */
  clock: number
  readonly networks: Map<NetworkName, Map<PeerId, PeerFacts>>
  readonly waits: Map<NetworkName, number>
  /** Memberships it holds. */
  size: number
  /** Memberships and waits of it for which there was no room here. */
  leftOut: number
  /** The last changes, up to `clock`. */
  log: Array<Change>
}

/** A hub of which nothing is known but that it lives. @category constructors */
export const make = (hub: PeerId, incarnation: number, metAt: number): Replica => ({
  hub,
  incarnation,
  beat: 0,
  metAt,
  heardAt: metAt,
  about: {},
  clock: 0,
  networks: new Map(),
  waits: new Map(),
  size: 0,
  leftOut: 0,
  log: []
})

/** Whether it holds a peer in a network. @category predicates */
export const holds = ({ networks }: Replica, networkName: NetworkName, peerId: PeerId): boolean =>
  networks.get(networkName)?.has(peerId) === true

/** Notes the next change in the log, which keeps so many. @category combinators */
export const note = (replica: Replica, change: Change, kept: number): void => {
  replica.clock++
  replica.log.push(change)
  // Cut seldom, so that a change costs the same on average.
  if (replica.log.length > 2 * kept) replica.log = replica.log.slice(-kept)
}

/** All that it holds. @category getters */
export const entriesOf = ({ networks, waits }: Replica): ReadonlyArray<Entry> => [
  ...Array.from(networks).flatMap(([network, members]) =>
    Array.from(members, ([peer, facts]): Entry => ({ op: "put", network, peer, facts }))
  ),
  ...Array.from(waits, ([network, count]): Entry => ({ op: "wait", network, count }))
]

/** The changes after the first `since`, which the log must have. @category getters */
export const deltas = ({ clock, hub, incarnation, log }: Replica, since: number): ReadonlyArray<Delta> => {
  const missing = log.slice(log.length - (clock - since))
  return Array.from({ length: Math.ceil(missing.length / maxChanges) }, (_, index) => ({
    type: "delta",
    hub,
    incarnation,
    from: since + index * maxChanges,
    changes: missing.slice(index * maxChanges, (index + 1) * maxChanges)
  }))
}

/** All that it holds, in parts. @category getters */
export const states = (replica: Replica): ReadonlyArray<State> => {
  const { clock, hub, incarnation } = replica
  const entries = entriesOf(replica)
  const parts = Math.min(maxParts, Math.max(1, Math.ceil(entries.length / maxChanges)))
  return Array.from({ length: parts }, (_, part) => ({
    type: "state",
    hub,
    incarnation,
    clock,
    part,
    parts,
    entries: entries.slice(part * maxChanges, (part + 1) * maxChanges)
  }))
}

/** What somebody lacks who knows the first `since` changes: from the log, or else all of it. @category getters */
export const since = (replica: Replica, since: number): ReadonlyArray<Delta | State> =>
  since >= replica.clock ? [] : replica.clock - since <= replica.log.length ? deltas(replica, since) : states(replica)

/** Its sign of life, with as many changes as can be had, as old as that. @category getters */
export const beatOf = ({ about, beat, hub, incarnation }: Replica, clock: number, age: number): Beat => ({
  type: "beat",
  hub,
  incarnation,
  beat,
  clock,
  age,
  about
})
