/**
 * Which of two peers is nearer to a place on the ring. Comparing is the hot path of routing, so the first 52 bits decide
 * unless ids share them.
 */
import { type PeerId, ringDistance } from "../../domain/PeerId.ts"

const highDigits = 13
const highRing = 2 ** 52

/** A place on the ring. @category models */
export interface Position {
  readonly id: PeerId
  /** The first 52 bits of the id. */
  readonly high: number
}

/** Where an id sits. @category constructors */
export const position = (id: PeerId): Position => ({ id, high: Number.parseInt(id.slice(0, highDigits), 16) })

/** Orders by the distance to a target, the shorter way around: negative when `one` is nearer than `other`. @category distances */
export const compareDistance = (target: Position, one: Position, other: Position): number => {
  const [a, b] = [Math.abs(target.high - one.high), Math.abs(target.high - other.high)]
  const difference = Math.min(a, highRing - a) - Math.min(b, highRing - b)
  // What was cut off changes each distance by less than one.
  if (difference > 2 || difference < -2) return difference
  const exact = ringDistance(one.id, target.id) - ringDistance(other.id, target.id)
  return exact < 0n ? -1 : exact > 0n ? 1 : 0
}

/** The peer nearest to a target, if there is any. @category distances */
export const nearestOf = (target: PeerId, peers: Iterable<PeerId>): PeerId | undefined => {
  const to = position(target)
  let best: Position | undefined
  for (const peer of peers) {
    const here = position(peer)
    if (best === undefined || compareDistance(to, here, best) < 0) best = here
  }
  return best?.id
}

/** Peers by their distance to a target, nearest first. @category distances */
export const sorted = (target: PeerId, peers: Iterable<PeerId>): ReadonlyArray<PeerId> => {
  const to = position(target)
  return Array.from(peers, position).toSorted((one, other) => compareDistance(to, one, other)).map(({ id }) => id)
}

/** Whether one peer is nearer to a target than another. @category distances */
export const isNearer = (target: PeerId, one: PeerId, other: PeerId): boolean =>
  compareDistance(position(target), position(one), position(other)) < 0
