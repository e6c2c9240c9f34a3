/**
 * Peers on a ring: their ids are positions on a circle of 2^160, and near means few positions away in either direction.
 *
 * Comparing distances is the hot path of routing, so a position carries the first 52 bits of its id as a number. Those
 * decide unless ids share them, and then all 160 bits do: every answer here is exact, and only estimates are not.
 */
import { clockwiseDistance, PeerId, ringDistance } from "./PeerId.ts"

/** Bits of an id that a number holds exactly. */
const highBits = 52
const highDigits = highBits / 4
const highRing = 2 ** highBits
const ring = 1n << 160n
/** What one unit of `high` is worth. */
const lowBits = 160 - highBits

/** A place on the ring. @category models */
export interface Position {
  readonly id: PeerId
  /** The first 52 bits of the id. */
  readonly high: number
}

/** Which way around: `clockwise` is up, towards greater ids and over zero. @category models */
export type Side = "clockwise" | "counter"

/** Where a peer sits. @category constructors */
export const position = (id: PeerId): Position => ({ id, high: Number.parseInt(id.slice(0, highDigits), 16) })

/** Whether two positions are the same, whatever the case of the ids' letters. @category predicates */
export const isSame = (one: Position, other: Position): boolean =>
  one.high === other.high && (one.id === other.id || one.id.toLowerCase() === other.id.toLowerCase())

const sign = (difference: bigint): number => difference < 0n ? -1 : difference > 0n ? 1 : 0

/** The way up from one position to another in units of `high`, cut down. */
const up = (from: Position, to: Position): number => {
  const way = to.high - from.high
  return way < 0 ? way + highRing : way
}

/**
 * Orders by the way up from a position, itself first: negative when `one` comes before `other`.
 *
 * @category distances
 */
export const compareClockwise = (from: Position, one: Position, other: Position): number => {
  const [a, b] = [up(from, one), up(from, other)]
  return a !== b && a !== 0 && b !== 0
    ? a - b
    : sign(clockwiseDistance(from.id, one.id) - clockwiseDistance(from.id, other.id))
}

/**
 * Orders by the distance to a target, the shorter way around: negative when `one` is nearer than `other`.
 *
 * @category distances
 */
export const compareDistance = (target: Position, one: Position, other: Position): number => {
  const [a, b] = [up(target, one), up(target, other)]
  const difference = Math.min(a, highRing - a) - Math.min(b, highRing - b)
  // What was cut off changes each distance by less than one.
  return difference > 2 || difference < -2
    ? difference
    : sign(ringDistance(one.id, target.id) - ringDistance(other.id, target.id))
}

/** On which side of a peer another sits: the one on which the way is shorter, up when both are equal. @category getters */
export const sideOf = (self: Position, other: Position): Side => {
  const way = up(self, other)
  if (Math.abs(way - highRing / 2) > 1 && way !== 0) return way < highRing / 2 ? "clockwise" : "counter"
  return clockwiseDistance(self.id, other.id) <= clockwiseDistance(other.id, self.id) ? "clockwise" : "counter"
}

/** Whether a position lies on the way up from one to another, neither end included. @category predicates */
export const isBetween = (it: Position, from: Position, to: Position): boolean => {
  const way = clockwiseDistance(from.id, it.id)
  const whole = clockwiseDistance(from.id, to.id)
  return way > 0n && way < (whole === 0n ? ring : whole)
}

/** The way up from one position to another as a share of the ring, 0 to 1, to 52 bits. @category distances */
export const share = (from: Position, to: Position): number => up(from, to) / highRing

/**
 * How many peers there are, judged by how densely they sit around one: `clockwise` and `counter` are the nearest on each
 * side, nearest first, and nobody sits between them. Exact when they are all that there are.
 *
 * @category estimates
 */
export const estimateSize = (
  self: Position,
  clockwise: ReadonlyArray<Position>,
  counter: ReadonlyArray<Position>
): number => {
  const around = new Set([...clockwise, ...counter].map(({ id }) => id)).size
  const [last, first] = [clockwise.at(-1), counter.at(-1)]
  if (last === undefined || first === undefined) return around + 1
  // The two sides overlap: together they went all around.
  if (around < clockwise.length + counter.length) return around + 1
  const span = share(self, last) + share(first, self)
  return span >= 1 ? around + 1 : Math.max(around + 1, around / span)
}

/**
 * A point for a long link, at a distance drawn from the harmonic distribution (Symphony; Manku, Bawa, Raghavan 2003):
 * `size^(u - 1)` of half the ring on the given side, with `u` uniform in [0, 1). A network of `size` peers then has
 * links of every order of magnitude alike.
 *
 * @category estimates
 */
export const harmonicPoint = (self: Position, size: number, u: number, side: Side): PeerId => {
  const fraction = Math.max(size, 1) ** (u - 1)
  const way = BigInt(Math.min(Math.max(Math.round(fraction * (highRing / 2)), 1), highRing / 2)) << BigInt(lowBits)
  const from = BigInt(`0x${self.id}`)
  const point = BigInt.asUintN(160, side === "clockwise" ? from + way : from - way)
  return PeerId.make(point.toString(16).padStart(40, "0"))
}
