/**
 * What a `WebRtc` layer has to do, as tests that any layer can be put to. An engine that speaks the wire's protocols is
 * also put to them against another one, from either end.
 */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { RTCPeerConnection } from "werift"
import type { Packet } from "../../../src/domain/Frame.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import type { Candidate } from "../../../src/domain/Signal.ts"
import { type Channel, type Connection, type ConnectionState, WebRtc } from "../../../src/services/WebRtc.ts"
import * as Turn from "./turn.ts"

/** Who makes the two ends. */
export interface Engines {
  readonly offerer: Layer.Layer<WebRtc>
  readonly answerer: Layer.Layer<WebRtc>
}

/** One engine at both ends. */
export const both = (layer: Layer.Layer<WebRtc>): Engines => ({ offerer: layer, answerer: layer })

const ids = { offerer: PeerId.make("b".repeat(40)), answerer: PeerId.make("a".repeat(40)) } as const

/** One end, and everything that it reports. */
interface End {
  readonly connection: Connection
  readonly packets: Queue.Queue<Packet>
  readonly channels: Queue.Queue<Channel>
  readonly closes: Queue.Queue<void>
  readonly states: Array<ConnectionState>
  readonly candidates: Array<Candidate>
  /** Where candidates go; they are kept until it is set. */
  other: Connection | undefined
}

/** Opens an end with the engine that plays its role. */
const openEnd = Effect.fnUntraced(function*(engines: Engines, role: "offerer" | "answerer") {
  const webRtc = Context.get(yield* Layer.build(engines[role]), WebRtc)
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const packets = yield* Queue.unbounded<Packet>()
  const channels = yield* Queue.unbounded<Channel>()
  const closes = yield* Queue.unbounded<void>()
  const states: Array<ConnectionState> = []
  const candidates: Array<Candidate> = []
  const connection = yield* webRtc.open({
    peerId: role === "offerer" ? ids.answerer : ids.offerer,
    role,
    iceServers: [],
    handlers: {
      onCandidate: (candidate) => {
        candidates.push(candidate)
        if (end.other !== undefined) run(end.other.addCandidate(candidate))
      },
      onState: (state) => void states.push(state),
      onOpen: (channel) => void Queue.offerUnsafe(channels, channel),
      onPacket: (packet) => void Queue.offerUnsafe(packets, packet),
      onClose: () => void Queue.offerUnsafe(closes, undefined)
    }
  })
  const end: End = { connection, packets, channels, closes, states, candidates, other: undefined }
  return end
})

const negotiate = Effect.fnUntraced(function*(offerer: End, answerer: End, options?: { readonly restart: boolean }) {
  offerer.other = answerer.connection
  answerer.other = offerer.connection
  yield* offerer.connection.complete(yield* answerer.connection.accept(yield* offerer.connection.offer(options)))
})

const openBoth = (engines: Engines) => Effect.all([openEnd(engines, "offerer"), openEnd(engines, "answerer")])

/** Two linked ends. */
const link = Effect.fnUntraced(function*(engines: Engines) {
  const [offerer, answerer] = yield* openBoth(engines)
  yield* negotiate(offerer, answerer)
  const [toAnswerer, toOfferer] = yield* Effect.all([Queue.take(offerer.channels), Queue.take(answerer.channels)])
  return { offerer, answerer, toAnswerer, toOfferer }
})

const write = Effect.fnUntraced(function*(channel: Channel, packet: Packet) {
  yield* channel.writable
  yield* channel.send(packet)
})

const numbered = (size: number, number: number) => {
  const packet = new Uint8Array(size)
  new DataView(packet.buffer).setUint32(0, number)
  return packet
}

/** Sends `count` packets of `size` bytes one way and checks that all arrive, in order. */
const flood = (channel: Channel, end: End, size: number, count: number) =>
  Effect.gen(function*() {
    const sending = Effect.gen(function*() {
      for (let number = 0; number < count; number++) yield* write(channel, numbered(size, number))
    })
    const receiving = Effect.gen(function*() {
      for (let number = 0; number < count; number++) {
        const packet = yield* Queue.take(end.packets)
        if (typeof packet === "string" || packet.length !== size) return assert.fail("not what was sent")
        const got = new DataView(packet.buffer, packet.byteOffset).getUint32(0)
        if (got !== number) return assert.fail(`expected ${number}, got ${got}`)
      }
    })
    yield* Effect.all([sending, receiving], { concurrency: 2 })
  })

