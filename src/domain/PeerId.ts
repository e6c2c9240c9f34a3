/**
 * The identity of a peer: 160 bits, written as 40 hexadecimal digits.
 *
 * Our own ids are the first 20 bytes of the SHA-256 of an Ed25519 public key, in lower case. Any 40
 * hexadecimal digits are a valid id of somebody else, in either case, and are never rewritten: other
 * implementations compare ids as plain strings.
 */
import * as Schema from "effect/Schema"

const hexDigits = 40
const bits = 160n

/**
 * 40 hexadecimal digits.
 *
 * @category schemas
 */
export const PeerId = Schema.String.check(
  Schema.isPattern(/^[0-9a-fA-F]{40}$/, {
    expected: "a peer id of 40 hexadecimal digits",
    arbitraryConstraint: { patterns: [{ source: "^[0-9a-f]{40}$", flags: "" }] }
  })
).pipe(Schema.brand("PeerId"))

/** @category models */
export type PeerId = typeof PeerId.Type

/**
 * The id that belongs to the SHA-256 digest of a public key: its first 20 bytes. The digest must
 * have at least 20 bytes.
 *
 * @category constructors
 */
export const fromDigest = (digest: Uint8Array): PeerId =>
  PeerId.make(Array.from(digest.subarray(0, hexDigits / 2), (byte) => byte.toString(16).padStart(2, "0")).join(""))

/**
 * Whether `self` makes the offer when it and `other` want a link: the id that is greater as a plain
 * string does, as in PeerPigeon, so that exactly one side dials.
 *
 * @category predicates
 */
export const initiates = (self: PeerId, other: PeerId): boolean => self > other

/**
 * An id by which those that differ only in the case of their letters are the same. It is the id itself where that is in lower
 * case, and takes no memory then.
 *
 * @category getters
 */
export const caseless = (id: PeerId): string => {
  const lower = id.toLowerCase()
  return lower === id ? id : lower
}

/** Whether two ids name the same peer, whatever their letters' case. @category predicates */
export const equals = (self: PeerId, other: PeerId): boolean =>
  self === other || self.toLowerCase() === other.toLowerCase()

const toBigInt = (id: PeerId): bigint => BigInt(`0x${id}`)

/** The XOR distance (Kademlia; Maymounkov and Mazières 2002) of two ids, 0 to 2^160 - 1. @category distances */
export const xorDistance = (self: PeerId, other: PeerId): bigint => toBigInt(self) ^ toBigInt(other)

/**
 * The distance of two ids on the ring of 2^160 positions, the shorter way around.
 *
 * @category distances
 */
export const ringDistance = (self: PeerId, other: PeerId): bigint => {
  const clockwise = BigInt.asUintN(Number(bits), toBigInt(other) - toBigInt(self))
  const counter = (1n << bits) - clockwise
  return clockwise < counter ? clockwise : counter
}

/** The distance from `self` to `other` going up around the ring. @category distances */
export const clockwiseDistance = (self: PeerId, other: PeerId): bigint =>
  BigInt.asUintN(Number(bits), toBigInt(other) - toBigInt(self))

/** How many leading bits two ids share, 0 to 160. @category distances */
export const commonPrefixLength = (self: PeerId, other: PeerId): number => {
  const distance = xorDistance(self, other)
  return distance === 0n ? Number(bits) : Number(bits) - distance.toString(2).length
}

/**
 * Orders ids as one meets them going up around the ring from `self`: as `clockwiseDistance` does, without its
 * arithmetic.
 *
 * @category distances
 */
export const byClockwiseOrderFrom = (self: PeerId) => {
  const start = self.toLowerCase()
  return (a: PeerId, b: PeerId): number => {
    const [first, second] = [a.toLowerCase(), b.toLowerCase()]
    // What is below the start comes once the ring has closed.
    const wraps = first < start
    if (wraps !== second < start) return wraps ? 1 : -1
    return first < second ? -1 : first > second ? 1 : 0
  }
}

/** Orders ids by a distance to `target`, nearest first. @category distances */
export const byDistanceTo =
  (target: PeerId, distance: (self: PeerId, other: PeerId) => bigint) => (a: PeerId, b: PeerId): number => {
    const difference = distance(a, target) - distance(b, target)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }

/** The first eight digits, for people to read. @category formatting */
export const short = (id: PeerId): string => id.slice(0, 8)
