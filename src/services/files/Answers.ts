/** The receiver's lines about a file, written to a stream and read from it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Malformed, type StreamLost } from "../../domain/Errors.ts"
import { FileAnswer, maxLineBytes } from "../../domain/FileOffer.ts"
import type { Duplex } from "../streams/Duplex.ts"

const utf8 = new TextEncoder()
const decode = Schema.decodeUnknownResult(Schema.fromJsonString(FileAnswer))

/** Says something to the sender. @category sending */
export const say = (duplex: Duplex, answer: FileAnswer): Effect.Effect<void, StreamLost> =>
  duplex.write(utf8.encode(`${JSON.stringify(answer)}\n`))

const malformed = (problem: string) => new Malformed({ what: "answer to a file", problem })

/** What the receiver says next; to be run again for what it says then. @category receiving */
export const reader = (duplex: Duplex): Effect.Effect<FileAnswer, StreamLost | Malformed> => {
  const fromUtf8 = new TextDecoder()
  let text = ""

  const next: Effect.Effect<FileAnswer, StreamLost | Malformed | Cause.Done> = Effect.suspend(() => {
    const end = text.indexOf("\n")
    if (end >= 0) {
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      return Effect.fromResult(Result.mapError(decode(line), (error) => malformed(error.message.slice(0, 256))))
    }
    if (text.length > maxLineBytes) return Effect.fail(malformed(`a line is longer than ${maxLineBytes} characters`))
    return Effect.flatMap(duplex.read, (chunks) => {
      for (const chunk of chunks) text += fromUtf8.decode(chunk, { stream: true })
      return next
    })
  })

  return Effect.catchIf(next, Cause.isDone, () => Effect.fail(malformed("the stream ended before it came")))
}
