import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { deflateRawSync } from "node:zlib"
import { maxBytes } from "../../../src/hub/federation/HubSocket.ts"
import * as Texts from "../../../src/hub/federation/Texts.ts"

const Lines = Schema.Array(Schema.String.check(Schema.isPattern(/^[^\n]*$/)))
const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))).check(
  Schema.isMinLength(1)
)

const header = (length: number) => Uint8Array.from([length >>> 24, length >>> 16, length >>> 8, length])

describe("texts on a stream", () => {
  it.prop("come out as they went in, however the bytes are cut", [Schema.Array(Lines), Cuts], ([batches, cuts]) => {
    const bytes = Buffer.concat(batches.map((batch) => Texts.encode(batch)))
    const decoder = Texts.makeDecoder()
    const came: Array<string> = []
    for (let at = 0, cut = 0; at < bytes.length; cut++) {
      const size = cuts[cut % cuts.length] ?? 1
      came.push(...Result.getOrThrow(decoder.push(bytes.subarray(at, at + size))))
      at += size
    }
    assert.deepStrictEqual(came, batches.flat())
  }, { arbitrary: { seed: "texts", runs: 200 } })

  it("are a quarter of their size when they repeat each other, in any number of messages", () => {
    const texts = Array.from({ length: 2000 }, (_, n) => JSON.stringify({ type: "signal", from: "a".repeat(40), n }))
    const bytes = Texts.encode(texts)
    assert.isBelow(bytes.length, texts.join("").length / 4)
    assert.deepStrictEqual(Result.getOrThrow(Texts.makeDecoder().push(bytes)), texts)
  })

  it("are refused when they are too long, swell too much, or are not deflated", () => {
    const bomb = deflateRawSync(Buffer.alloc(maxBytes + 1, "a"))
    const others = [
      header(maxBytes + 1),
      Buffer.concat([header(bomb.length + 2 ** 31), bomb]),
      Buffer.concat([header(4 + 2 ** 31), Buffer.from("abcd")])
    ]
    for (const bytes of others) assert.isTrue(Result.isFailure(Texts.makeDecoder().push(bytes)))
  })
})
