/**
 * Frames as packets of a data channel, and back.
 *
 * A frame is a JSON text packet whenever it is small and has no bytes in it. Otherwise it depends on the
 * dialect. In `homing`, bytes travel raw in an envelope, and what is larger than a packet is cut into fragments:
 *
 *     text packet    the frame as JSON; several that wait together share one, a line each
 *     envelope       0xFD  header length (uint32)  header: the frame as JSON, without its bytes  the bytes
 *     first fragment 0xFE  total length (uint32)   the beginning of a JSON text or an envelope
 *     next fragment  0xFF  offset (uint32)         the next part of it
 *
 * Numbers are big-endian. The kinds are bytes that UTF-8 never uses, so a reassembled message shows by its first
 * byte whether it is JSON or an envelope. Fragments of one frame follow one another; text packets may come in
 * between, so that a probe does not wait behind a large message. In `pigeon`, everything is one text packet,
 * bytes in gossip are base64, and bytes for a neighbour are the two packets that PeerPigeon knows.
 *
 * Nothing here waits or performs I/O, and nothing throws for what a stranger sent.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isBytes, maxNesting } from "./Content.ts"
import { isDhtFrame } from "./DhtFrame.ts"
import { Malformed, MessageTooLarge } from "./Errors.ts"
import { type Dialect, Frame, type Packet } from "./Frame.ts"
import * as Probe from "./Probe.ts"

// ---------------------------------------------------------------------------------------------------
// limits
// ---------------------------------------------------------------------------------------------------

/**
 * The most bytes of an encoded frame that a peer accepts unless told otherwise: 8 MiB, a second or so of a slow
 * link, and little enough that a hundred neighbours cannot exhaust a browser.
 *
 * @category constants
 */
export const maxMessageBytes = 8 * 1024 * 1024

/**
 * The most bytes of a packet that we cut ourselves: 16 KiB, the size that every WebRTC stack takes and that
 * lets other packets through soon.
 *
 * @category constants
 */
export const packetBytes = 16 * 1024

/**
 * The most bytes of a packet for PeerPigeon: 256 KiB, what Chromium announces as `max-message-size`.
 *
 * @category constants
 */
export const pigeonPacketBytes = 256 * 1024

/** Announcements of bytes (`__BINARY__`) that may wait for them; senders have one, seldom two, under way. */
const maxAnnounced = 8

/** Characters of a stranger's words that an error repeats. */
const maxQuoted = 256

/** A UTF-16 unit takes at most this many bytes of UTF-8. */
const maxBytesPerUnit = 3

// ---------------------------------------------------------------------------------------------------
// packet layout
// ---------------------------------------------------------------------------------------------------

const kinds = { envelope: 0xfd, first: 0xfe, next: 0xff } as const

/** A kind and a number. */
const prefixBytes = 5

const fragmentBytes = packetBytes - prefixBytes

const writePrefix = (packet: Uint8Array, kind: number, number: number): void => {
  packet.set([kind, number >>> 24, number >>> 16, number >>> 8, number])
}

const readNumber = (packet: Uint8Array): number =>
  new DataView(packet.buffer, packet.byteOffset, packet.byteLength).getUint32(1)

const toUtf8 = new TextEncoder()
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The bytes of a text in UTF-8. Counts only when the text is so near to `limit` that it matters. */
const utf8Length = (text: string, limit: number): number =>
  text.length > limit || text.length * maxBytesPerUnit <= limit ? text.length : toUtf8.encode(text).length

// ---------------------------------------------------------------------------------------------------
// encoding
// ---------------------------------------------------------------------------------------------------

/**
 * The packets of a frame, in the order in which to send them; they can be sent on any number of links. `limit` is in
 * bytes of the encoded frame (default: `maxMessageBytes`); in `pigeon` it is at most `pigeonPacketBytes`. Fails
 * when the frame is larger. The packets share no memory with the frame.
 *
 * @category encoding
 */
export const encode = (
  frame: Frame,
  dialect: Dialect,
  limit: number = maxMessageBytes
): Result.Result<ReadonlyArray<Packet>, MessageTooLarge> =>
  dialect === "homing" ? encodeHoming(frame, limit) : encodePigeon(frame, Math.min(limit, pigeonPacketBytes))

