/**
 * Whom to link: a pure choice from what is known.
 *
 * Peers sit on a ring by their ids. Each wants its two nearest on either side, which keeps the network in one piece,
 * and a few at random, which keep its paths short. A network small enough is linked completely.
 */
import { byClockwiseOrderFrom, type PeerId } from "../../domain/PeerId.ts"

/** Nearest peers on each side of the ring that a peer wants links to. @category constants */
export const ringPerSide = 2

/** Links that are left free for those who dial us. @category constants */
export const reservedForOthers = 2

/** @category models */
export interface Known {
  readonly self: PeerId
  /** Peers that could be dialled, in the order of preference among equals. */
  readonly candidates: ReadonlyArray<PeerId>
  /** Peers with a link that is open or under way. */
  readonly linked: ReadonlySet<PeerId>
  readonly minPeers: number
  readonly maxPeers: number
}

/** Puts a peer among the `ringPerSide` first in an order, if it is one of them. */
const keepFirst = (first: Array<PeerId>, peer: PeerId, order: (a: PeerId, b: PeerId) => number): void => {
  const last = first.at(-1)
  if (first.length === ringPerSide && last !== undefined && order(peer, last) >= 0) return
  const place = first.findIndex((other) => order(peer, other) < 0)
  first.splice(place < 0 ? first.length : place, 0, peer)
  if (first.length > ringPerSide) first.pop()
}

/** The nearest peers on both sides of `self` on the ring. @category getters */
export const ringNeighbours = (self: PeerId, peers: Iterable<PeerId>): ReadonlySet<PeerId> => {
  const order = byClockwiseOrderFrom(self)
  const reverse = (a: PeerId, b: PeerId) => order(b, a)
  const [up, down]: [Array<PeerId>, Array<PeerId>] = [[], []]
  for (const peer of peers) {
    keepFirst(up, peer, order)
    keepFirst(down, peer, reverse)
  }
  return new Set([...up, ...down])
}

/** Links that a peer wants of itself, beyond those to its ring neighbours. @category getters */
export const target = ({ maxPeers, minPeers }: Pick<Known, "minPeers" | "maxPeers">): number =>
  Math.max(minPeers, maxPeers - reservedForOthers)

/** Whom to dial now. @category getters */
export const toDial = ({ candidates, linked, maxPeers, minPeers, self }: Known): ReadonlyArray<PeerId> => {
  const room = maxPeers - linked.size
  if (room <= 0) return []
  const fresh = candidates.filter((peer) => !linked.has(peer))
  if (linked.size + fresh.length <= maxPeers) return fresh
  const ring = ringNeighbours(self, [...linked, ...fresh])
  const wanted = fresh.filter((peer) => ring.has(peer))
  const missing = target({ maxPeers, minPeers }) - linked.size - wanted.length
  const others = missing > 0 ? fresh.filter((peer) => !ring.has(peer)).slice(0, missing) : []
  return [...wanted, ...others].slice(0, room)
}

/** What to do about an offer from a peer that is not linked yet. @category models */
export type Admission =
  | { readonly _tag: "Admit" }
  | { readonly _tag: "AdmitInsteadOf"; readonly evicted: PeerId }
  | { readonly _tag: "Refuse" }

/**
 * Whether to let a newcomer in. Where all links are taken, a ring neighbour takes the place of somebody who is not;
 * nobody else does.
 *
 * @category getters
 */
export const admit = (
  newcomer: PeerId,
  { linked, maxPeers, self }: Pick<Known, "self" | "linked" | "maxPeers">
): Admission => {
  if (linked.size < maxPeers) return { _tag: "Admit" }
  const ring = ringNeighbours(self, [...linked, newcomer])
  if (!ring.has(newcomer)) return { _tag: "Refuse" }
  const evicted = Array.from(linked).findLast((peer) => !ring.has(peer))
  return evicted === undefined ? { _tag: "Refuse" } : { _tag: "AdmitInsteadOf", evicted }
}
