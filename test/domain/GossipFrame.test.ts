import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Frame } from "../../src/domain/Frame.ts"
import * as FrameCodec from "../../src/domain/FrameCodec.ts"
import { maxIds } from "../../src/domain/GossipFrame.ts"
import { assertRefused } from "./Refusal.ts"

const decode = Schema.decodeUnknownResult(Frame)
const refuses = (value: unknown, ...parts: ReadonlyArray<string>) => assertRefused(decode(value), ...parts)
const id = "f".repeat(32)

describe("GossipFrame", () => {
  it("goes over the wire and back", () => {
    const frames: ReadonlyArray<Frame> = [
      { type: "ihave", ids: [id], bytes: [70_000] },
      { type: "ihave", ids: Array(maxIds).fill(id) },
      { type: "graft", ids: [] },
      { type: "prune" },
      { type: "digest", ids: [id], ages: [0], since: 12 }
    ]
    for (const frame of frames) {
      const decoder = FrameCodec.makeDecoder()
      const received = Result.getOrThrow(FrameCodec.encode(frame, "homing")).map((packet) =>
        Result.getOrThrow(decoder.push(packet))
      )
      assert.deepStrictEqual(received.at(-1), { _tag: "Frame", frame })
    }
  })

  it("refuses what is out of bounds", () => {
    refuses({ type: "ihave" }, "[\"ids\"]", "Missing key")
    refuses({ type: "ihave", ids: Array(maxIds + 1).fill(id) }, "[\"ids\"]", "at most 1024")
    refuses({ type: "ihave", ids: ["x".repeat(65)] }, "[\"ids\"][0]", "length between 1 and 64")
    refuses({ type: "ihave", ids: [id], bytes: [-1] }, "[\"bytes\"][0]")
    refuses({ type: "graft", ids: Array(maxIds + 1).fill(id) }, "[\"ids\"]", "at most 1024")
    refuses({ type: "digest", ids: [id], ages: [0.5] }, "[\"ages\"][0]", "integer")
    refuses({ type: "digest", ids: [], ages: [], since: -1 }, "[\"since\"]")
  })
})
