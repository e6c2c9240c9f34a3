/**
 * What all parts of the overlay stand on: who we are, the moment, who is known, and what is to be asked of the world. The
 * parts own everything else, each its own, and are made on this one after the other.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import * as Neighbourhood from "./Neighbourhood.ts"
import type { Command } from "./OverlayEvent.ts"
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

/** @category models */
export interface State extends Options {
  readonly shape: Rules.Shape
  /** Links, open and under way together, that there may be for a moment. */
  readonly most: number
  /** Those who speak our dialect. */
  readonly peers: Neighbourhood.Neighbourhood
  /** PeerPigeon peers. */
  readonly pigeons: Neighbourhood.Neighbourhood
  /** Of the event in hand, in milliseconds since 1970. */
  now: number
  /** The answer to the event in hand. */
  commands: Array<Command>
  /** We have left the network. */
  hasLeft: boolean
  /** Requests and signals sent so far. */
  sent: number
}

/** Nobody known yet. @category constructors */
export const make = (options: Options, startedAt: number): State => ({
  ...options,
  shape: Rules.shapeOf(options.maxPeers),
  most: options.maxPeers + Rules.excess,
  peers: Neighbourhood.make(options.self),
  pigeons: Neighbourhood.make(options.self),
  now: startedAt,
  commands: [],
  hasLeft: false,
  sent: 0
})

/** A name for a request or signal of ours. @category constructors */
export const newId = (state: State): string => `${state.sent++}-${Math.floor(state.random() * 2 ** 48).toString(36)}`

/** Whether everybody we know fits into our links: then everybody links everybody. @category predicates */
export const isSmall = ({ maxPeers, now, peers }: State): boolean => peers.countAlive(now, maxPeers + 1) <= maxPeers

/** How many peers the network has, judged by the leaf set. @category getters */
export const estimatedSize = ({ peers }: State, at: number): number => {
  const { clockwise, counter } = peers.leaves(at)
  return Ring.estimateSize(
    peers.self,
    clockwise.map(({ position }) => position),
    counter.map(({ position }) => position)
  )
}
