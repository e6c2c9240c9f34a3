import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/testing/TestClock"
import { setImmediate } from "node:timers/promises"
import * as Wire from "../../src/hub/exchange/Wire.ts"
import { Hub } from "../../src/hub/Hub.ts"
import * as Limits from "../../src/hub/Limits.ts"
import type { HubOptions } from "../../src/hub/Options.ts"
import {
  ada,
  bob,
  connect,
  cyd,
  eventually,
  fragments,
  halfOpen,
  join,
  nth,
  opcode,
  rawTcp,
  textFrame,
  types
} from "./TestPeer.ts"

/** Whole numbers below a bound, the same ones every time. */
const generator = (seed: number) => {
  let state = seed
  return (bound: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/** A hub at any free port, for as long as the test's scope. */
const start = (options: HubOptions = {}) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

/** Gives the sockets time to do what they are about. */
const quietly = Effect.forEach(Array.from({ length: 50 }), () => Effect.promise(() => setImmediate()), {
  discard: true
})

const pass = (time: Duration.Input) => Effect.andThen(TestClock.adjust(time), quietly)

const signal = (targetPeerId: string, networkName: string, data: unknown = "hello") => ({
  type: "offer",
  data,
  targetPeerId,
  networkName
})

describe("meeting", () => {
  it.effect("greets a peer and says what the hub can do", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* connect(url, ada)
      assert.deepStrictEqual(yield* a.next, {
        type: "connected",
        data: { peerId: ada, homing: { version: Wire.version, features: ["memberships", "watch", "networks"] } },
        fromPeerId: "system",
        timestamp: 0
      })
    }))

  it.effect("accepts any path, and an announcement before the greeting", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* connect(url, ada, "/some/%E0%A4%A/path")
      yield* a.announce("red")
      const b = yield* connect(url, bob, "//")
      yield* b.announce("red")
      assert.strictEqual((yield* b.until("peer-discovered"))["targetPeerId"], bob)
      assert.strictEqual((yield* a.until("peer-discovered"))["targetPeerId"], ada)
    }))

  it.effect("relays between members, as text and as binary frames", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "red")
      yield* a.drain
      yield* b.send(signal(ada, "red", { sdp: "v=0" }))
      yield* b.sendText(Buffer.from(JSON.stringify(signal(ada, "red", 2))))
      const first = yield* a.next
      assert.deepStrictEqual([first["data"], first["fromPeerId"]], [{ sdp: "v=0" }, bob])
      assert.strictEqual((yield* a.next)["data"], 2)
      const { connections, networks, peers, refused, relayed } = yield* stats
      assert.deepStrictEqual({ connections, networks, peers, refused, relayed }, {
        connections: 2,
        networks: 1,
        peers: 2,
        refused: 0,
        relayed: 2
      })
    }))

  it.effect("tells the networks of a lost peer, and nobody else", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "blue")
      const c = yield* join(url, cyd, "red")
      yield* a.drain
      c.socket.terminate()
      assert.deepInclude(yield* a.next, {
        type: "peer-disconnected",
        networkName: "red",
        data: { peerId: cyd, isHub: false }
      })
      assert.deepStrictEqual(yield* a.drain, [])
      assert.deepStrictEqual(yield* b.drain, [])
      yield* eventually(Effect.map(stats, ({ connections, peers }) => connections === 2 && peers === 2))
    }))

  it.effect("shows its numbers as metrics, until it closes", () =>
    Effect.gen(function*() {
      const value = (id: string) => Effect.map(Metric.snapshot, (all) => all.find((metric) => metric.id === id)?.state)
      yield* Effect.scoped(Effect.gen(function*() {
        const { url } = yield* start()
        yield* join(url, ada, "red", "blue")
        assert.deepStrictEqual(yield* value("homing_hub_networks"), { value: 2 })
        assert.deepStrictEqual(yield* value("homing_hub_peers"), { value: 1 })
      }))
      assert.isUndefined(yield* value("homing_hub_networks"))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("admission", () => {
  it.effect.each(["", "nope", "g".repeat(40), `${ada}0`, "%00", "%E0%A4%A"])(
    "refuses the peer id %j",
    (peerId) =>
      Effect.gen(function*() {
        const { stats, url } = yield* start()
        const a = yield* connect(url, peerId)
        assert.deepStrictEqual(yield* a.closed, { code: 1008, reason: "Invalid peerId format" })
        assert.strictEqual((yield* stats).refused, 1)
      })
  )

  it.effect.each([ada, ada.toUpperCase()])(
    "refuses %s while a peer of that id lives",
    (peerId) =>
      Effect.gen(function*() {
        const { url } = yield* start()
        const a = yield* join(url, ada, "red")
        const intruder = yield* connect(url, peerId)
        yield* intruder.announce("red")
        assert.deepStrictEqual(yield* intruder.closed, { code: 1008, reason: "Peer already connected" })
        assert.deepStrictEqual(yield* a.drain, [])
      })
  )

  it.effect("lets a peer back in whose old connection is dead, with what it said meanwhile", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start()
      const b = yield* join(url, bob, "red")
      const dead = yield* halfOpen(port, ada)
      const back = yield* connect(url, ada)
      yield* back.announce("red")
      yield* dead.until((bytes) => bytes.includes(opcode.ping))
      assert.strictEqual((yield* stats).peers, 2)
      yield* TestClock.adjust("2 seconds")
      yield* back.until("connected")
      assert.deepInclude(yield* b.next, { type: "peer-discovered" })
      yield* dead.closed
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 2))
      assert.strictEqual((yield* stats).peers, 2)
      // The end of the old connection left the new one's records alone.
      yield* b.send(signal(ada, "red"))
      assert.strictEqual((yield* back.until("offer"))["fromPeerId"], bob)
      assert.deepStrictEqual(yield* b.drain, [])
    }))

  it.effect("admits one of two who come back at once", () =>
    Effect.gen(function*() {
      const { port, url } = yield* start()
      const dead = yield* halfOpen(port, ada)
      const first = yield* connect(url, ada)
      yield* dead.until((bytes) => bytes.includes(opcode.ping))
      const second = yield* connect(url, ada)
      yield* eventually(Effect.sync(() => second.socket.readyState === second.socket.OPEN))
      yield* TestClock.adjust("2 seconds")
      yield* TestClock.adjust("2 seconds")
      const outcomes = yield* Effect.forEach([first, second], (peer) =>
        Effect.raceFirst(
          Effect.as(peer.until("connected"), "connected"),
          Effect.map(peer.closed, (closing) => closing.reason)
        ))
      assert.deepStrictEqual(outcomes.toSorted(), ["Peer already connected", "connected"])
    }))

  it.effect("refuses more peers than it may hold, and admits again when one leaves", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ maxConnections: 2 })
      const a = yield* join(url, ada)
      yield* join(url, bob)
      const third = yield* connect(url, cyd)
      assert.deepStrictEqual(yield* third.closed, { code: 1008, reason: "Maximum connections reached" })
      a.socket.close()
      yield* eventually(Effect.map(stats, ({ peers }) => peers === 1))
      yield* join(url, cyd)
    }))
})

