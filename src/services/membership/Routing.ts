/**
 * Greedy routing on the ring, looking one hop ahead: each hop goes to the neighbour that is nearest to the target, or has
 * a neighbour that is. Where the way ends, a message that must arrive goes back a hop and tries the next best.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"

/** A neighbour, as far as routing knows it. @category models */
export interface Via {
  readonly position: Ring.Position
  /** Its neighbours. */
  readonly links: ReadonlyArray<Ring.Position>
}

/** Whom a message shall not be sent to, or over. @category models */
export type Visited = ReadonlyArray<PeerId> | ((peer: PeerId) => boolean)

/** The best next hop. @category models */
export interface Hop<V extends Via = Via> {
  readonly via: V
  /** The position that it leads to: its own, or that of a neighbour of its. */
  readonly nearest: Ring.Position
}

/**
 * The neighbour that comes nearest to a target, itself or by one of its neighbours, among those that the message has not
 * visited. Of two equally near, the one that is there itself: otherwise messages took detours (simulated).
 *
 * @category routing
 */
export const best = <V extends Via>(
  target: Ring.Position,
  neighbours: Iterable<V>,
  visited: Visited
): Hop<V> | undefined => {
  const isVisited = typeof visited === "function" ? visited : (peer: PeerId) => visited.includes(peer)
  let hop: Hop<V> | undefined
  const consider = (via: V, nearest: Ring.Position) => {
    if (hop === undefined) {
      hop = { via, nearest }
      return
    }
    const difference = Ring.compareDistance(target, nearest, hop.nearest)
    if (difference < 0 || (difference === 0 && nearest === via.position && hop.nearest !== hop.via.position)) {
      hop = { via, nearest }
    }
  }
  for (const via of neighbours) {
    if (isVisited(via.position.id)) continue
    consider(via, via.position)
    for (const next of via.links) if (!isVisited(next.id)) consider(via, next)
  }
  return hop
}

/** Whether a hop leads nearer to a target than where the message is. @category predicates */
export const isNearer = (hop: Hop, target: Ring.Position, here: Ring.Position): boolean =>
  Ring.compareDistance(target, hop.nearest, here) < 0
