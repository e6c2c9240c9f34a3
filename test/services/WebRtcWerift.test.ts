import { assert, describe, it } from "@effect/vitest"
import * as crypto from "node:crypto"
import { RTCPeerConnection } from "werift"
import { speedUp, withoutDefaultStun } from "../../src/services/webrtc/werift.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import { both, carriesPackets, flushesAtClose, negotiates, restarts, tricklesAtOnce } from "./webrtc/conformance.ts"

describe("WebRtcWerift", () => {
  const engines = both(WebRtcWerift.layer)
  carriesPackets(engines)
  flushesAtClose(engines)
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

/** Two connected ends of werift's own. */
const connected = async () => {
  const [a, b] = [new RTCPeerConnection({ iceServers: [] }), new RTCPeerConnection({ iceServers: [] })]
  const channel = a.createDataChannel("messages")
  const arrived = new Promise<string>((resolve) =>
    b.onDataChannel.once(({ onMessage }) => onMessage.once((data) => resolve(data.toString())))
  )
  await a.setLocalDescription(await a.createOffer())
  await b.setRemoteDescription({ type: "offer", sdp: a.localDescription?.sdp ?? "" })
  await b.setLocalDescription(await b.createAnswer())
  await a.setRemoteDescription({ type: "answer", sdp: b.localDescription?.sdp ?? "" })
  if (channel.readyState !== "open") await channel.stateChanged.watch((state) => state === "open")
  return { a, b, channel, arrived }
}

const keysOf = ({ dtlsTransports }: RTCPeerConnection): ReadonlyArray<unknown> =>
  dtlsTransports.flatMap(({ dtls }) =>
    ["clientWriteKey", "serverWriteKey"].map((name) => Reflect.get(dtls?.cipher.cipher ?? {}, name))
  )

describe("speedUp", () => {
  it("gives the ciphers of a connection keys that need not be made again, and touches nothing else", async () => {
    const { a, arrived, b, channel } = await connected()
    const ciphers = [crypto.createCipheriv, crypto.createDecipheriv]
    assert.lengthOf(keysOf(a), 2)
    assert.isTrue(keysOf(a).every((key) => key instanceof Uint8Array))
    assert.isTrue(speedUp(a))
    assert.isTrue(keysOf(a).every((key) => key instanceof crypto.KeyObject))
    // The other end, with keys as they were, understands what these make.
    assert.isTrue(keysOf(b).every((key) => key instanceof Uint8Array))
    assert.deepStrictEqual([crypto.createCipheriv, crypto.createDecipheriv], ciphers)
    channel.send("still understood")
    assert.strictEqual(await arrived, "still understood")
    assert.isTrue(speedUp(a))
    await Promise.all([a.close(), b.close()])
  })

  it("leaves what it does not know as it is, and says so", async () => {
    const { a, arrived, b, channel } = await connected()
    const [transport] = a.dtlsTransports
    const suite = transport?.dtls?.cipher.cipher
    assert.isDefined(suite)
    const key: unknown = Reflect.get(suite, "clientWriteKey")
    Reflect.deleteProperty(suite, "clientWriteKey")
    assert.isFalse(speedUp(a))
    assert.isFalse("clientWriteKey" in suite)
    Reflect.set(suite, "clientWriteKey", key)
    channel.send("as before")
    assert.strictEqual(await arrived, "as before")
    await Promise.all([a.close(), b.close()])
    const unconnected = new RTCPeerConnection({ iceServers: [] })
    assert.isFalse(speedUp(unconnected))
    await unconnected.close()
  })
})