describe("liveness", () => {
  it.effect("drops a connection that gives no sign of life, and keeps one that does", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const dead = yield* halfOpen(port, bob)
      yield* TestClock.adjust("30 seconds")
      yield* dead.until((bytes) => bytes.includes(opcode.ping))
      // The answer to this comes after the pong.
      yield* a.drain
      yield* TestClock.adjust("10 seconds")
      yield* dead.closed
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 1))
      assert.deepStrictEqual(yield* a.drain, [])
    }))
})

describe("limits", () => {
  it.effect("closes a connection whose message is too large, and no other", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ maxMessageBytes: 1000 })
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "red")
      yield* a.sendText("x".repeat(1001))
      assert.strictEqual((yield* a.closed).code, 1009)
      yield* b.until("peer-disconnected")
      assert.deepStrictEqual(yield* b.drain, [])
    }))

  it.effect("holds a peer back that speaks too fast, says so once, and loses nothing of it", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({
        messageBurst: 100,
        messagesPerSecond: 10,
        heartbeat: Duration.seconds(20),
        heartbeatPatience: Duration.seconds(15)
      })
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "red")
      yield* a.drain
      const said = Array.from({ length: 300 }, (_, n) => n)
      yield* Effect.forEach(said, (n) => a.send(signal(bob, "red", n)), { discard: true })
      const heard = yield* Ref.make<ReadonlyArray<unknown>>([])
      yield* b.next.pipe(
        Effect.tap(({ data, type }) => type === "offer" ? Ref.update(heard, (all) => [...all, data]) : Effect.void),
        Effect.forever,
        Effect.forkScoped
      )
      yield* a.until("error")
      yield* eventually(Effect.map(Ref.get(heard), ({ length }) => length >= 70))
      yield* quietly
      assert.isAtMost((yield* Ref.get(heard)).length, 120)
      // Longer than a silent peer may be: what is not read from cannot give a sign of life.
      for (let second = 0; second < 32; second++) yield* pass("1 second")
      yield* eventually(Effect.map(Ref.get(heard), ({ length }) => length === said.length))
      assert.deepStrictEqual(yield* Ref.get(heard), said)
      assert.deepStrictEqual(types(yield* a.drain), [])
      const { heldBack, peers, refused } = yield* stats
      assert.deepStrictEqual({ heldBack, peers, refused }, { heldBack: 1, peers: 2, refused: 0 })
    }))

  it.effect("closes a peer that has been held back for as long as a silent one is borne", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ messageBurst: 100, messagesPerSecond: 10 })
      const a = yield* join(url, ada)
      yield* Effect.forEach(Array.from({ length: 1000 }), () => a.send({ type: "cleanup" }), { discard: true })
      yield* a.until("error")
      for (let second = 0; second < 35; second++) yield* pass("1 second")
      assert.strictEqual((yield* stats).peers, 1)
      for (let second = 0; second < 10; second++) yield* pass("1 second")
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 0))
      assert.strictEqual((yield* stats).refusedBy["too-fast"], 1)
    }))

  it.effect("lets go of a peer that leaves while it is held back", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ messageBurst: 100, messagesPerSecond: 10 })
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "red")
      yield* Effect.forEach(Array.from({ length: 120 }), () => a.send({ type: "cleanup" }), { discard: true })
      yield* a.until("error")
      a.socket.close()
      for (let second = 0; second < 5; second++) yield* pass("1 second")
      yield* b.until("peer-disconnected")
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 1))
    }))

  it.effect("counts signs of life that nobody asked for, as everything else", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ messageBurst: 100 })
      const a = yield* join(url, ada)
      for (let n = 0; n < 100; n++) a.socket.pong()
      assert.include((yield* a.until("error"))["error"], "Too many messages")
    }))

  it.effect("answers pings, of many at once the last", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* join(url, ada)
      const pongs: Array<string> = []
      a.socket.on("pong", (data) => pongs.push(String(data)))
      for (let n = 1; n <= 50; n++) a.socket.ping(String(n))
      yield* eventually(Effect.sync(() => pongs.at(-1) === "50"))
      assert.isBelow(pongs.length, 50)
      a.socket.ping("more")
      yield* eventually(Effect.sync(() => pongs.at(-1) === "more"))
    }))

  it.effect("takes a message in pieces, but not in any number of them", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const { maxFragments } = Limits.pieces(Limits.messageBytes)
      const text = JSON.stringify(signal(ada, "red", "x".repeat(200)))
      const patient = yield* halfOpen(port, bob)
      patient.socket.write(textFrame(JSON.stringify({ type: "announce", networkName: "red" })))
      patient.socket.write(fragments(text, maxFragments))
      assert.strictEqual((yield* a.until("offer"))["fromPeerId"], bob)
      patient.socket.write(fragments(text, maxFragments + 1))
      yield* patient.until((bytes) => bytes.includes(opcode.close))
      yield* TestClock.adjust("1 second")
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 1))
    }))

  it.effect("hears a peer again that has slowed down", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ messageBurst: 100, messagesPerSecond: 50 })
      const a = yield* join(url, ada)
      yield* Effect.forEach(Array.from({ length: 100 }), () => a.send({ type: "cleanup" }), {
        discard: true
      })
      yield* a.until("error")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* a.drain, [])
    }))

  it.effect("closes a peer that keeps sending what is no message", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* join(url, ada)
      yield* Effect.forEach(Array.from({ length: Limits.malformedBurst + 1 }), () => a.sendText("?"), { discard: true })
      assert.deepStrictEqual(yield* a.closed, { code: 1008, reason: "Too many malformed messages" })
    }))

  it.effect("charges for bytes that come one by one, and closes a peer that goes on while it is held back", () =>
    Effect.gen(function*() {
      const { port } = yield* start({ messageBurst: 100, messagesPerSecond: 1 })
      const drip = yield* halfOpen(port, bob)
      drip.socket.setNoDelay()
      drip.socket.write(Buffer.from([0x81, 0xfe, 0xea, 0x60, 1, 2, 3, 4]))
      const drops = yield* Effect.forkScoped(Effect.forever(Effect.promise(() => {
        drip.socket.write("?")
        return setImmediate()
      })))
      const seen = yield* drip.until((bytes) => Buffer.from(bytes).includes("Rate limit exceeded"))
      yield* Fiber.interrupt(drops)
      assert.include(Buffer.from(seen).toString(), "Too many messages")
    }))

  it.effect("counts connections that are cut since there are too many", () =>
    Effect.gen(function*() {
      const { port, stats } = yield* start({ maxConnections: 1 })
      const crowd = Array.from({ length: 1 + Limits.headroom }, () => rawTcp(port, "GET"))
      yield* Effect.all(crowd, { concurrency: "unbounded" })
      const late = yield* rawTcp(port, "GET")
      yield* late.closed
      yield* eventually(Effect.map(stats, ({ refusedBy }) => refusedBy["hub-full"] > 0))
    }))

  it.effect("closes a peer that does not read, without harm to who speaks to it", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start({ maxBufferedBytes: 1000 })
      const slow = yield* halfOpen(port, ada)
      slow.socket.pause()
      slow.socket.write(textFrame(JSON.stringify({ type: "announce", networkName: "red" })))
      const b = yield* join(url, bob, "red")
      yield* eventually(Effect.map(stats, ({ networks }) => networks === 1))
      const bulk = "x".repeat(60_000)
      yield* Effect.forEach(Array.from({ length: 120 }), () => b.send(signal(ada, "red", bulk)), { discard: true })
      const frames = yield* b.drain
      assert.include(types(frames), "error")
      yield* TestClock.adjust("1 second")
      yield* eventually(Effect.map(stats, ({ connections }) => connections === 1))
    }))
})

