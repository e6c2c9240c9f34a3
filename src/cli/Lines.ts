/**
 * Lines out of a stream of bytes, none of them longer than a bound: what a stranger pipes in cannot fill the memory.
 */
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

/** A line, or what is wrong with it. @category models */
export type Line = Result.Result<string, string>

const newline = 10

/** Splits chunks into lines. What remains after the last newline is a line too. @category models */
export interface Splitter {
  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): ReadonlyArray<Line>
  /** The line that no newline ended, if there is one. */
  end(): ReadonlyArray<Line>
}

/**
 * A splitter of UTF-8 text into lines of up to `limit` bytes; `\n` and `\r\n` end a line, and empty lines are left out.
 * A longer line becomes a failure when its end comes, and no more than `limit` bytes of it are kept until then.
 *
 * @category constructors
 */
export const splitter = (limit: number): Splitter => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let parts: Array<Uint8Array> = []
  let size = 0

  const keep = (part: Uint8Array) => {
    size += part.length
    if (size > limit) parts = []
    else if (part.length > 0) parts.push(part)
  }

  const read = (): Line => {
    if (size > limit) return Result.fail(`the line has more than ${limit} bytes`)
    const [first, ...others] = parts
    const bytes = first !== undefined && others.length === 0 ? first : Buffer.concat(parts)
    return Result.try({
      try: () => decoder.decode(bytes).trimEnd(),
      catch: () => "the line is not UTF-8"
    })
  }

  const take = (into: Array<Line>) => {
    const line = read()
    parts = []
    size = 0
    if (Result.isFailure(line) || line.success !== "") into.push(line)
  }

  return {
    push: (chunk) => {
      const lines: Array<Line> = []
      let from = 0
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        keep(chunk.subarray(from, at))
        take(lines)
        from = at + 1
      }
      keep(chunk.subarray(from))
      return lines
    },
    end: () => {
      const lines: Array<Line> = []
      if (size > 0) take(lines)
      return lines
    }
  }
}

/** The lines of a stream of bytes, as {@link splitter} makes them. @category combinators */
export const split = (limit: number) => <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E, R> =>
  Stream.suspend(() => {
    const { end, push } = splitter(limit)
    return bytes.pipe(
      Stream.flatMap((chunk) => Stream.fromIterable(push(chunk))),
      Stream.concat(Stream.suspend(() => Stream.fromIterable(end())))
    )
  })
