/**
 * What `homing peer --json` and the program that runs it say to each other: one JSON object a line, on standard input
 * and standard output.
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Bridged } from "../domain/Bridged.ts"
import { type Content, isBytes } from "../domain/Content.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { MeshEvent } from "../domain/MeshEvent.ts"
import { LinkStatus, MeshStatus } from "../domain/MeshStatus.ts"
import { NetworkName } from "../domain/NetworkName.ts"
import { PeerId } from "../domain/PeerId.ts"
import { Sent, SentToAll } from "../domain/Sent.ts"
import { NetworkSummary } from "../domain/Signal.ts"
import * as DhtProtocol from "./DhtProtocol.ts"

/** The most bytes of one line of input: room for the largest message, 8 MiB, in base64. @category constants */
export const maxLineBytes = 12 * 1024 * 1024

/** What ties a reply to its op: a number or a string, chosen by the program and sent back as it is. @category schemas */
export const OpId = Schema.Union([Schema.Finite, Schema.String]).annotate({ expected: "a number or a string" })
/** @category models */
export type OpId = typeof OpId.Type

/** A content on a line: any JSON value, or bytes as base64 text with `"encoding": "base64"`. @category schemas */
export const Carried = Schema.Struct({
  content: Schema.Json,
  encoding: Schema.optionalKey(Schema.Literal("base64"))
})
/** @category models */
export type Carried = typeof Carried.Type

// ----------------------------------------------------------------------------------------------------
// in
// ----------------------------------------------------------------------------------------------------

const opNames = [
  "broadcast",
  "send",
  "status",
  "peers",
  "networks",
  "setNetworkName",
  "setAllowGlobalFallback",
  ...DhtProtocol.opNames,
  "leave"
] as const

/** For whom a message is: `home` refuses while the peer has fallen back. */
const audience = { audience: Schema.optionalKey(Schema.Literals(["here", "home"])) }

/** What a program asks for, told apart by `op`. Every op is answered by one `reply` with its `id`. @category schemas */
export const Op = Schema.Union([
  /** Says something to everyone. Result: `SentToAll`, once it is on its way. */
  Schema.Struct({ id: OpId, op: Schema.tag("broadcast"), ...Carried.fields, ...audience }),
  /** Says something to one peer. Answered once that peer has confirmed. Result: `Sent`. */
  Schema.Struct({ id: OpId, op: Schema.tag("send"), to: PeerId, ...Carried.fields, ...audience }),
  /** Result: everything there is to see, as `MeshStatus`. */
  Schema.Struct({ id: OpId, op: Schema.tag("status") }),
  /** Result: the open links, as an array of `LinkStatus`. */
  Schema.Struct({ id: OpId, op: Schema.tag("peers") }),
  /** Result: the networks that the hub lists, as an array of `NetworkSummary`. */
  Schema.Struct({ id: OpId, op: Schema.tag("networks") }),
  /** Makes a network the home, and moves there. Answered once it is there and out of the old one. Result: `null`. */
  Schema.Struct({ id: OpId, op: Schema.tag("setNetworkName"), networkName: Schema.String }),
  /** Allows or forbids falling back; forbidding it while away means going home. Result: `null`, before any move. */
  Schema.Struct({ id: OpId, op: Schema.tag("setAllowGlobalFallback"), allow: Schema.Boolean }),
  ...DhtProtocol.ops,
  /** Leaves and ends, once the ops before it are done. Result: `null`; nothing comes after it. */
  Schema.Struct({ id: OpId, op: Schema.tag("leave") })
]).pipe(Schema.toTaggedUnion("op"))
/** @category models */
export type Op = typeof Op.Type

/** A line that is no op, with the id that its reply goes to: `null` where none could be read. @category models */
export interface Unreadable {
  readonly id: OpId | null
  readonly error: InvalidInput
}

/** A line that cannot be read, and why. @category constructors */
export const unreadable = (id: OpId | null, field: string, problem: string): Unreadable => ({
  id,
  error: new InvalidInput({ field, problem })
})

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const decodeId = Schema.decodeUnknownResult(Schema.Struct({ id: OpId }))
const decodeName = Schema.decodeUnknownResult(
  Schema.Struct({
    op: Schema.Literals(opNames).annotate({ expected: `one of the ops ${opNames.join(", ")}` })
  })
)
const decodeWhole = Schema.decodeUnknownResult(Op)

/** Reads a line of input. @category decoding */
export const decodeOp = (line: string): Result.Result<Op, Unreadable> => {
  const json = decodeJson(line)
  if (Result.isFailure(json)) return Result.fail(unreadable(null, "line", "it is not JSON"))
  const id = Result.match(decodeId(json.success), { onFailure: () => null, onSuccess: ({ id }) => id })
  // The name first: it tells which fields the rest must have.
  const op = Result.flatMap(decodeName(json.success), () => decodeWhole(json.success))
  return Result.mapError(op, ({ message }) => unreadable(id, "op", message.replaceAll(/\s+/g, " ")))
}

