/**
 * What the distributed hash table keeps: a value under a key, in one network, in the newest version that anybody knows.
 *
 * A record without a value is a tombstone: it remembers that the key was deleted, so that an old copy does not bring the
 * value back. So does what is left of a record that ended before one that it had replaced.
 *
 * A writer may sign what it writes. Keys that begin with `@` and a peer's id belong to that peer: only what it has signed is
 * kept under them.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import * as Base64 from "effect/encoding/Base64"
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as CanonicalJson from "./CanonicalJson.ts"
import { Content, isBytes } from "./Content.ts"
import { pointOf } from "./Hash.ts"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"
import { Signature } from "./Signature.ts"

/** The most UTF-16 units of a key: room for a path or a URL, while a frame can list many. @category constants */
export const maxKeyLength = 512

/** The most bytes of a value, encoded: 64 KiB, four packets of a link. @category constants */
export const maxValueBytes = 64 * 1024

/** How long a record lives unless told otherwise, in milliseconds: a day, as in PeerPigeon. @category constants */
export const defaultTtl = 24 * 3600 * 1000

/** The shortest life of a record, in milliseconds. @category constants */
export const minTtl = 1000

/** The longest life of a record, in milliseconds: 30 days; what is still wanted then is put again. @category constants */
export const maxTtl = 30 * 24 * 3600 * 1000

/** A key. Any text, within a length. @category schemas */
export const Key = Schema.String.check(Schema.isBetweenLength(1, maxKeyLength))

/** A value on the wire: JSON, or bytes as base64 text with `"encoding": "base64"`. @category schemas */
export const WireValue = Schema.Struct({
  content: Schema.Json,
  encoding: Schema.optionalKey(Schema.Literal("base64"))
})
/** @category models */
export type WireValue = typeof WireValue.Type

/** How long a record lives, in milliseconds. @category schemas */
export const Ttl = Schema.Finite.check(Schema.isBetween({ minimum: minTtl, maximum: maxTtl }))

/** The name of a write: unique, so that one that is tried again is known again. @category schemas */
export const WriteId = Schema.String.check(Schema.isBetweenLength(1, 64))

/** A record as peers keep it and tell it each other. @category schemas */
export const StoredRecord = Schema.Struct({
  key: Key,
  /** Absent in a tombstone, and once the record has ended. */
  value: Schema.optionalKey(WireValue),
  /** In place of the value of a signed record that has ended: its SHA-256, as `digestOf`. */
  digest: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))),
  /** 1 for the first; every write adds 1. */
  version: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  /** Who wrote it; without a signature, as whoever passed it on says. */
  writer: PeerId,
  write: WriteId,
  /** When it was stored, on the clock of the peer that stored it first: milliseconds since 1970. */
  time: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  /** Milliseconds that it lives from then on. */
  ttl: Ttl,
  /** Milliseconds, more than `ttl`, that no older version is taken from `time` on: one that this replaced lives so long. */
  guard: Schema.optionalKey(Ttl),
  /** The writer's, of `signedBytes`; whoever keeps a record has checked it. */
  signature: Schema.optionalKey(Signature)
})
/** @category models */
export type StoredRecord = typeof StoredRecord.Type

/** A record as an application reads it. @category schemas */
export const DhtRecord = Schema.Struct({
  key: Schema.String,
  value: Content,
  /** 1 for the first; every write adds 1. For `update`. */
  version: Schema.Natural,
  /** Who wrote it; unless it is signed, as others say. */
  writer: PeerId,
  /** Who signed it, which is its writer; absent when nobody did. */
  signedBy: Schema.optionalKey(PeerId),
  /** When it was stored, in milliseconds since 1970, on the clock of the peer that did. */
  time: Schema.Finite,
  /** Milliseconds that it lives from then on. */
  ttl: Schema.Finite,
  networkName: NetworkName
})
/** @category models */
export type DhtRecord = typeof DhtRecord.Type

/** What a subscriber hears. @category schemas */
export const DhtChange = Schema.Struct({
  key: Schema.String,
  networkName: NetworkName,
  /** The version that this change made. */
  version: Schema.Natural,
  /** Absent when the key was deleted. */
  record: Schema.optionalKey(DhtRecord)
})
/** @category models */
export type DhtChange = typeof DhtChange.Type

/** What came of a write. @category schemas */
export const Stored = Schema.Struct({
  key: Schema.String,
  networkName: NetworkName,
  version: Schema.Natural,
  /** Peers that have it now, those that could be asked. */
  holders: Schema.Natural
})
/** @category models */
export type Stored = typeof Stored.Type

/** Where a key of a network belongs on the ring: SHA-256 of `network:key`, its first 160 bits. @category getters */
export const positionOf = (networkName: NetworkName, key: string): PeerId => pointOf(`${networkName}:${key}`)

