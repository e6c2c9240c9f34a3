/**
 * What peers say to find, keep and watch records. A request is passed on from peer to peer towards the key's place on the
 * ring, and its answer comes back; records are spread among the peers around that place, and offered to newcomers.
 *
 * Every frame names its network, though a link belongs to one: a second lock. `dht` is PeerPigeon's own frame, and all
 * that its peers know.
 */
import * as Schema from "effect/Schema"
import { Key, StoredRecord, Ttl, WireValue, WriteId } from "./DhtRecord.ts"
import { guardFor } from "./FrameGroup.ts"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"
import { Signature } from "./Signature.ts"

/** The most hops of a request. @category constants */
export const maxHops = 64

/** The most peers that a request may list as visited: its hops, its origin, and some that failed. @category constants */
export const maxVisited = 96

/** The most places in which a request may have found nobody nearer. @category constants */
export const maxMinima = 16

/** The most peers among whom a record is spread. @category constants */
export const maxTargets = 24

/** The deepest tree along which a record is spread. @category constants */
export const maxDepth = 8

/** The most records, or keys, that one frame lists. @category constants */
export const maxItems = 64

const Id = Schema.String.check(Schema.isBetweenLength(1, 64))

const peers = (most: number) => Schema.Array(PeerId).check(Schema.isMaxLength(most))

const hops = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most }))

const common = { networkName: NetworkName, id: Id }

/** What is asked of whoever is responsible for a key. @category schemas */
export const Ask = Schema.Union([
  /** The newest record; `fresh` asks the peer nearest to the key itself, not the first that has a copy. */
  Schema.Struct({
    op: Schema.tag("get"),
    fresh: Schema.Boolean,
    /** Only one that this peer has signed. */
    signedBy: Schema.optionalKey(PeerId)
  }),
  /** A new version; without a value, a tombstone. */
  Schema.Struct({
    op: Schema.tag("write"),
    write: WriteId,
    writer: PeerId,
    value: Schema.optionalKey(WireValue),
    ttl: Ttl,
    /** Only if this is the version; 0: only if there is none. */
    expected: Schema.optionalKey(Schema.Natural),
    /** What else the writer has signed. Without it, version and time are those of the peer that keeps the record first. */
    signed: Schema.optionalKey(
      Schema.Struct({
        version: StoredRecord.fields.version,
        time: StoredRecord.fields.time,
        signature: Signature
      })
    )
  }),
  /** News of every change for a while, or, without `watching`, no more of it. */
  Schema.Struct({ op: Schema.tag("watch"), watching: Schema.Boolean })
]).pipe(Schema.toTaggedUnion("op"))
/** @category models */
export type Ask = typeof Ask.Type

/** What is asked of whoever keeps a record first. @category models */
export type Write = Extract<Ask, { readonly op: "write" }>

/** The record that a signed write asks to keep; `undefined` when it is not signed. @category getters */
export const signedRecordOf = (key: string, { signed, ttl, value, write, writer }: Write): StoredRecord | undefined =>
  signed && { key, ...(value === undefined ? {} : { value }), writer, write, ttl, ...signed }

/** @category schemas */
export const Request = Schema.Struct({
  type: Schema.tag("dht-request"),
  ...common,
  origin: PeerId,
  key: Key,
  ask: Ask,
  /** Hops that are left. */
  ttl: hops(maxHops),
  /** Whom not to ask (again): the origin first. */
  visited: peers(maxVisited),
  /** In how many places nobody nearer was found, and nothing. */
  minima: hops(maxMinima)
})
/** @category models */
export type Request = typeof Request.Type

/** A request came, and its answer takes a while. @category schemas */
export const Taken = Schema.Struct({ type: Schema.tag("dht-taken"), ...common })

/** @category schemas */
export const Answer = Schema.Union([
  /** It may be a tombstone. */
  Schema.Struct({ is: Schema.tag("record"), record: StoredRecord }),
  Schema.Struct({ is: Schema.tag("none") }),
  Schema.Struct({ is: Schema.tag("stored"), version: Schema.Natural, holders: Schema.Natural }),
  /** The version is another than was expected; 0: there is none. */
  Schema.Struct({ is: Schema.tag("conflict"), version: Schema.Natural }),
  Schema.Struct({ is: Schema.tag("watching"), record: Schema.optionalKey(StoredRecord) }),
  Schema.Struct({
    is: Schema.tag("refused"),
    /** `full`: the store has no room. `busy`: too much at a time. `invalid`: the request cannot be met as it is. */
    why: Schema.Literals(["full", "busy", "invalid"]),
    problem: Schema.String.check(Schema.isMaxLength(256))
  }),
  /** There is no way on from here. */
  Schema.Struct({
    is: Schema.tag("lost"),
    ttl: hops(maxHops),
    visited: peers(maxVisited),
    minima: hops(maxMinima)
  })
]).pipe(Schema.toTaggedUnion("is"))
/** @category models */
export type Answer = typeof Answer.Type

