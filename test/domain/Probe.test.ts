import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Ping, Pong } from "../../src/domain/Frame.ts"
import * as FrameCodec from "../../src/domain/FrameCodec.ts"
import * as Probe from "../../src/domain/Probe.ts"

const received = (text: string) => FrameCodec.makeDecoder().push(text)

describe("Probe", () => {
  it.prop(
    "writes what JSON writes, and reads it back",
    [Schema.Union([Ping, Pong])],
    ([probe]) => {
      const { nonce, type } = probe
      const rtt = probe.type === "ping" ? probe.rtt : undefined
      const text = Probe.write(probe)
      assert.strictEqual(text, JSON.stringify({ type, nonce, ...(rtt !== undefined && { rtt }) }))
      // Of the numbers with 16 digits, only some are safe: these take the long way.
      if (nonce < 1e15 && (rtt ?? 0) < 1e15) assert.deepStrictEqual(Probe.read(text), probe)
      assert.deepStrictEqual(received(text), Result.succeed({ _tag: "Frame", frame: probe }))
    },
    { arbitrary: { seed: 7, runs: 500 } }
  )

  it("leaves every other form to the codec, which takes it or refuses it", () => {
    for (
      const text of [
        " {\"type\":\"ping\",\"nonce\":1}",
        "{\"nonce\":1,\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"nonce\":1,\"x\":[]}"
      ]
    ) {
      assert.isUndefined(Probe.read(text))
      assert.deepStrictEqual(received(text), Result.succeed({ _tag: "Frame", frame: { type: "ping", nonce: 1 } }))
    }
    for (
      const text of [
        "{\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"nonce\":01}",
        "{\"type\":\"ping\",\"nonce\":-1}",
        "{\"type\":\"pong\",\"nonce\":1.5}",
        "{\"type\":\"ping\",\"nonce\":1,\"rtt\":-1}",
        "{\"type\":\"ping\",\"nonce\":99999999999999999999}",
        `{"type":"ping","nonce":${"1".repeat(200)}}`
      ]
    ) {
      assert.isUndefined(Probe.read(text))
      assert.isTrue(Result.isFailure(received(text)), text)
    }
  })
})
