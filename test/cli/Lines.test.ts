import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import * as Lines from "../../src/cli/Lines.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

/** The lines of chunks, failures in angle brackets. */
const split = (limit: number, ...chunks: ReadonlyArray<Uint8Array>) =>
  Stream.fromIterable(chunks).pipe(
    Lines.split(limit),
    Stream.map((line) => Result.isSuccess(line) ? line.success : `<${line.failure}>`),
    Stream.runCollect
  )

describe("Lines", () => {
  it.effect("are the same however the bytes are cut", () =>
    Effect.gen(function*() {
      const text = bytes("first\nzweite ä\r\n\n  \nlast")
      const whole = yield* split(100, text)
      assert.deepStrictEqual(whole, ["first", "zweite ä", "last"])
      for (let size = 1; size < text.length; size++) {
        const chunks = Array.from(
          { length: Math.ceil(text.length / size) },
          (_, n) => text.subarray(n * size, n * size + size)
        )
        assert.deepStrictEqual(yield* split(100, ...chunks), whole)
      }
    }))

  it.effect("that are too long are refused at their end, and the next one is fine", () =>
    Effect.gen(function*() {
      const lines = yield* split(5, bytes("12345\n123"), bytes("456"), bytes("789\n12345\n123456"))
      const refused = "<the line has more than 5 bytes>"
      assert.deepStrictEqual(lines, ["12345", refused, "12345", refused])
    }))

  it.effect("that are not UTF-8 are refused", () =>
    Effect.gen(function*() {
      const lines = yield* split(10, new Uint8Array([0x61, 0xff, 10, 0x62, 10]))
      assert.deepStrictEqual(lines, ["<the line is not UTF-8>", "b"])
    }))

  it("keep no more than the limit of a line that is too long", () => {
    const { push } = Lines.splitter(4)
    const chunk = bytes("x".repeat(1024))
    for (let n = 0; n < 1000; n++) assert.isEmpty(push(chunk))
    assert.strictEqual(push(bytes("\nok\n")).length, 2)
  })
})
