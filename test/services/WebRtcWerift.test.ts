import { assert, describe, it } from "@effect/vitest"
import * as crypto from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { RTCPeerConnection } from "werift"
import { speedUp, withoutDefaultStun } from "../../src/services/webrtc/werift.ts"
import { acknowledge } from "../../src/services/webrtc/werift/acknowledge.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import {
  asksOtherServers,
  both,
  carriesPackets,
  flushesAtClose,
  keepsItsServers,
  negotiates,
  restarts,
  tricklesAtOnce
} from "./webrtc/conformance.ts"

describe("WebRtcWerift", () => {
  const engines = both(WebRtcWerift.layer)
  carriesPackets(engines)
  flushesAtClose(engines)
  negotiates(engines, { emptyRecord: "ignored" })
  tricklesAtOnce(engines)
  restarts(engines)
  asksOtherServers(engines)
  keepsItsServers(engines)
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

/** Two connected ends of werift's own; `prepare` gets both before they negotiate. */
const connected = async (prepare = (_a: RTCPeerConnection, _b: RTCPeerConnection) => {}) => {
  const [a, b] = [new RTCPeerConnection({ iceServers: [] }), new RTCPeerConnection({ iceServers: [] })]
  const channel = a.createDataChannel("messages")
  const arrived = new Promise<string>((resolve) =>
    b.onDataChannel.once(({ onMessage }) => onMessage.once((data) => resolve(data.toString())))
  )
  await a.setLocalDescription(await a.createOffer())
  await b.setRemoteDescription({ type: "offer", sdp: a.localDescription?.sdp ?? "" })
  prepare(a, b)
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

describe("acknowledge", () => {
  /** What is lost where the numbers of packets get another digit, or begin again. */
  const crossings = [{ first: 999_999_990, lost: 999_999_999 }, { first: 2 ** 32 - 10, lost: 2 ** 32 - 1 }]

  for (const { first, lost } of crossings) {
    it(`acknowledges everything when packet ${lost} is lost`, async () => {
      const gaps: Array<unknown> = []
      let sender: object = {}
      const { a, b, channel } = await connected((a, b) => {
        assert.isTrue(acknowledge(b))
        const [from, to] = [a.sctpTransport?.sctp, b.sctpTransport?.sctp]
        assert.isDefined(from)
        assert.isDefined(to)
        sender = from
        for (const [name, value] of Object.entries({ localTsn: first, reconfigRequestSeq: first })) {
          Reflect.set(from, name, value)
        }
        for (const name of ["lastSackedTsn", "advancedPeerAckTsn"]) Reflect.set(from, name, first - 1)
        let isLost = false
        const send = from.sendChunk.bind(from)
        from.sendChunk = async (chunk) => {
          if ("tsn" in chunk && chunk.tsn === lost && !isLost) isLost = true
          else await send(chunk)
        }
        const answer = to.sendChunk.bind(to)
        to.sendChunk = async (chunk) => {
          await answer(chunk)
          if ("gaps" in chunk) gaps.push(...[chunk.gaps].flat())
        }
      })
      const count = 40
      const heard: Array<string> = []
      const all = new Promise<void>((resolve) => {
        for (const { onMessage } of Object.values(b.sctpTransport?.dataChannels ?? {})) {
          onMessage.subscribe((data) => {
            heard.push(data.toString())
            if (heard.length === count) resolve()
          })
        }
      })
      for (let n = 0; n < count; n++) channel.send(String(n))
      await all
      assert.deepStrictEqual(heard, Array.from({ length: count }, (_, n) => String(n)))
      // From the packet after the lost one on: 2 after the last that came in order.
      assert.deepStrictEqual(gaps[0], [2, 2])
      const unacknowledged = () => [Reflect.get(sender, "sentQueue")].flat().length
      for (let waits = 0; waits < 100 && unacknowledged() > 0; waits++) await sleep(20)
      assert.strictEqual(unacknowledged(), 0)
      await Promise.all([a.close(), b.close()])
    }, 20_000)
  }

  it("leaves what it does not know as it is, and says so", async () => {
    const connection = new RTCPeerConnection({ iceServers: [] })
    assert.isFalse(acknowledge(connection))
    connection.createDataChannel("messages")
    await connection.createOffer()
    const sctp = connection.sctpTransport?.sctp
    assert.isDefined(sctp)
    Reflect.set(sctp, "sackMisOrdered", [])
    assert.isFalse(acknowledge(connection))
    assert.isFalse(Object.hasOwn(sctp, "markReceived"))
    await connection.close()
  })
})
