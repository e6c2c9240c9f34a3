import { assert, describe, it } from "@effect/vitest"
import { RTCPeerConnection } from "werift"
import { withoutDefaultStun } from "../../src/services/webrtc/werift.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import { both, carriesPackets, negotiates, restarts, tricklesAtOnce } from "./webrtc/conformance.ts"

describe("WebRtcWerift", () => {
  const engines = both(WebRtcWerift.layer)
  carriesPackets(engines)
  negotiates(engines, { emptyRecord: "ignored" })
  tricklesAtOnce(engines)
  restarts(engines)
})

describe("withoutDefaultStun", () => {
  it("leaves a connection that names no STUN server without one", async () => {
    const connection = new RTCPeerConnection({ iceServers: [] })
    connection.createDataChannel("messages")
    await connection.createOffer()
    assert.isAbove(connection.iceTransports.length, 0)
    withoutDefaultStun(connection)
    for (const { connection: ice } of connection.iceTransports) assert.isUndefined(Reflect.get(ice, "stunServer"))
    await connection.close()
  })
})
