/**
 * What travels between two linked peers: JSON objects told apart by `type`, in the shapes of PeerPigeon
 * 1.1.3. Our own additions (`ping`, `pong`, `leave`, `left`, `encoding`,
 * `acknowledge`, `original`, `custody`, `answers`, `channel`, `order`, `bridged`) are types and fields that
 * an older peer ignores. How frames become channel messages is `FrameCodec`'s business.
 */
import * as Schema from "effect/Schema"
import { Bridged } from "./Bridged.ts"
import { Content } from "./Content.ts"
import * as DhtFrame from "./DhtFrame.ts"
import * as GossipFrame from "./GossipFrame.ts"
import { NetworkName } from "./NetworkName.ts"
import * as OverlayFrame from "./OverlayFrame.ts"
import { PeerId } from "./PeerId.ts"
import * as StreamFrame from "./StreamFrame.ts"

/** How many hops a new gossip message may travel, as in PeerPigeon. @category constants */
export const initialTtl = 40

/** The most ids a message's path may list: one more than its hops. @category constants */
export const maxPath = initialTtl + 1

/** Names of channels: 1 to 128 characters. @category schemas */
export const ChannelName = Schema.String.check(Schema.isBetweenLength(1, 128))

/**
 * A message on its way through a network: to everyone (`chat`) or to one peer (`dm`), and other subtypes
 * that are passed on without being understood.
 *
 * @category schemas
 */
export const Gossip = Schema.Struct({
  type: Schema.tag("gossip"),
  id: GossipFrame.MessageId,
  subtype: Schema.String.check(Schema.isBetweenLength(1, 64)),
  content: Content,
  from: PeerId,
  to: Schema.optionalKey(PeerId),
  networkName: Schema.optionalKey(NetworkName),
  /** The origin's clock, in milliseconds since 1970. Never trusted for anything but display. */
  timestamp: Schema.Finite,
  /** Hops that are left. */
  ttl: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: initialTtl })),
  /** Everyone who has handled the message, the origin first. */
  path: Schema.Array(PeerId).check(Schema.isMaxLength(maxPath)),
  /** The receiver is asked to confirm a direct message with a `dm-ack` of the same id. */
  acknowledge: Schema.optionalKey(Schema.Boolean),
  /** A direct message that was sent before on a way that broke: the id it had then, and by which it is confirmed. */
  original: Schema.optionalKey(GossipFrame.MessageId),
  /** Whoever gets this direct message says that it has it, and gives it back when it knows no way on. */
  custody: Schema.optionalKey(Schema.Boolean),
  /** The question that this answers. */
  answers: Schema.optionalKey(GossipFrame.MessageId),
  /** The channel that this is said on. */
  channel: Schema.optionalKey(ChannelName),
  /** Its place among what its origin wants to be heard in order. */
  order: Schema.optionalKey(Schema.Struct({ series: GossipFrame.MessageId, n: Schema.Natural })),
  /** The message was said in another network, and its origin here is a bridge. The id is the one it had there. */
  bridged: Schema.optionalKey(Bridged)
})
/** @category models */
export type Gossip = typeof Gossip.Type

/** Asks a neighbour for a `pong` with the same nonce. @category schemas */
export const Ping = Schema.Struct({
  type: Schema.tag("ping"),
  nonce: Schema.Natural,
  /** The last round trip as the asker measured it, in whole milliseconds: the other end need not ask for itself. */
  rtt: Schema.optionalKey(Schema.Natural)
})
/** @category models */
export type Ping = typeof Ping.Type

/** Answers a `ping`. @category schemas */
export const Pong = Schema.Struct({ type: Schema.tag("pong"), nonce: Schema.Natural })
/** @category models */
export type Pong = typeof Pong.Type

/** A neighbour lets this link go for lack of room. @category schemas */
export const Eviction = Schema.Struct({
  type: Schema.tag("eviction"),
  reason: Schema.String.check(Schema.isMaxLength(1024)),
  from: Schema.optionalKey(PeerId)
})

/** A neighbour leaves the network, and says why before it closes the link. @category schemas */
export const Leave = Schema.Struct({ type: Schema.tag("leave"), reason: Schema.String.check(Schema.isMaxLength(1024)) })

/** Answers a `leave`: everything that came before it has been handled. @category schemas */
export const Left = Schema.Struct({ type: Schema.tag("left") })

/** Bytes for this neighbour alone, as PeerPigeon sends them: a header, then one binary message. @category schemas */
export const Binary = Schema.Struct({ type: Schema.tag("__BINARY__"), bytes: Schema.Uint8Array })

/** Everything a neighbour may send. @category schemas */
export const Frame = Schema.Union([
  Gossip,
  Ping,
  Pong,
  Eviction,
  Leave,
  Left,
  Binary,
  ...GossipFrame.members,
  ...OverlayFrame.members,
  ...DhtFrame.members,
  ...StreamFrame.members
]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type Frame = typeof Frame.Type

/**
 * How a link speaks. `homing`: fragments, binary envelopes and probes. `pigeon`: only what PeerPigeon
 * 1.1.3 understands, in messages of at most 256 KiB.
 *
 * @category models
 */
export const Dialect = Schema.Literals(["homing", "pigeon"])
/** @category models */
export type Dialect = typeof Dialect.Type

/** What a channel carries in one message: text, or bytes. @category models */
export type Packet = string | Uint8Array
