/** The part of a program's lines that is about records: ops, what they lead to, and the event of a change. */
import * as Schema from "effect/Schema"
import { type DhtChange, type DhtRecord, Stored, toWire, WireValue } from "../domain/DhtRecord.ts"
import { NetworkName } from "../domain/NetworkName.ts"
import { PeerId } from "../domain/PeerId.ts"

/** `home`: only while the peer is at home, and an error otherwise. @category schemas */
const audience = Schema.optionalKey(Schema.Literals(["here", "home"]))

/** Milliseconds that a record lives. @category schemas */
const ttl = Schema.optionalKey(Schema.Finite)

/** Whether to sign what is written. */
const signed = Schema.optionalKey(Schema.Boolean)

/** Only what this peer has signed. */
const signedBy = Schema.optionalKey(PeerId)

/** The ops' names. @category constants */
export const opNames = ["put", "get", "update", "delete", "subscribe", "unsubscribe"] as const

/** What ties a reply to its op. */
const id = Schema.Union([Schema.Finite, Schema.String]).annotate({ expected: "a number or a string" })

/** @category schemas */
export const ops = [
  /** Stores a value. Result: version and holders, as `Stored`. */
  Schema.Struct({ id, op: Schema.tag("put"), key: Schema.String, ...WireValue.fields, ttl, signed, audience }),
  /** Result: the record as `RecordLine`, or `null`. */
  Schema.Struct({
    id,
    op: Schema.tag("get"),
    key: Schema.String,
    fresh: Schema.optionalKey(Schema.Boolean),
    signedBy,
    audience
  }),
  /** Stores a value if the version is still the one given, or, without one, the one that is found. Result: as `put`. */
  Schema.Struct({
    id,
    op: Schema.tag("update"),
    key: Schema.String,
    ...WireValue.fields,
    version: Schema.optionalKey(Schema.Natural),
    ttl,
    signed,
    audience
  }),
  /** Removes a value. Result: as `put`. */
  Schema.Struct({ id, op: Schema.tag("delete"), key: Schema.String, ttl, signed, audience }),
  /** Asks for a `dht` event now, if there is a record, and at every change. Result: `null`, once that is registered. */
  Schema.Struct({ id, op: Schema.tag("subscribe"), key: Schema.String, signedBy, audience }),
  /** Asks for no more of them. Result: `null`. */
  Schema.Struct({ id, op: Schema.tag("unsubscribe"), key: Schema.String })
] as const

/** A record on a line. @category schemas */
export const RecordLine = Schema.Struct({
  key: Schema.String,
  ...WireValue.fields,
  version: Schema.Natural,
  writer: PeerId,
  /** Absent when nobody signed it. */
  signedBy: Schema.optionalKey(PeerId),
  /** Milliseconds since 1970. */
  time: Schema.Finite,
  /** Milliseconds. */
  ttl: Schema.Finite,
  networkName: NetworkName
})
/** @category models */
export type RecordLine = typeof RecordLine.Type

/** What ops lead to, beside `null`. @category schemas */
export const results = [Stored, RecordLine] as const

/** A key that was subscribed to has this record now; `null`: it was deleted. @category schemas */
export const ChangeLine = Schema.Struct({
  event: Schema.tag("dht"),
  key: Schema.String,
  networkName: NetworkName,
  version: Schema.Natural,
  record: Schema.Union([RecordLine, Schema.Null])
})
/** @category models */
export type ChangeLine = typeof ChangeLine.Type

/** Puts a record on a line. @category encoding */
export const recordLine = ({ value, ...rest }: DhtRecord): RecordLine => ({ ...rest, ...toWire(value) })

/** Puts a change on a line. @category encoding */
export const changeLine = ({ key, networkName, record, version }: DhtChange): ChangeLine => ({
  event: "dht",
  key,
  networkName,
  version,
  record: record === undefined ? null : recordLine(record)
})