const live = { timeout: 20_000 }

const transport = `c=IN IP4 0.0.0.0
a=ice-ufrag:h0Xs
a=ice-pwd:o4ZUvUZ4Ffs9nLF3pVbmBWVC
a=ice-options:trickle
a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}
a=setup:actpass`

/** As Chromium writes it for `offerToReceiveAudio`, `offerToReceiveVideo` and a data channel, with max-bundle. */
const chromiumOffer = `v=0
o=- 3734498187218420731 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
a=rtcp:9 IN IP4 0.0.0.0
${transport}
a=mid:0
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=rtcp:9 IN IP4 0.0.0.0
${transport}
a=mid:1
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
${transport}
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
`.replaceAll("\n", "\r\n")

/** What every engine does, the simulated one too. */
export const carriesPackets = (engines: Engines): void => {
  it.live("opens a channel and carries text and bytes both ways", () =>
    Effect.gen(function*() {
      const { answerer, offerer, toAnswerer, toOfferer } = yield* link(engines)
      for (const packet of ["hello", "ü🐦", new Uint8Array([1, 2, 3]), numbered(200_000, 7)]) {
        yield* write(toAnswerer, packet)
        assert.deepStrictEqual(yield* Queue.take(answerer.packets), packet)
        yield* write(toOfferer, packet)
        assert.deepStrictEqual(yield* Queue.take(offerer.packets), packet)
      }
      assert.include(offerer.states, "connected")
      assert.strictEqual(toAnswerer.bufferedAmount(), 0)
    }), live)

  it.live("carries empty packets without standing still", () =>
    Effect.gen(function*() {
      const { answerer, toAnswerer } = yield* link(engines)
      for (const packet of ["", new Uint8Array(0), "after"]) yield* write(toAnswerer, packet)
      assert.deepStrictEqual(yield* Queue.takeN(answerer.packets, 3), ["", new Uint8Array(0), "after"])
    }), live)

  it.live("sends only the bytes of a view, and what they were when they were sent", () =>
    Effect.gen(function*() {
      const { answerer, toAnswerer } = yield* link(engines)
      const bytes = numbered(100, 1)
      yield* write(toAnswerer, bytes.subarray(3, 5))
      assert.deepStrictEqual(yield* Queue.take(answerer.packets), Uint8Array.of(1, 0))
    }), live)

  it.live("fails with a WebRtcError for a description that is garbage", () =>
    Effect.gen(function*() {
      for (const sdp of ["", "garbage", "v=0\r\nm=", "v=0\r\nm=application 9 UDP/DTLS/SCTP x\r\n", "\0".repeat(100)]) {
        const { connection } = yield* openEnd(engines, "answerer")
        const error = yield* Effect.flip(connection.accept(sdp))
        assert.strictEqual(error._tag, "WebRtcError", sdp)
        const { connection: offering } = yield* openEnd(engines, "offerer")
        yield* offering.offer()
        assert.strictEqual((yield* Effect.flip(offering.complete(sdp)))._tag, "WebRtcError", sdp)
      }
    }), live)

  it.live("carries 5,000 small packets, complete and in order", () =>
    Effect.gen(function*() {
      const { answerer, toAnswerer } = yield* link(engines)
      yield* flood(toAnswerer, answerer, 256, 5_000)
    }), live)

  it.live("carries packets of 16 KiB both ways at once, complete and in order", () =>
    Effect.gen(function*() {
      const { answerer, offerer, toAnswerer, toOfferer } = yield* link(engines)
      yield* Effect.all([flood(toAnswerer, answerer, 16_384, 100), flood(toOfferer, offerer, 16_384, 100)], {
        concurrency: 2
      })
    }), live)

  it.live("tells the other side at once when it closes", () =>
    Effect.gen(function*() {
      const answerer = yield* openEnd(engines, "answerer")
      const scope = yield* Scope.make()
      const offerer = yield* Scope.provide(openEnd(engines, "offerer"), scope)
      yield* negotiate(offerer, answerer)
      const channel = yield* Queue.take(offerer.channels)
      yield* Scope.close(scope, Exit.void)
      yield* Queue.take(answerer.closes).pipe(Effect.timeout("1 second"))
      assert.strictEqual((yield* Effect.flip(channel.send("late")))._tag, "LinkClosed")
      assert.strictEqual((yield* Effect.flip(channel.writable))._tag, "LinkClosed")
      assert.lengthOf(yield* Queue.clear(offerer.closes), 0)
      assert.strictEqual((yield* Effect.flip(offerer.connection.offer()))._tag, "WebRtcError")
    }), live)

  it.live("wakes a writer when the channel closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const answerer = yield* Scope.provide(openEnd(engines, "answerer"), scope)
      const offerer = yield* openEnd(engines, "offerer")
      yield* negotiate(offerer, answerer)
      const channel = yield* Queue.take(offerer.channels)
      const writer = yield* Effect.forkChild(Effect.forever(write(channel, new Uint8Array(1000))))
      yield* Effect.sleep("20 millis")
      yield* Scope.close(scope, Exit.void)
      const error = yield* Fiber.join(writer).pipe(Effect.flip, Effect.timeout("3 seconds"))
      assert.strictEqual(error._tag, "LinkClosed")
    }), live)
}