/** @category schemas */
export const Reply = Schema.Struct({ type: Schema.tag("dht-reply"), ...common, answer: Answer })
/** @category models */
export type Reply = typeof Reply.Type

/** Digits of an id by which it is told from others nearby. @category constants */
export const amongDigits = 8

const Among = Schema.Array(Schema.String.check(Schema.isPattern(/^[0-9a-f]{8}$/i))).check(
  Schema.isMaxLength(maxTargets)
)

/** A record for the receiver, if it is among the targets, and for those targets that it can reach better. @category schemas */
export const Spread = Schema.Struct({
  type: Schema.tag("dht-spread"),
  ...common,
  record: StoredRecord,
  targets: peers(maxTargets),
  /** Whether another record of the same version stands against it, whoever wrote that. */
  exclusive: Schema.Boolean,
  ttl: hops(maxDepth),
  /**
   * The beginnings of the ids of all among whom it is spread, by whatever way, nearest to the key first: whoever knows of a
   * peer that belongs to them and is not one says so.
   */
  among: Schema.optionalKey(Among)
})
/** @category models */
export type Spread = typeof Spread.Type

/** What came of a spread, below and at the sender. @category schemas */
export const Spreaded = Schema.Struct({
  type: Schema.tag("dht-spreaded"),
  ...common,
  /** Targets that have the record. */
  holders: Schema.Natural,
  /** The newest record that stood against it. */
  newer: Schema.optionalKey(StoredRecord),
  /** The write was kept before, as this version, and others have written since: it is not to be done again. */
  done: Schema.optionalKey(Schema.Natural),
  /** Targets that could not be reached, and peers that should be targets and are not. */
  missing: Schema.optionalKey(peers(maxTargets))
})
/** @category models */
export type Spreaded = typeof Spreaded.Type

/** Records that the receiver should have, by their versions. @category schemas */
export const Offer = Schema.Struct({
  type: Schema.tag("dht-offer"),
  ...common,
  items: Schema.Array(Schema.Struct({
    key: Key,
    version: Schema.Natural,
    writer: PeerId,
    write: WriteId,
    /** Present when it is signed. */
    signed: Schema.optionalKey(Schema.Literal(true))
  })).check(Schema.isMaxLength(maxItems))
})
/** @category models */
export type Offer = typeof Offer.Type

/** Those of the offered that the receiver does not have. @category schemas */
export const Want = Schema.Struct({
  type: Schema.tag("dht-want"),
  ...common,
  keys: Schema.Array(Key).check(Schema.isMaxLength(maxItems))
})
/** @category models */
export type Want = typeof Want.Type

/** Records for the receiver to keep. @category schemas */
export const Records = Schema.Struct({
  type: Schema.tag("dht-records"),
  networkName: NetworkName,
  records: Schema.Array(StoredRecord).check(Schema.isMaxLength(maxItems))
})
/** @category models */
export type Records = typeof Records.Type

/** Somebody watches a key, for so many milliseconds more. @category schemas */
export const Watch = Schema.Struct({
  type: Schema.tag("dht-watch"),
  networkName: NetworkName,
  key: Key,
  subscriber: PeerId,
  lease: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))
})
/** @category models */
export type Watch = typeof Watch.Type

/** A change, on its way to a subscriber. @category schemas */
export const Notice = Schema.Struct({
  type: Schema.tag("dht-notice"),
  networkName: NetworkName,
  to: PeerId,
  record: StoredRecord,
  ttl: hops(maxHops)
})
/** @category models */
export type Notice = typeof Notice.Type

/** What PeerPigeon's peers say, to neighbours alone. @category schemas */
export const Pigeon = Schema.Struct({
  type: Schema.tag("dht"),
  messageType: Schema.String.check(Schema.isMaxLength(64)),
  data: Schema.Json,
  from: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(64))),
  timestamp: Schema.optionalKey(Schema.Finite)
})
/** @category models */
export type Pigeon = typeof Pigeon.Type

/** All of them, for `Frame`. @category schemas */
export const members = [
  Request,
  Taken,
  Reply,
  Spread,
  Spreaded,
  Offer,
  Want,
  Records,
  Watch,
  Notice,
  Pigeon
] as const

/** @category schemas */
export const DhtFrame = Schema.Union(members).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type DhtFrame = typeof DhtFrame.Type

/** The types of all of them. @category constants */
export const kinds: ReadonlyArray<DhtFrame["type"]> = DhtFrame.discriminants

/** Whether a frame is one of them. @category guards */
export const isDhtFrame = guardFor(kinds)
