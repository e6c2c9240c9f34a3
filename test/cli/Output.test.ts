import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { PassThrough } from "node:stream"
import { finished } from "node:stream/promises"
import { Output } from "../../src/cli/Output.ts"

const open = Effect.fnUntraced(function*(stream: PassThrough) {
  const context = yield* Layer.buildWithScope(Output.layerOf(() => stream), yield* Effect.scope)
  return yield* Output.pipe(Effect.provide(context))
})

describe("Output", () => {
  it.live("waits for its reader, and loses and mixes up nothing", () =>
    Effect.gen(function*() {
      const stream = new PassThrough({ highWaterMark: 16 })
      const output = yield* open(stream)
      const lines = Array.from({ length: 1000 }, (_, n) => `line ${n}`)
      const writing = yield* Effect.forEach(lines, output.line, { discard: true }).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      assert.isBelow(stream.writableLength + stream.readableLength, 100)
      let text = ""
      stream.setEncoding("utf8").on("data", (part: string) => void (text += part))
      yield* Fiber.join(writing)
      yield* Effect.promise(() => finished(stream.end()))
      assert.strictEqual(text, `${lines.join("\n")}\n`)
    }))

  it.live("tells that nobody reads any more, and holds nobody up then", () =>
    Effect.gen(function*() {
      const stream = new PassThrough({ highWaterMark: 1 })
      const output = yield* open(stream)
      yield* output.line("first")
      yield* Effect.sync(() => stream.destroy(new Error("EPIPE")))
      yield* output.broken
      yield* output.line("second")
    }))
})