/** What every engine does too, once it closes: a neighbour that is told to go may send its last words and be gone. */
export const flushesAtClose = (engines: Engines): void => {
  it.live("sends what was written before it closes", () =>
    Effect.gen(function*() {
      const answerer = yield* openEnd(engines, "answerer")
      const scope = yield* Scope.make()
      const offerer = yield* Scope.provide(openEnd(engines, "offerer"), scope)
      yield* negotiate(offerer, answerer)
      const channel = yield* Queue.take(offerer.channels)
      for (let number = 0; number < 100; number++) yield* channel.send(numbered(256, number))
      yield* Scope.close(scope, Exit.void)
      yield* Queue.take(answerer.closes).pipe(Effect.timeout("1 second"))
      assert.lengthOf(yield* Queue.takeAll(answerer.packets), 100)
    }), live)
}

/** What an engine does that speaks ICE, DTLS and SCTP over real sockets. */
export const negotiates = (engines: Engines, options: {
  /** What the answerer makes of an empty DTLS record: OpenSSL ends the connection. */
  readonly emptyRecord: "ignored" | "fatal"
}): void => {
  it.live("keeps candidates that come before the answer", () =>
    Effect.gen(function*() {
      const [offerer, answerer] = yield* openBoth(engines)
      const sdp = yield* offerer.connection.offer()
      assert.notInclude(sdp, "a=candidate")
      assert.lengthOf(offerer.candidates, 0)
      const answer = yield* answerer.connection.accept(sdp)
      assert.notInclude(answer, "a=candidate")
      assert.lengthOf(answerer.candidates, 0)
      while (answerer.candidates.length === 0) yield* Effect.sleep(5)
      for (const candidate of answerer.candidates) yield* offerer.connection.addCandidate(candidate)
      offerer.other = answerer.connection
      yield* offerer.connection.complete(answer)
      yield* Queue.take(offerer.channels)
    }), live)

  it.live("answers Chromium's offer with audio and video inactive and not rejected", () =>
    Effect.gen(function*() {
      const { connection } = yield* openEnd(engines, "answerer")
      const answer = yield* connection.accept(chromiumOffer)
      const [session = "", ...sections] = answer.split(/^m=/m)
      assert.match(session, /^a=group:BUNDLE 0 1 2\r?$/m)
      assert.lengthOf(sections, 3)
      for (const [index, section] of sections.entries()) {
        assert.match(section, /^(audio|video|application) 9 /)
        assert.match(section, new RegExp(`^a=mid:${index}\\r?$`, "m"))
        for (const attribute of ["ice-ufrag", "ice-pwd", "setup:active"]) assert.include(section, `a=${attribute}`)
        // Of a section, or of all.
        assert.include(session + section, "a=fingerprint")
        if (index < 2) assert.match(section, /^a=inactive\r?$/m)
      }
    }), live)

  it.live("outlives what a hostile peer sends", () =>
    Effect.gen(function*() {
      const answerer = yield* openEnd(engines, "answerer")
      const hostile = new RTCPeerConnection({ iceServers: [] })
      yield* Effect.addFinalizer(() => Effect.promise(() => hostile.close()))
      const channel = hostile.createDataChannel("messages")
      const offer = yield* Effect.promise(() => hostile.createOffer())
      yield* Effect.promise(() => hostile.setLocalDescription(offer))
      const answer = yield* answerer.connection.accept(hostile.localDescription?.sdp ?? "")
      yield* Effect.promise(() => hostile.setRemoteDescription({ type: "answer", sdp: answer }))
      while (answerer.candidates.length === 0) yield* Effect.sleep(5)
      for (const candidate of answerer.candidates) yield* Effect.promise(() => hostile.addIceCandidate(candidate))
      yield* Queue.take(answerer.channels)
      const [transport] = hostile.dtlsTransports
      for (const size of [...options.emptyRecord === "ignored" ? [0] : [], 1, 11, 12, 13, 40, 1000]) {
        yield* Effect.promise(async () => transport?.sendData(Buffer.alloc(size, 3)))
      }
      // A message of an unknown kind, and an acknowledgement of a channel that is not there.
      yield* Effect.promise(async () => void hostile.sctpTransport?.sctp.send(channel.id, 99, Buffer.from("x")))
      yield* Effect.promise(async () => void hostile.sctpTransport?.sctp.send(40, 50, Buffer.of(2)))
      channel.send("still here")
      assert.strictEqual(yield* Queue.take(answerer.packets), "still here")
      if (options.emptyRecord === "fatal") {
        yield* Effect.promise(async () => transport?.sendData(Buffer.alloc(0)))
        yield* Queue.take(answerer.closes)
      }
    }), live)

  it.live("closes at any moment, quickly, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const before = resources()
      for (const moment of [0, 1, 3, 10, 30, 60, 110, 130, 150, undefined]) {
        const pair = Effect.gen(function*() {
          const scope = yield* Effect.scope
          const linking = link(engines).pipe(Scope.provide(scope))
          if (moment === undefined) yield* linking
          else yield* Effect.forkIn(linking, scope).pipe(Effect.andThen(Effect.sleep(moment)))
        })
        const start = performance.now()
        yield* Effect.scoped(pair)
        assert.isBelow(performance.now() - start, 2500)
      }
      while (resources().some((resource) => !before.includes(resource))) yield* Effect.sleep(50)
    }), live)
}

