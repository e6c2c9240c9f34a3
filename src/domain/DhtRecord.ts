/**
 * What the distributed hash table keeps: a value under a key, in one network, in the newest version that anybody knows.
 *
 * A record without a value is a tombstone: it remembers that the key was deleted, so that an old copy does not bring the
 * value back.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Content, isBytes } from "./Content.ts"
import { pointOf } from "./Hash.ts"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"

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
  /** Absent in a tombstone. */
  value: Schema.optionalKey(WireValue),
  /** 1 for the first; every write adds 1. */
  version: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  /** Who wrote it, as whoever passed it on says; nobody can check that as long as there is no signature. */
  writer: PeerId,
  write: WriteId,
  /** When it was stored, on the clock of the peer that stored it first: milliseconds since 1970. */
  time: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  /** Milliseconds that it lives from then on. */
  ttl: Ttl,
  /** Kept for the writer's signature: passed on as it is, and not checked yet. */
  signature: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256)))
})
/** @category models */
export type StoredRecord = typeof StoredRecord.Type

/** A record as an application reads it. @category schemas */
export const DhtRecord = Schema.Struct({
  key: Schema.String,
  value: Content,
  /** 1 for the first; every write adds 1. For `update`. */
  version: Schema.Natural,
  /** Who wrote it, as far as is known. */
  writer: PeerId,
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

/** When a record ends, in milliseconds since 1970. @category getters */
export const expiresAt = ({ time, ttl }: StoredRecord): number => time + ttl

/** Orders versions of one key, by version and then by writer: positive when `one` is newer. @category ordering */
export const compareAge = (one: StoredRecord, other: StoredRecord): number =>
  one.version - other.version || compareText(one.writer, other.writer) || compareText(one.write, other.write)

const compareText = (one: string, other: string): number => one < other ? -1 : one > other ? 1 : 0

const toUtf8 = new TextEncoder()

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
  const { key, time, ttl, version, writer } = stored
  return { key, value, version, writer, time, ttl, networkName }
}

/** A version for a subscriber. @category decoding */
export const toChange = (stored: StoredRecord, networkName: NetworkName): DhtChange => {
  const { key, version } = stored
  const record = toRecord(stored, networkName)
  return record === undefined ? { key, networkName, version } : { key, networkName, version, record }
}
