import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PeerId } from "../../src/domain/PeerId.ts"
import { WebRtc } from "../../src/services/WebRtc.ts"
import * as WebRtcBrowser from "../../src/services/WebRtcBrowser.ts"

describe("WebRtcBrowser", () => {
  it.effect("says so where there is no RTCPeerConnection", () =>
    Effect.gen(function*() {
      const webRtc = yield* WebRtc
      const error = yield* Effect.flip(webRtc.open({
        peerId: PeerId.make("a".repeat(40)),
        role: "offerer",
        iceServers: [],
        handlers: { onCandidate() {}, onState() {}, onOpen() {}, onPacket() {}, onClose() {} }
      }))
      assert.strictEqual(error._tag, "WebRtcError")
      assert.include(error.message, "no RTCPeerConnection")
    }).pipe(Effect.provide(WebRtcBrowser.layer)))
})
