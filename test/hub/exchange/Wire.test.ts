import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { decodeHubSignal } from "../../../src/domain/Signal.ts"
import * as Wire from "../../../src/hub/exchange/Wire.ts"
import * as Limits from "../../../src/hub/Limits.ts"
import { ada, bob, decodeJson } from "../TestPeer.ts"

const red = NetworkName.make("red")

describe("Wire", () => {
  it.each<[string, string]>([
    ["connected", Wire.connected(ada, 1)],
    ["peer-discovered", Wire.discovered(ada, { homing: 1, isHub: true }, red, 1)],
    [
      "offer",
      Wire.relayed({ type: "offer", data: { type: "offer", sdp: "v=0 and more" }, targetPeerId: bob }, ada, red, 1)
    ],
    ["goodbye", Wire.goodbye(ada, red, 1)],
    ["peer-disconnected", Wire.disconnected(ada, false, red, 1)],
    ["network-counts", Wire.networkCounts(red, { present: 1, waiting: 2 }, 1)],
    ["networks", Wire.networks([{ name: red, present: 1, waiting: 2 }], 1)],
    ["pong", Wire.pong(ada, 1)],
    ["hub-closing", Wire.hubClosing("tired", 1)],
    ["error", Wire.error("x".repeat(10_000), 1)]
  ])("writes a %s that a peer can read", (type, frame) => {
    const signal = decodeHubSignal(frame)
    assert.isTrue(Result.isSuccess(signal))
    assert.strictEqual(decodeJson(frame)["type"], type)
  })

  it("adds a receiver to a frame that is written already", () => {
    assert.deepStrictEqual(decodeJson(Wire.addressedTo("{\"a\":1}", ada)), { a: 1, targetPeerId: ada })
  })

  it("does not echo more of an error than its beginning", () => {
    assert.strictEqual(String(decodeJson(Wire.error("x".repeat(10_000), 1))["error"]).length, Limits.errorLength)
  })
})
