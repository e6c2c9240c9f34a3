import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FrameCodec from "../../src/domain/FrameCodec.ts"
import { maxLeaves, maxLinks, maxTtl, maxVisited, OverlayFrame } from "../../src/domain/OverlayFrame.ts"
import { assertRefused } from "./Refusal.ts"

const ada = "a".repeat(40)
const many = (count: number) => Array.from({ length: count }, () => ada)
const decode = Schema.decodeUnknownResult(OverlayFrame)
const neighbours = {
  type: "neighbours",
  wish: "ring",
  links: many(maxLinks),
  pigeons: [],
  leaves: many(maxLeaves),
  ages: Array(maxLeaves).fill(1),
  lost: [],
  label: ada,
  epoch: 1
}
const route = {
  type: "route",
  id: "1",
  origin: ada,
  target: ada,
  purpose: "draw",
  walked: 4,
  ttl: maxTtl,
  path: many(maxVisited),
  visited: many(maxVisited)
}

describe("OverlayFrame", () => {
  it.effect.prop(
    "travels as it is",
    { frame: OverlayFrame },
    ({ frame }) =>
      Effect.sync(() => {
        const decoder = FrameCodec.makeDecoder()
        const packets = Result.getOrThrow(FrameCodec.encode(frame, "homing"))
        const received = packets.map((packet) => Result.getOrThrow(decoder.push(packet))).at(-1)
        assert.deepStrictEqual<unknown>(received, { _tag: "Frame", frame })
      }),
    { arbitrary: { seed: 3, runs: 50 } }
  )

  it("takes its limits, and refuses what is beyond", () => {
    for (const frame of [neighbours, route]) assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(frame)), frame)
    const refuses = (value: unknown, ...parts: ReadonlyArray<string>) => assertRefused(decode(value), ...parts)
    refuses({ ...neighbours, links: many(maxLinks + 1) }, "[\"links\"]", "at most 64")
    refuses({ ...neighbours, leaves: many(maxLeaves + 1) }, "[\"leaves\"]", "at most 16")
    refuses({ ...neighbours, lost: many(maxLeaves + 1) }, "[\"lost\"]", "at most 16")
    refuses({ ...neighbours, ages: [-1] }, "[\"ages\"]")
    refuses({ ...neighbours, wish: "want" }, "[\"wish\"]")
    refuses({ ...neighbours, epoch: 1.5 }, "[\"epoch\"]")
    refuses({ ...route, ttl: maxTtl + 1 }, "[\"ttl\"]", "between 0 and 64")
    refuses({ ...route, path: many(maxVisited + 1) }, "[\"path\"]", "at most 65")
    refuses({ ...route, visited: many(maxVisited + 1) }, "[\"visited\"]", "at most 65")
    refuses({ ...route, target: "me" }, "[\"target\"]", "40 hexadecimal digits")
  })
})