const encodeHoming = (frame: Frame, limit: number): Result.Result<ReadonlyArray<Packet>, MessageTooLarge> => {
  if (frame.type === "__BINARY__") {
    return encodeEnvelope({ type: frame.type }, frame.bytes, limit)
  }
  if (frame.type === "stream-data") {
    const { bytes, ...header } = frame
    return encodeEnvelope(header, bytes, limit)
  }
  if (frame.type === "gossip" && isBytes(frame.content)) {
    const { content, ...header } = frame
    return encodeEnvelope(header, content, limit)
  }
  const text = JSON.stringify(frame)
  if (text.length * maxBytesPerUnit <= Math.min(packetBytes, limit)) return Result.succeed([text])
  const bytes = toUtf8.encode(text)
  if (bytes.length > limit) return tooLarge(bytes.length, limit)
  return Result.succeed(bytes.length <= packetBytes ? [text] : fragment([bytes], bytes.length))
}

const encodeEnvelope = (
  header: object,
  content: Uint8Array,
  limit: number
): Result.Result<ReadonlyArray<Packet>, MessageTooLarge> => {
  const headerJson = toUtf8.encode(JSON.stringify(header))
  const size = prefixBytes + headerJson.length + content.length
  if (size > limit) return tooLarge(size, limit)
  const prefix = new Uint8Array(prefixBytes)
  writePrefix(prefix, kinds.envelope, headerJson.length)
  const parts = [prefix, headerJson, content]
  if (size > packetBytes) return Result.succeed(fragment(parts, size))
  const packet = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    packet.set(part, offset)
    offset += part.length
  }
  return Result.succeed([packet])
}

/** Cuts the `parts`, `total` bytes together, into fragments that lie in one allocation. */
const fragment = (parts: ReadonlyArray<Uint8Array>, total: number): ReadonlyArray<Uint8Array> => {
  const count = Math.ceil(total / fragmentBytes)
  const memory = new Uint8Array(total + count * prefixBytes)
  const packets = Array.from({ length: count }, (_, index) => {
    const packet = memory.subarray(index * packetBytes, (index + 1) * packetBytes)
    if (index === 0) writePrefix(packet, kinds.first, total)
    else writePrefix(packet, kinds.next, index * fragmentBytes)
    return packet
  })
  let offset = 0
  for (const part of parts) {
    for (let read = 0; read < part.length;) {
      const within = offset % fragmentBytes
      const piece = part.subarray(read, read + fragmentBytes - within)
      memory.set(piece, Math.floor(offset / fragmentBytes) * packetBytes + prefixBytes + within)
      read += piece.length
      offset += piece.length
    }
  }
  return packets
}

const encodePigeon = (frame: Frame, limit: number): Result.Result<ReadonlyArray<Packet>, MessageTooLarge> => {
  if (frame.type === "__BINARY__") {
    const size = frame.bytes.length
    if (size > limit) return tooLarge(size, limit)
    return Result.succeed([JSON.stringify({ type: frame.type, size }), new Uint8Array(frame.bytes)])
  }
  const text = JSON.stringify(
    frame.type === "gossip" && isBytes(frame.content)
      ? { ...frame, content: Base64.encode(frame.content), encoding: "base64" }
      : frame
  )
  const size = utf8Length(text, limit)
  return size > limit ? tooLarge(size, limit) : Result.succeed([text])
}

/**
 * The most characters of text packets that are joined into one: as UTF-8 they fit a packet whatever they are.
 *
 * @category constants
 */
export const joinedLength = Math.floor(packetBytes / 3)

/** Frames that one packet may carry; a stranger's further ones are ignored. */
const maxLines = 4096

/**
 * Text packets in one, a line each, for `homing`: JSON as we write it has no line breaks of its own.
 *
 * @category encoding
 */
export const join = (texts: ReadonlyArray<Packet>): Packet => texts.join("\n")

/**
 * The packets that were joined into one.
 *
 * @category decoding
 */
export const split = (packet: Packet): ReadonlyArray<Packet> =>
  typeof packet === "string" && packet.includes("\n") ? packet.split("\n", maxLines) : [packet]

const tooLarge = (size: number, limit: number) => Result.fail(new MessageTooLarge({ size, limit }))

// ---------------------------------------------------------------------------------------------------
// decoding
// ---------------------------------------------------------------------------------------------------

/**
 * What a packet turned out to be: a frame; a message of a type that we do not know, which is no fault; or a part
 * of a message whose rest is still to come.
 *
 * @category models
 */
export type Received =
  | { readonly _tag: "Frame"; readonly frame: Frame }
  | { readonly _tag: "Unknown"; readonly type: string }
  | { readonly _tag: "Incomplete" }

/** Reads the packets of one link, in the order in which they came, in either dialect. @category models */
export interface Decoder {
  /**
   * Reads a packet. Fails with `Malformed`, naming the field, for what is not of the protocol, and with
   * `MessageTooLarge` for what is announced as, or is, larger than the limit. A failure forgets the
   * message that was under way; later packets are read as usual.
   */
  push(packet: Packet): Result.Result<Received, Malformed | MessageTooLarge>
}

