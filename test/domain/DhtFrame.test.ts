import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { maxNesting } from "../../src/domain/Content.ts"
import { Content, isBytes } from "../../src/domain/Content.ts"
import { DhtFrame, isDhtFrame, kinds, maxItems, maxVisited, members } from "../../src/domain/DhtFrame.ts"
import { fromWire, maxTtl, minTtl, sizeOf, toWire } from "../../src/domain/DhtRecord.ts"
import * as FrameCodec from "../../src/domain/FrameCodec.ts"
import { assertRefused } from "./Refusal.ts"

const decode = Schema.decodeUnknownResult(DhtFrame)
const refuses = (value: unknown, ...parts: ReadonlyArray<string>) => assertRefused(decode(value), ...parts)

const ada = "a".repeat(40)
const record = { key: "k", value: { content: 1 }, version: 1, writer: ada, write: "w", time: 1, ttl: 60_000 }
const request = {
  type: "dht-request",
  networkName: "dove",
  id: "1",
  origin: ada,
  key: "k",
  ask: { op: "get", fresh: false },
  ttl: 64,
  visited: [ada],
  minima: 0
}
const records = { type: "dht-records", networkName: "dove", records: [record] }

describe("DhtFrame", () => {
  it("lists the types of all frames", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(kinds, Object.keys(DhtFrame.cases))
    assert.strictEqual(kinds.length, members.length)
  })

  it("takes frames, and refuses those out of bounds", () => {
    for (const frame of [request, records]) assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(frame)), frame)
    refuses({ ...request, visited: Array(maxVisited + 1).fill(ada) }, "[\"visited\"]", `at most ${maxVisited}`)
    refuses({ ...request, ttl: 65 }, "[\"ttl\"]")
    refuses({ ...request, key: "" }, "[\"key\"]")
    refuses({ ...request, key: "x".repeat(513) }, "[\"key\"]")
    refuses({ ...request, networkName: undefined }, "[\"networkName\"]")
    refuses({ ...request, ask: { op: "drop" } }, "[\"ask\"]")
    refuses(
      { ...records, records: Array.from({ length: maxItems + 1 }, () => record) },
      "[\"records\"]",
      `at most ${maxItems}`
    )
    const one = (fields: object) => ({ ...records, records: [{ ...record, ...fields }] })
    refuses(one({ version: 0 }), "[\"version\"]")
    refuses(one({ version: 2 ** 53 }), "[\"version\"]")
    refuses(one({ ttl: minTtl - 1 }), "[\"ttl\"]")
    refuses(one({ ttl: maxTtl + 1 }), "[\"ttl\"]")
    refuses(one({ time: -1 }), "[\"time\"]")
    refuses(one({ writer: "me" }), "[\"writer\"]")
    refuses(one({ signature: "x".repeat(257) }), "[\"signature\"]")
  })

  it.prop("comes over a link as it was", [DhtFrame], ([frame]) => {
    const decoder = FrameCodec.makeDecoder()
    const received = Result.getOrThrow(FrameCodec.encode(frame, "homing")).map((packet) =>
      Result.getOrThrow(decoder.push(packet))
    )
    const last = received.at(-1)
    assert(last?._tag === "Frame" && isDhtFrame(last.frame))
    assert.deepStrictEqual(JSON.parse(JSON.stringify(last.frame)), JSON.parse(JSON.stringify(frame)))
  }, { arbitrary: { seed: 7, runs: 300 } })

  it("is refused when it nests too deep to be passed on", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
    const text = (levels: number) =>
      JSON.stringify({ ...records, records: [{ ...record, value: { content: "here" } }] }).replace(
        "\"here\"",
        nested(levels)
      )
    const push = (levels: number) => FrameCodec.makeDecoder().push(text(levels))
    assert.isTrue(Result.isSuccess(push(maxNesting)))
    assert.isTrue(Result.isFailure(push(maxNesting + 8)))
    assert.isTrue(Result.isFailure(push(5000)))
  })
})

describe("a value on the wire", () => {
  it.prop("is what it was, and as large", [Content], ([value]) => {
    const wire = toWire(value)
    assert.deepStrictEqual(fromWire(wire), value)
    if (isBytes(value)) assert.strictEqual(sizeOf(wire), value.length)
  }, { arbitrary: { seed: 8, runs: 300 } })

  it("is none when it says base64 and is not", () => {
    assert.isUndefined(fromWire({ content: "?", encoding: "base64" }))
    assert.isUndefined(fromWire({ content: 7, encoding: "base64" }))
  })
})