/** What an engine does that tells its candidates before there is an answer. */
export const tricklesAtOnce = (engines: Engines): void => {
  it.live(
    "keeps candidates that come before the description, and ignores empty and bad ones",
    () =>
      Effect.gen(function*() {
        const [offerer, answerer] = yield* openBoth(engines)
        const sdp = yield* offerer.connection.offer()
        assert.notInclude(sdp, "a=candidate")
        assert.lengthOf(offerer.candidates, 0)
        while (offerer.candidates.length === 0) yield* Effect.sleep(5)
        for (const candidate of offerer.candidates) yield* answerer.connection.addCandidate(candidate)
        for (
          const candidate of ["", "nonsense", "candidate:1 1 udp x y z", "candidate:0 1 UDP 1 999.1.1.1 1 typ host"]
        ) {
          yield* answerer.connection.addCandidate({ candidate, sdpMid: "0" })
          yield* answerer.connection.addCandidate({ candidate, sdpMid: "none", sdpMLineIndex: 77 })
        }
        answerer.other = offerer.connection
        const answer = yield* answerer.connection.accept(sdp)
        for (const candidate of ["", "nonsense"]) {
          yield* answerer.connection.addCandidate({ candidate, sdpMid: "0" })
        }
        yield* offerer.connection.complete(answer)
        yield* Queue.take(offerer.channels)
      }),
    live
  )
}