/** The content that a line carries, or what is wrong with it. @category decoding */
export const contentOf = ({ content, encoding }: Carried): Result.Result<Content, InvalidInput> => {
  if (encoding === undefined) return Result.succeed(content)
  const bytes = typeof content === "string" ? Base64.decode(content) : undefined
  return bytes === undefined || Result.isFailure(bytes)
    ? Result.fail(new InvalidInput({ field: "content", problem: "expected base64 text, as its encoding says" }))
    : Result.succeed(bytes.success)
}

// ----------------------------------------------------------------------------------------------------
// out
// ----------------------------------------------------------------------------------------------------

/** What went wrong: the error's name and a sentence for people. @category schemas */
export const Failure = Schema.Struct({ _tag: Schema.String, message: Schema.String })
/** @category models */
export type Failure = typeof Failure.Type

const { StatusChanged } = MeshEvent.cases
const { _tag: _, ...statusFields } = StatusChanged.fields

/** What an op leads to; which of them is said at {@link Op}. @category schemas */
export const OpResult = Schema.Union([
  Schema.Null,
  MeshStatus,
  Schema.Array(LinkStatus),
  Schema.Array(NetworkSummary),
  ...DhtProtocol.results,
  SentToAll,
  // Last, for it would fit all of the above that name a network.
  Sent
])

/** What a peer says, told apart by `event`. @category schemas */
export const PeerMessage = Schema.Union([
  /** The network is joined. Always the first, unless an `error` is. */
  Schema.Struct({
    event: Schema.tag("ready"),
    peerId: PeerId,
    networkName: NetworkName,
    /** The home. */
    originalNetworkName: NetworkName,
    /** Whether `networkName` is another than the home. */
    fallbackMode: Schema.Boolean,
    allowGlobalFallback: Schema.Boolean
  }),
  /** Joining failed; nothing comes after it. */
  Schema.Struct({ event: Schema.tag("error"), error: Failure }),
  /** A peer said something, to everyone or to us; `hops` is 1 from a neighbour. */
  Schema.Struct({
    event: Schema.tag("message"),
    kind: Schema.Literals(["broadcast", "direct"]),
    from: PeerId,
    ...Carried.fields,
    networkName: NetworkName,
    hops: Schema.Natural,
    /** Where it comes from, when `from` is a bridge that brought it from another network. Its word, not ours. */
    bridged: Schema.optionalKey(Bridged)
  }),
  /** A link to a peer opened. */
  Schema.Struct({ event: Schema.tag("peerConnected"), peerId: PeerId }),
  /** A link to a peer closed. */
  Schema.Struct({ event: Schema.tag("peerDisconnected"), peerId: PeerId, reason: Schema.String }),
  /** The hub's or the network's state changed; `type` says which. */
  Schema.Struct({ event: Schema.tag("statusChanged"), ...statusFields }),
  DhtProtocol.ChangeLine,
  /** The program read too slowly, and `count` events before this one were not kept. */
  Schema.Struct({ event: Schema.tag("missed"), count: Schema.Natural }),
  /** An op succeeded. */
  Schema.Struct({ event: Schema.tag("reply"), id: OpId, ok: Schema.Literal(true), result: OpResult }),
  /** An op failed, or a line was no op; then `id` is null unless it could be read. */
  Schema.Struct({
    event: Schema.tag("reply"),
    id: Schema.Union([OpId, Schema.Null]),
    ok: Schema.Literal(false),
    error: Failure
  })
])
/** @category models */
export type PeerMessage = typeof PeerMessage.Type

const encode = Schema.encodeEffect(Schema.fromJsonString(PeerMessage))

// JSON leaves these as they are, and readers such as Node's readline and Python's splitlines end a line at them.
const otherNewlines = /[\u0085\u2028\u2029]/g
const escaped = (newline: string) => `\\u${newline.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Writes a message as a line, without its newline. @category encoding */
export const encodeMessage = (message: PeerMessage): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encode(message)), (line) => line.replaceAll(otherNewlines, escaped))

/** Puts a content on a line. @category encoding */
export const carry = (content: Content): Carried =>
  isBytes(content) ? { content: Base64.encode(content), encoding: "base64" } : { content }

/** An error as a program sees it. @category encoding */
export const failureOf = (error: { readonly _tag: string; readonly message: string }): Failure => ({
  _tag: error._tag,
  message: error.message
})

/** A mesh's event as a program hears it. @category encoding */
export const messageOf = (event: MeshEvent): PeerMessage => {
  switch (event._tag) {
    case "Message": {
      const { bridged, content, from, hops, kind, networkName } = event
      const origin = bridged === undefined ? {} : { bridged }
      return { event: "message", kind, from, ...carry(content), networkName, hops, ...origin }
    }
    case "PeerConnected":
      return { event: "peerConnected", peerId: event.peerId }
    case "PeerDisconnected":
      return { event: "peerDisconnected", peerId: event.peerId, reason: event.reason }
    case "StatusChanged": {
      const { _tag, ...change } = event
      return { event: "statusChanged", ...change }
    }
    case "Missed":
      return { event: "missed", count: event.count }
  }
}