/** What a decoder allows. @category models */
export interface DecoderLimits {
  /** Bytes of an encoded frame; default: `maxMessageBytes`. */
  readonly maxMessageBytes?: number
}

/** A message of which fragments have arrived. */
interface Assembly {
  readonly total: number
  /** Grows as bytes arrive, so that a false total costs its sender more than us. */
  memory: Uint8Array
  received: number
}

/** Bytes that a text packet announced: ours to deliver, or part of something that we do not know. */
interface Announced {
  readonly size: number
  readonly wanted: boolean
}

/**
 * A decoder for one link.
 *
 * @category decoding
 */
export const makeDecoder = (limits: DecoderLimits = {}): Decoder => {
  const limit = limits.maxMessageBytes ?? maxMessageBytes
  const announced: Array<Announced> = []
  let assembly: Assembly | undefined

  const pushText = (text: string) => {
    const probe = Probe.read(text)
    if (probe !== undefined) return received(probe)
    const size = utf8Length(text, limit)
    if (size > limit) return tooLarge(size, limit)
    return Result.flatMap(parse(text), (message) => {
      const announcement = readAnnouncement(message)
      return announcement === undefined ? decode(message) : announce(announcement, message.type)
    })
  }

  const announce = (announcement: Announced, type: string): Result.Result<Received, Malformed | MessageTooLarge> => {
    const { size } = announcement
    if (!Number.isSafeInteger(size) || size < 0) return malformed("size: expected a number of bytes")
    if (size > limit) return tooLarge(size, limit)
    if (announced.length === maxAnnounced) {
      announced.length = 0
      return malformed(`type: more than ${maxAnnounced} announcements of bytes, and no bytes`)
    }
    announced.push(announcement)
    return announcement.wanted ? incomplete : unknownType(type)
  }

  /**
   * The bytes that were announced. An announcement of another size lost its bytes on the way (PeerPigeon sends
   * it even when the bytes are too large to follow), so it gives way to the next.
   */
  const pushAnnounced = (bytes: Uint8Array): Result.Result<Received, Malformed> => {
    const index = announced.findIndex(({ size }) => size === bytes.length)
    const found = announced[index]
    announced.splice(0, found === undefined ? announced.length : index + 1)
    if (found === undefined) return malformed(`size: ${bytes.length} bytes came, and others were announced`)
    return found.wanted ? received({ type: "__BINARY__", bytes: new Uint8Array(bytes) }) : incomplete
  }

  const pushFirst = (packet: Uint8Array) => {
    if (assembly !== undefined) return malformed("kind: a first fragment, before the last one of the message under way")
    const total = readNumber(packet)
    if (total > limit) return tooLarge(total, limit)
    assembly = { total, memory: new Uint8Array(0), received: 0 }
    return append(assembly, packet.subarray(prefixBytes))
  }

  const pushNext = (packet: Uint8Array) => {
    if (assembly === undefined) return malformed("kind: a next fragment without a first one")
    const offset = readNumber(packet)
    return offset === assembly.received
      ? append(assembly, packet.subarray(prefixBytes))
      : malformed(`offset: expected ${assembly.received}, got ${offset}`)
  }

  const append = (under: Assembly, bytes: Uint8Array): Result.Result<Received, Malformed | MessageTooLarge> => {
    const length = under.received + bytes.length
    if (bytes.length === 0) return malformed("fragment: is empty")
    if (length > under.total) return malformed(`fragment: ends at ${length} of ${under.total} bytes`)
    if (length > under.memory.length) {
      const memory = new Uint8Array(Math.min(under.total, Math.max(length, 2 * under.memory.length)))
      memory.set(under.memory.subarray(0, under.received))
      under.memory = memory
    }
    under.memory.set(bytes, under.received)
    under.received = length
    if (length < under.total) return incomplete
    assembly = undefined
    return under.memory[0] === kinds.envelope
      ? decodeEnvelope(under.memory)
      : Result.flatMap(parseUtf8(under.memory), decode)
  }

  const pushBytes = (packet: Uint8Array): Result.Result<Received, Malformed | MessageTooLarge> => {
    if (announced.length > 0) return pushAnnounced(packet)
    if (packet.length <= prefixBytes) return malformed(`packet: has only ${packet.length} bytes`)
    if (packet[0] === kinds.first) return pushFirst(packet)
    if (packet[0] === kinds.next) return pushNext(packet)
    if (packet[0] !== kinds.envelope) return malformed("kind: bytes that nothing announced")
    // Copied, because a small packet may lie in memory that the engine shares among many.
    return packet.length > limit ? tooLarge(packet.length, limit) : decodeEnvelope(new Uint8Array(packet))
  }

  return {
    push: (packet) => {
      if (typeof packet === "string") return pushText(packet)
      const result = pushBytes(packet)
      if (Result.isFailure(result)) assembly = undefined
      return result
    }
  }
}

