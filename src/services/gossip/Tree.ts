/**
 * What Plumtree's rules share: the settings, the neighbours and over which of their links the tree goes, and the messages
 * that have come, are held for others, and are wanted.
 */
import type { Dialect, Gossip as Message } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Held from "./Held.ts"
import { defaults, type Settings } from "./PlumtreeSettings.ts"
import type { SeenSet } from "./SeenSet.ts"
import * as Wanted from "./Wanted.ts"

/** @category models */
export interface Neighbour {
  readonly dialect: Dialect
  /** Gets messages without asking: its link is one of the tree. */
  eager: boolean
  /** Has no room, and gets nothing until it has. */
  full: boolean
  /** When it was last asked to be lazy. */
  prunedAt: number
  /** Since when it is in the network, as far as it said. */
  memberSince: number
  /** Names to announce, of messages on their way. */
  readonly waiting: Set<string>
  /** Names to announce, of messages that come late: nobody else may bring them. */
  readonly late: Set<string>
}

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

/** @category models */
export interface Tree extends Omit<Options, "settings"> {
  readonly settings: Settings
  readonly held: Held.Held
  readonly wanted: Wanted.Wanted
  readonly neighbours: Map<PeerId, Neighbour>
  /** About how many peers the network has. */
  peers: number
}

/** A peer without neighbours. @category constructors */
export const make = (options: Options): Tree => {
  const settings: Settings = { ...defaults, ...options.settings }
  return {
    ...options,
    settings,
    held: Held.make({ age: settings.keepFor, messages: settings.keepMessages, bytes: settings.keepBytes }),
    wanted: Wanted.make(settings.wanted),
    neighbours: new Map(),
    peers: 0
  }
}

/** A neighbour of whom nothing is known yet: the tree goes over its link until that is too much. @category constructors */
export const newNeighbour = (dialect: Dialect): Neighbour => ({
  dialect,
  eager: true,
  full: false,
  prunedAt: Number.NEGATIVE_INFINITY,
  memberSince: Number.NEGATIVE_INFINITY,
  waiting: new Set(),
  late: new Set()
})

/** Whether a message is so small that it goes over every link. @category predicates */
export const isFlooded = ({ peers, settings }: Tree, bytes: number): boolean =>
  bytes <= settings.floodBytes || (bytes <= settings.floodSmallBytes && peers <= settings.floodPeers)