/** What an engine does whose DTLS sends a lost flight again after a second: it loses none. */
export const losesNoFlight = (engines: Engines): void => {
  it.live("opens links without waiting for a second flight", () =>
    Effect.gen(function*() {
      let slow = 0
      for (let n = 0; n < 9; n++) {
        const start = performance.now()
        yield* Effect.scoped(link(engines))
        if (performance.now() - start > 900) slow++
      }
      assert.isBelow(slow, 3)
    }), live)
}

/** What an engine does that can look for a new path while the old one stands. */
export const restarts = (engines: Engines): void => {
  it.live("restarts ICE while the channel stands", () =>
    Effect.gen(function*() {
      const { answerer, offerer, toAnswerer, toOfferer } = yield* link(engines)
      yield* flood(toAnswerer, answerer, 100, 10)
      const [first] = offerer.candidates
      yield* negotiate(offerer, answerer, { restart: true })
      // Sent while there is no path, and sent again by SCTP when there is one.
      yield* flood(toAnswerer, answerer, 100, 20)
      yield* flood(toOfferer, offerer, 100, 20)
      assert.notStrictEqual(offerer.candidates.at(-1)?.usernameFragment, first?.usernameFragment)
      assert.strictEqual(offerer.states.at(-1), "connected")
      assert.strictEqual(answerer.states.at(-1), "connected")
      assert.strictEqual(yield* Queue.size(offerer.closes), 0)
    }), live)
}

/** What an engine does that looks for its new path by the servers of the moment: credentials of the first time have ended. */
export const asksOtherServers = (engines: Engines): void => {
  it.live(
    "asks the TURN servers that it was given since, when it restarts ICE, at either end",
    () =>
      Effect.gen(function*() {
        const turn = yield* Turn.make
        const { answerer, offerer, toAnswerer } = yield* link(engines)
        yield* offerer.connection.setIceServers(turn.as("ada"))
        yield* answerer.connection.setIceServers(turn.as("bob"))
        yield* Effect.sleep("100 millis")
        assert.strictEqual(turn.asked.size, 0)
        yield* negotiate(offerer, answerer, { restart: true })
        yield* flood(toAnswerer, answerer, 100, 20)
        while (turn.asked.size < 2) yield* Effect.sleep(20)
        assert.deepStrictEqual(turn.asked, new Set(["ada", "bob"]))
        yield* offerer.connection.setIceServers(turn.as("ada, later"))
        yield* negotiate(offerer, answerer, { restart: true })
        while (turn.asked.size < 3) yield* Effect.sleep(20)
        assert.isTrue(turn.asked.has("ada, later"))
      }),
    live
  )
}

/** What every engine does with servers that it cannot use, or will not: it carries on with those that it has. */
export const keepsItsServers = (engines: Engines): void => {
  it.live(
    "carries on when it is given ICE servers that are of no use, and when it is closed",
    () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { answerer, offerer, toAnswerer } = yield* Scope.provide(link(engines), scope)
        for (const { connection } of [offerer, answerer]) {
          yield* connection.setIceServers([])
          yield* connection.setIceServers([{ urls: "nonsense" }])
          yield* connection.setIceServers([{ urls: ["turn:127.0.0.1:9"], username: "ada", credential: "secret" }])
        }
        yield* flood(toAnswerer, answerer, 100, 20)
        yield* Scope.close(scope, Exit.void)
        yield* offerer.connection.setIceServers([])
      }),
    live
  )
}

/** What an engine does that cannot. */
export const refusesRestarts = (engines: Engines, who: "offerer" | "answerer"): void => {
  it.live("refuses an ICE restart, and carries on", () =>
    Effect.gen(function*() {
      const { answerer, offerer, toAnswerer, toOfferer } = yield* link(engines)
      const asked = who === "offerer"
        ? offerer.connection.offer({ restart: true })
        : answerer.connection.accept(chromiumOffer)
      const error = yield* Effect.flip(asked)
      assert.strictEqual(error._tag, "WebRtcError")
      assert.include(error.message, "restart")
      yield* flood(toAnswerer, answerer, 100, 20)
      yield* flood(toOfferer, offerer, 100, 20)
    }), live)
}

/** What keeps the process alive, but for timers that come and go: sockets, above all. */
const resources = () => process.getActiveResourcesInfo().filter((resource) => resource !== "Timeout")