/** A JSON object that says what it is. */
interface Message {
  readonly [field: string]: unknown
  readonly type: string
}

const decodeFrame = Schema.decodeUnknownResult(Frame)

const malformed = (problem: string) => Result.fail(new Malformed({ what: "frame", problem }))

const incomplete: Result.Result<Received> = Result.succeed({ _tag: "Incomplete" })

const received = (frame: Frame): Result.Result<Received> => Result.succeed({ _tag: "Frame", frame })

const unknownType = (type: string): Result.Result<Received> =>
  Result.succeed({ _tag: "Unknown", type: type.slice(0, maxQuoted) })

const isKnown = (type: string): boolean => Object.hasOwn(Frame.cases, type)

const parse = (text: string): Result.Result<Message, Malformed> => {
  const json = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(json)) return malformed("packet: is not JSON")
  return isMessage(json.success) ? Result.succeed(json.success) : malformed("type: expected an object that has one")
}

const parseUtf8 = (bytes: Uint8Array): Result.Result<Message, Malformed> => {
  const text = Result.try(() => fromUtf8.decode(bytes))
  return Result.isFailure(text) ? malformed("packet: is not UTF-8") : parse(text.success)
}

const isMessage = (json: unknown): json is Message =>
  Predicate.isObject(json) && Object.hasOwn(json, "type") && "type" in json && typeof json.type === "string"

/** A packet of bytes follows `__BINARY__`, and also PeerPigeon's `__STREAM_CHUNK__`, which we do not know. */
const readAnnouncement = ({ encoding, size, type }: Message): Announced | undefined => {
  const wanted = type === "__BINARY__"
  if (!wanted && (type !== "__STREAM_CHUNK__" || encoding !== "binary")) return undefined
  return { size: typeof size === "number" ? size : Number.NaN, wanted }
}

/** A message of JSON alone, in which bytes are base64. */
const decode = (message: Message): Result.Result<Received, Malformed> => {
  if (!isKnown(message.type)) return unknownType(message.type)
  if (message.type !== "gossip" || message["encoding"] !== "base64") return validate(message)
  const { content } = message
  if (typeof content !== "string") return malformed("content: expected base64")
  const bytes = Base64.decode(content)
  return Result.isFailure(bytes)
    ? malformed("content: is not base64")
    : validate({ ...message, content: bytes.success })
}

const decodeEnvelope = (envelope: Uint8Array): Result.Result<Received, Malformed> => {
  if (envelope.length < prefixBytes) return malformed("header length: is missing")
  const contentStart = prefixBytes + readNumber(envelope)
  if (contentStart > envelope.length) return malformed("header length: is larger than the envelope")
  return Result.flatMap(parseUtf8(envelope.subarray(prefixBytes, contentStart)), (header) => {
    const bytes = envelope.subarray(contentStart)
    switch (header.type) {
      case "gossip":
        return validate({ ...header, content: bytes })
      case "__BINARY__":
        return received({ type: header.type, bytes })
      case "stream-data":
        return validate({ ...header, bytes })
      default:
        return isKnown(header.type) ? malformed(`type: ${header.type} carries no bytes`) : unknownType(header.type)
    }
  })
}

/** Levels of a hash table's frame above a record's value. */
const dhtNesting = 5

const validate = (message: Message): Result.Result<Received, Malformed> => {
  const frame = decodeFrame(message)
  if (Result.isFailure(frame)) return malformed(frame.failure.message.slice(0, maxQuoted))
  if (frame.success.type === "gossip" && !nestsWithin(frame.success.content, maxNesting)) {
    return malformed(`content: nests deeper than ${maxNesting} levels`)
  }
  if (frame.success.type === "stream-open" && !nestsWithin(frame.success.metadata, maxNesting)) {
    return malformed(`metadata: nests deeper than ${maxNesting} levels`)
  }
  if (isDhtFrame(frame.success) && !nestsWithin(frame.success, maxNesting + dhtNesting)) {
    return malformed(`record: nests deeper than ${maxNesting} levels`)
  }
  return received(frame.success)
}

/** Whether arrays and objects nest at most so many `levels` deep. */
const nestsWithin = (value: unknown, levels: number): boolean =>
  typeof value !== "object" || value === null || value instanceof Uint8Array ||
  (levels > 0 && Object.values(value).every((inner) => nestsWithin(inner, levels - 1)))