/** The key with that name that belongs to a peer: `@<peer id>/<name>`. @category constructors */
export const ownedKey = (peerId: PeerId, name: string): string => `@${peerId}/${name}`

const owned = /^@([0-9a-f]{40})\//

const isPeerId = Schema.is(PeerId)

/** Whose a key is; `undefined` when it is everybody's. @category getters */
export const ownerOf = (key: string): PeerId | undefined => {
  const owner = owned.exec(key)?.[1]
  return isPeerId(owner) ? owner : undefined
}

/** When the value of a record, or a tombstone, ends: in milliseconds since 1970. @category getters */
export const expiresAt = ({ time, ttl }: StoredRecord): number => time + ttl

/** When a record may be forgotten, in milliseconds since 1970: not before one that it replaced ends. @category getters */
export const forgottenAt = ({ guard = 0, time, ttl }: StoredRecord): number => time + Math.max(ttl, guard)

/** What is left of a record that has ended: all but its value. @category combinators */
export const remnantOf = (record: StoredRecord): StoredRecord => {
  const { value, ...rest } = record
  return value === undefined || record.signature === undefined ? rest : { ...rest, digest: digestOf(value) }
}

/** What two copies of a record have in common, and versions differ in. @category models */
export type Mark = Pick<StoredRecord, "version" | "writer" | "write"> & { readonly isSigned: boolean }

/** @category getters */
export const markOf = ({ signature, version, write, writer }: StoredRecord): Mark => ({
  version,
  writer,
  write,
  isSigned: signature !== undefined
})

/**
 * Orders versions of one key: by version, a signed one over one that is not, and then by writer; positive when `one` is
 * newer.
 *
 * @category ordering
 */
export const compareMarks = (one: Mark, other: Mark): number =>
  one.version - other.version || Number(one.isSigned) - Number(other.isSigned) ||
  compareText(one.writer, other.writer) || compareText(one.write, other.write)

/** Orders records of one key as their marks. @category ordering */
export const compareAge = (one: StoredRecord, other: StoredRecord): number => compareMarks(markOf(one), markOf(other))

const compareText = (one: string, other: string): number => one < other ? -1 : one > other ? 1 : 0

const toUtf8 = new TextEncoder()

/** The SHA-256 of a value, in hexadecimal digits. @category encoding */
export const digestOf = ({ content, encoding }: WireValue): string =>
  Hex.encode(sha256(toUtf8.encode(CanonicalJson.stringify([content, encoding ?? null]))))

/**
 * What the writer of a record signs: everything that it decides, the network among it. The value counts by its digest, so
 * that the signature can be checked when the record has ended.
 *
 * @category encoding
 */
export const signedBytes = (networkName: NetworkName, record: StoredRecord): Uint8Array => {
  const { key, time, ttl, value, version, write, writer } = record
  const digest = value === undefined ? record.digest ?? null : digestOf(value)
  return toUtf8.encode(CanonicalJson.stringify([networkName, key, digest, version, writer, write, time, ttl]))
}

/** Whether a record is signed by a peer, as it says; whoever keeps it has checked that. @category predicates */
export const isSignedBy = ({ signature, writer }: StoredRecord, peer: PeerId): boolean =>
  signature !== undefined && writer === peer

/** The bytes that a value counts for. @category getters */
export const sizeOf = ({ content, encoding }: WireValue): number =>
  encoding === "base64" && typeof content === "string"
    ? Math.floor(content.length * 3 / 4) - (content.endsWith("==") ? 2 : content.endsWith("=") ? 1 : 0)
    : toUtf8.encode(JSON.stringify(content)).length

/** A value for the wire. @category encoding */
export const toWire = (value: Content): WireValue =>
  isBytes(value) ? { content: Base64.encode(value), encoding: "base64" } : { content: value }

/** A value from the wire; `undefined` when it says base64 and is not. @category decoding */
export const fromWire = ({ content, encoding }: WireValue): Content | undefined => {
  if (encoding === undefined) return content
  const bytes = typeof content === "string" ? Base64.decode(content) : undefined
  return bytes === undefined || Result.isFailure(bytes) ? undefined : bytes.success
}

/** A record for an application; `undefined` for a tombstone. @category decoding */
export const toRecord = (stored: StoredRecord, networkName: NetworkName): DhtRecord | undefined => {
  const value = stored.value === undefined ? undefined : fromWire(stored.value)
  if (value === undefined) return undefined
  const { key, signature, time, ttl, version, writer } = stored
  const record = { key, value, version, writer, time, ttl, networkName }
  return signature === undefined ? record : { ...record, signedBy: writer }
}

/** A version for a subscriber. @category decoding */
export const toChange = (stored: StoredRecord, networkName: NetworkName): DhtChange => {
  const { key, version } = stored
  const record = toRecord(stored, networkName)
  return record === undefined ? { key, networkName, version } : { key, networkName, version, record }
}
