/**
 * Texts on a stream of bytes. Those that are sent together make one message, deflated where that saves packets: what hubs
 * say repeats itself, and each packet costs WebRTC more than it takes to make it a quarter of its size.
 *
 * A message is preceded by four bytes, the greatest first: whether it is deflated in the highest bit, and its length in the
 * others. Its texts have line feeds between them and none inside, as JSON has none.
 */
import * as Result from "effect/Result"
import { Buffer } from "node:buffer"
import { deflateRawSync, inflateRawSync } from "node:zlib"
import { maxBytes } from "./HubSocket.ts"

const headerBytes = 4

/** In the length of a message: that it is deflated. */
const deflated = 2 ** 31

/** The least bytes of a message that is deflated: what is shorter is one packet anyway. */
const worthwhile = 1024

/** Texts that are sent together have no more characters than this, unless it is one: it takes a millisecond to deflate. */
const together = 64 * 1024

const encodeOne = (texts: ReadonlyArray<string>): Buffer => {
  const plain = Buffer.from(texts.join("\n"))
  // Between size and time the third level; beyond it, time grows and size does not shrink.
  const body = plain.length < worthwhile ? plain : deflateRawSync(plain, { level: 3 })
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32BE(body === plain ? body.length : body.length + deflated)
  return Buffer.concat([header, body])
}

/** Texts as bytes, in order. @category encoding */
export const encode = (texts: ReadonlyArray<string>): Uint8Array => {
  const messages: Array<Buffer> = []
  let waiting: Array<string> = []
  let length = 0
  for (const text of texts) {
    if (length + text.length > together && waiting.length > 0) {
      messages.push(encodeOne(waiting))
      waiting = []
      length = 0
    }
    waiting.push(text)
    length += text.length
  }
  if (waiting.length > 0) messages.push(encodeOne(waiting))
  return Buffer.concat(messages)
}

/** Puts texts together from the bytes of one stream. @category models */
export interface Decoder {
  /** The texts that are whole with these bytes. Fails with what is wrong; then the stream is of no use any more. */
  push(bytes: Uint8Array): Result.Result<ReadonlyArray<string>, string>
}

const textsOf = (body: Buffer, isDeflated: boolean): Result.Result<ReadonlyArray<string>, string> => {
  const plain = isDeflated
    // What swells to more than a message may have is no message.
    ? Result.try({
      try: () => inflateRawSync(body, { maxOutputLength: maxBytes }),
      catch: (cause) => cause instanceof Error ? cause.message : String(cause)
    })
    : Result.succeed(body)
  return Result.map(plain, (plain) => plain.toString().split("\n"))
}

/** At the beginning of a stream. It keeps the bytes of one message at most, beside those that came last. @category decoding */
export const makeDecoder = (): Decoder => {
  let parts: Array<Uint8Array> = []
  let held = 0
  /** Bytes of the message that comes next with its header, as far as they are known. */
  let wanted = headerBytes

  return {
    push(bytes) {
      parts.push(bytes)
      held += bytes.length
      const texts: Array<string> = []
      let rest = held < wanted ? undefined : Buffer.concat(parts)
      while (rest !== undefined && rest.length >= headerBytes) {
        const header = rest.readUInt32BE()
        const length = header % deflated
        if (length > maxBytes) return Result.fail(`a message of ${length} bytes came; ${maxBytes} are the most`)
        wanted = headerBytes + length
        if (rest.length < wanted) break
        const read = textsOf(rest.subarray(headerBytes, wanted), header >= deflated)
        if (Result.isFailure(read)) return Result.fail(read.failure)
        texts.push(...read.success)
        rest = rest.subarray(wanted)
        wanted = headerBytes
      }
      if (rest !== undefined) {
        parts = rest.length === 0 ? [] : [rest]
        held = rest.length
      }
      return Result.succeed(texts)
    }
  }
}
