/**
 * What two linked peers say to carry streams of bytes between them, each beside all other frames of the link.
 *
 * A stream is a number that is unique on its link: whoever opens takes even ones if its id is the greater, odd ones
 * otherwise. Each end may send as much as the other has granted, and no more. A PeerPigeon peer knows no streams, and is
 * never sent any of this.
 */
import * as Schema from "effect/Schema"
import { guardFor } from "./FrameGroup.ts"
import { initiates, type PeerId } from "./PeerId.ts"

/** The most bytes of one data frame of ours: with its envelope it fits the 16 KiB that every WebRTC stack takes. @category constants */
export const chunkBytes = 16 * 1024 - 64

/** The most bytes of one data frame that is accepted. @category constants */
export const maxChunkBytes = 16 * 1024

/**
 * What a data frame costs of the credit beyond its bytes: about what it takes to keep it. Without it, a window of single
 * bytes would take its receiver a hundred times its size.
 *
 * @category constants
 */
export const frameCost = 64

/** What a data frame with so many bytes costs of the credit. @category getters */
export const costOf = (bytes: number): number => bytes + frameCost

/** The most UTF-16 units of a stream's name. @category constants */
export const maxNameLength = 256

/** The most UTF-16 units of a stream's metadata as JSON. @category constants */
export const maxMetadataLength = 4096

/** The most UTF-16 units of a reason. @category constants */
export const maxReasonLength = 512

/** A stream's name. Any text, within a length. @category schemas */
export const StreamName = Schema.String.check(Schema.isBetweenLength(1, maxNameLength))

/** Whether a JSON value is small enough for a stream's metadata. @category predicates */
export const fitsMetadata = (metadata: Schema.Json): boolean => JSON.stringify(metadata).length <= maxMetadataLength

/** What an opener says of a stream. @category schemas */
export const Metadata = Schema.Json.check(
  Schema.makeFilter(fitsMetadata, { expected: `JSON of at most ${maxMetadataLength} characters` })
)

/** A stream's number on its link. */
const stream = Schema.Natural

/** Bytes of credit. */
const Credit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 32 }))

const Reason = Schema.String.check(Schema.isMaxLength(maxReasonLength))

/** "May I send you a stream, and hear one?" @category schemas */
export const Open = Schema.Struct({
  type: Schema.tag("stream-open"),
  stream,
  name: StreamName,
  metadata: Schema.optionalKey(Metadata),
  /** What the other end may send at first. */
  window: Credit
})
/** @category models */
export type Open = typeof Open.Type

/** "Yes." @category schemas */
export const Accept = Schema.Struct({ type: Schema.tag("stream-accept"), stream, window: Credit })

/** "No." @category schemas */
export const Refuse = Schema.Struct({ type: Schema.tag("stream-refuse"), stream, reason: Reason })

/** The next bytes. @category schemas */
export const Data = Schema.Struct({
  type: Schema.tag("stream-data"),
  stream,
  bytes: Schema.Uint8Array.check(
    Schema.makeFilter((bytes: Uint8Array) => bytes.length > 0 && bytes.length <= maxChunkBytes, {
      expected: `1 to ${maxChunkBytes} bytes`
    })
  )
})
/** @category models */
export type Data = typeof Data.Type

/** "You may send so much more." @category schemas */
export const More = Schema.Struct({ type: Schema.tag("stream-credit"), stream, bytes: Credit })

/** "That was all from me." The other direction goes on. @category schemas */
export const End = Schema.Struct({ type: Schema.tag("stream-end"), stream })

/** "I neither send nor take anything more." What came before its sender's end is not touched. @category schemas */
export const Reset = Schema.Struct({ type: Schema.tag("stream-reset"), stream, reason: Reason })

/** All of them, for `Frame`. @category schemas */
export const members = [Open, Accept, Refuse, Data, More, End, Reset] as const

/** @category schemas */
export const StreamFrame = Schema.Union(members).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type StreamFrame = typeof StreamFrame.Type

/** The types of all of them. @category constants */
export const kinds: ReadonlyArray<StreamFrame["type"]> = StreamFrame.discriminants

/** Whether a frame is one of them. @category guards */
export const isStreamFrame = guardFor(kinds)

/** Whether a number is one that `opener` takes for streams with `other`. @category predicates */
export const isOf = (stream: number, opener: PeerId, other: PeerId): boolean =>
  (stream % 2 === 0) === initiates(opener, other)

/** A reason as it fits a frame. @category constructors */
export const reasonFrom = (text: string): string => text.slice(0, maxReasonLength)