describe("hostile input", () => {
  it.effect("leaves others alone, whatever bytes come", () =>
    Effect.gen(function*() {
      const { port, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const b = yield* join(url, bob, "red")
      yield* a.drain
      const random = generator(42)
      for (let round = 0; round < 40; round++) {
        const bytes = Uint8Array.from({ length: 1 + random(300) }, () => random(256))
        // As WebSocket messages, as WebSocket frames, and as HTTP.
        const c = yield* join(url, nth(round))
        yield* c.sendText(bytes)
        yield* c.sendText(Buffer.from(bytes).toString("latin1"))
        const raw = yield* halfOpen(port, nth(1000 + round))
        raw.socket.end(bytes)
        const http = yield* rawTcp(port, bytes)
        http.socket.end("\r\n\r\n")
      }
      for (
        const text of [
          "GET /%E0%A4%A HTTP/1.1\r\n\r\n",
          "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
          "POST /?peerId= HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
          "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/9.9\r\n\r\n",
          `GET /${"x".repeat(60_000)} HTTP/1.1\r\n\r\n`
        ]
      ) {
        const raw = yield* rawTcp(port, text)
        raw.socket.end()
        yield* raw.closed
      }
      yield* b.send(signal(ada, "red"))
      assert.strictEqual((yield* a.next)["fromPeerId"], bob)
    }))
})
