import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { assertRefused } from "./Refusal.ts"

const decode = Schema.decodeUnknownResult(MeshEvent)
const json = Schema.toCodecJson(MeshEvent)
const peerId = "b".repeat(40)
const message = {
  _tag: "Message",
  kind: "direct",
  id: "1",
  from: peerId,
  content: new Uint8Array([1, 2]),
  networkName: "dove",
  hops: 1,
  timestamp: 1
}

describe("MeshEvent", () => {
  it.effect.prop("goes through JSON, bytes and all", { event: MeshEvent }, ({ event }) =>
    Effect.gen(function*() {
      const text = JSON.stringify(yield* Schema.encodeEffect(json)(event))
      const back = yield* Schema.decodeUnknownEffect(json)(JSON.parse(text))
      assert.strictEqual(back._tag, event._tag)
    }))

  it.effect("keeps the bytes of a message through JSON", () =>
    Effect.gen(function*() {
      const event = yield* Schema.decodeUnknownEffect(MeshEvent)(message)
      const text = JSON.stringify(yield* Schema.encodeEffect(json)(event))
      const back = yield* Schema.decodeUnknownEffect(json)(JSON.parse(text))
      assert.deepStrictEqual(back._tag === "Message" && back.content, message.content)
    }))

  it("refuses what cannot be, and names the field", () => {
    assertRefused(decode({ _tag: "Shout" }), "\"Message\"", "\"PeerConnected\"", "\"Missed\"")
    assertRefused(decode({ ...message, kind: "whisper" }), "[\"kind\"]", "\"broadcast\" | \"direct\"")
    assertRefused(decode({ ...message, hops: -1 }), "[\"hops\"]", "greater than or equal to 0")
    assertRefused(decode({ ...message, from: "x" }), "[\"from\"]", "40 hexadecimal digits")
    assertRefused(decode({ ...message, content: 1n }), "[\"content\"]", "JSON")
    assertRefused(decode({ _tag: "PeerConnected", peerId }), "[\"networkName\"]", "Missing key")
    assertRefused(decode({ _tag: "PeerDisconnected", peerId, networkName: "dove" }), "[\"reason\"]", "Missing key")
    assertRefused(
      decode({ _tag: "StatusChanged", type: "weather", message: "", networkName: "dove" }),
      "[\"type\"]",
      "\"hub\" | \"network\""
    )
    assertRefused(decode({ _tag: "Missed", count: -1 }), "[\"count\"]", "greater than or equal to 0")
  })
})
