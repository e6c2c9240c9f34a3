import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Drain from "../../../src/hub/drain/Drain.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { ada, bob, connect, cyd, handshake, join, rawTcp } from "../TestPeer.ts"

const start = (options: HubOptions = {}) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

interface Guest extends Drain.Guest {
  dismissed: number
}

/** A hub that drains, and peers in it that say something whenever they are told to. */
const house = () => {
  const guests = new Set<Guest>()
  const drain = Drain.make({ guests, patience: Duration.seconds(5), dismiss: (guest) => void guest.dismissed++ })
  const enter = () => {
    const guest = { connection: { bytes: 0 }, dismissed: 0 }
    guests.add(guest)
    return {
      say: () => void guest.connection.bytes++,
      dismissed: () => guest.dismissed,
      leave: () => guests.delete(guest)
    }
  }
  return { drain, enter }
}

const quiet = Duration.sum(Drain.silence, Duration.millis(200))

describe("Drain", () => {
  it.effect("is done at once when nobody is there", () =>
    Effect.gen(function*() {
      const { drain } = house()
      assert.isFalse(drain.draining)
      yield* drain.run
      assert.isTrue(drain.draining)
    }))

  it.effect("sends away who is silent, waits for who speaks, but not for ever", () =>
    Effect.gen(function*() {
      const { drain, enter } = house()
      const [silent, late, chatty, gone] = [enter(), enter(), enter(), enter()]
      const running = yield* Effect.forkChild(drain.run, { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      late.say()
      chatty.say()
      gone.leave()
      yield* TestClock.adjust(Duration.subtract(quiet, Duration.millis(500)))
      assert.deepStrictEqual([silent.dismissed(), late.dismissed(), chatty.dismissed()], [1, 0, 0])
      chatty.say()
      yield* TestClock.adjust("600 millis")
      assert.deepStrictEqual([silent.dismissed(), late.dismissed(), chatty.dismissed()], [1, 1, 0])
      for (let step = 0; step < 26; step++) {
        chatty.say()
        yield* TestClock.adjust("100 millis")
      }
      assert.strictEqual(chatty.dismissed(), 0)
      chatty.say()
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(running)
      assert.deepStrictEqual([silent.dismissed(), late.dismissed(), chatty.dismissed(), gone.dismissed()], [1, 1, 1, 0])
    }))
})

describe("a hub that drains", () => {
  it.effect("lets nobody in, carries what is under way, and names other hubs when it closes", () =>
    Effect.gen(function*() {
      const moveTo = ["wss://hub-2.example.org", "ws://10.0.0.2:3000"]
      const { drain, port, stats, url } = yield* start({ moveTo })
      const [a, b, c] = [yield* join(url, ada, "red"), yield* join(url, bob, "red"), yield* join(url, cyd, "red")]
      yield* Effect.forEach([a, b, c], ({ drain }) => drain, { discard: true })
      const draining = yield* Effect.forkChild(drain, { startImmediately: true })

      const late = yield* rawTcp(port, handshake("d".repeat(40)))
      const answer = Buffer.from(yield* late.until((bytes) => bytes.includes(10))).toString()
      assert.match(answer, /^HTTP\/1\.1 503 /)
      assert.strictEqual((yield* stats).refusedBy.draining, 1)

      yield* TestClock.adjust("1 second")
      yield* a.send({ type: "offer", data: "offer", targetPeerId: bob, networkName: "red" })
      assert.deepInclude(yield* b.until("offer"), { data: "offer", fromPeerId: ada })
      yield* TestClock.adjust("700 millis")
      const away = yield* c.until("hub-closing")
      assert.deepStrictEqual(away["data"], { reason: "Hub shutting down", hubs: moveTo })
      assert.deepStrictEqual(yield* c.closed, { code: 1001, reason: "Hub shutting down" })
      // The two others are in the middle of it, the one that thinks about its answer as well.
      yield* TestClock.adjust("1 second")
      yield* b.send({ type: "answer", data: "answer", targetPeerId: ada, networkName: "red" })
      assert.deepInclude(yield* a.until("answer"), { data: "answer", fromPeerId: bob })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(draining)
      assert.strictEqual((yield* a.closed).code, 1001)
      assert.strictEqual((yield* b.closed).code, 1001)
    }))

  it.effect("lets a negotiation end that began in the last moment, and none begin after that", () =>
    Effect.gen(function*() {
      const { drain, stats, url } = yield* start()
      const [a, b, c] = [yield* join(url, ada, "red"), yield* join(url, bob, "red"), yield* join(url, cyd, "red")]
      yield* Effect.forEach([a, b, c], ({ drain }) => drain, { discard: true })
      const draining = yield* Effect.forkChild(drain, { startImmediately: true })
      const offer = (to: string, data: string) => ({ type: "offer", data, targetPeerId: to, networkName: "red" })
      const candidate = (to: string, data: string) => ({ ...offer(to, data), type: "ice-candidate" })
      /** Everybody says something, so that nobody is silent. */
      const chatter = Effect.gen(function*() {
        yield* a.send(candidate(bob, "chatter"))
        yield* b.until("ice-candidate")
        yield* b.send(candidate(cyd, "chatter"))
        yield* c.until("ice-candidate")
        yield* c.send(candidate(ada, "chatter"))
        yield* a.until("ice-candidate")
        yield* TestClock.adjust("980 millis")
      })
      for (let second = 0; second < 5; second++) yield* chatter
      yield* a.send(offer(bob, "late"))
      assert.deepInclude(yield* b.until("offer"), { data: "late" })
      yield* a.send(candidate(cyd, "chatter"))
      yield* c.until("ice-candidate")
      yield* TestClock.adjust("200 millis")

      // Whoever does not negotiate is sent away now, whatever it says.
      assert.strictEqual((yield* c.closed).code, 1001)
      yield* TestClock.adjust("1 second")
      yield* b.send({ ...offer(ada, "yes"), type: "answer" })
      assert.deepInclude(yield* a.until("answer"), { data: "yes" })
      for (let n = 0; n < 3; n++) {
        yield* b.send(candidate(ada, `candidate ${n}`))
        assert.deepInclude(yield* a.until("ice-candidate"), { data: `candidate ${n}` })
        yield* TestClock.adjust("500 millis")
      }
      // Once more between the two is the same negotiation.
      yield* b.send(offer(ada, "restart"))
      assert.deepInclude(yield* a.until("offer"), { data: "restart" })
      assert.strictEqual((yield* stats).refusedBy.draining, 0)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(draining)
      assert.strictEqual((yield* a.closed).code, 1001)
      assert.strictEqual((yield* b.closed).code, 1001)
    }))

  it.effect("sends away who makes an offer at the end, and ends in time whatever its peers say", () =>
    Effect.gen(function*() {
      const { drain, stats, url } = yield* start({ drainPatience: Duration.seconds(1) })
      const [a, b, c] = [yield* join(url, ada, "red"), yield* join(url, bob, "red"), yield* join(url, cyd, "red")]
      yield* Effect.forEach([a, b, c], ({ drain }) => drain, { discard: true })
      const draining = yield* Effect.forkChild(drain, { startImmediately: true })
      const offer = (to: string) => ({ type: "offer", data: "x", targetPeerId: to, networkName: "red" })
      yield* TestClock.adjust("940 millis")
      yield* a.send(offer(bob))
      yield* b.until("offer")
      yield* c.send({ ...offer(ada), type: "ice-candidate" })
      yield* a.until("ice-candidate")
      yield* TestClock.adjust("70 millis")
      // Still there, for a moment or for good: it may begin nothing new.
      yield* a.send(offer(cyd))
      assert.include(String((yield* a.until("error"))["error"]), "about to stop")
      assert.strictEqual((yield* stats).refusedBy.draining, 1)
      for (let step = 0; step < 52; step++) {
        yield* b.send({ ...offer(ada), type: "ice-candidate" })
        yield* TestClock.adjust("100 millis")
      }
      yield* Fiber.join(draining)
      assert.strictEqual((yield* a.closed).code, 1001)
      assert.strictEqual((yield* b.closed).code, 1001)
    }))

  it.effect("names nobody when it knows nobody", () =>
    Effect.gen(function*() {
      const { drain, url } = yield* start()
      const a = yield* join(url, ada, "red")
      const draining = yield* Effect.forkChild(drain, { startImmediately: true })
      yield* TestClock.adjust(quiet)
      yield* Fiber.join(draining)
      assert.deepStrictEqual((yield* a.until("hub-closing"))["data"], { reason: "Hub shutting down" })
      const late = yield* connect(url, bob)
      assert.strictEqual((yield* late.closed).code, 1006)
    }))
})
