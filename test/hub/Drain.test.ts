import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Drain from "../../src/hub/Drain.ts"
import { Hub } from "../../src/hub/Hub.ts"
import type { HubOptions } from "../../src/hub/Options.ts"
import { ada, bob, connect, cyd, eventually, handshake, join, rawTcp } from "./TestPeer.ts"

const start = (options: HubOptions = {}) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

/** A peer that says something whenever it is told to, and notes when it was dismissed. */
const guest = (guests: Set<Drain.Guest>) => {
  let bytes = 0
  let dismissed = 0
  const self: Drain.Guest = { bytesRead: () => bytes, dismiss: () => void dismissed++ }
  guests.add(self)
  return { say: () => void bytes++, dismissed: () => dismissed, leave: () => guests.delete(self) }
}

const quiet = Duration.sum(Drain.silence, Duration.millis(200))

describe("Drain", () => {
  it.effect("is done at once when nobody is there", () =>
    Effect.gen(function*() {
      const drain = Drain.make({ guests: new Set(), patience: Duration.seconds(5) })
      assert.isFalse(drain.draining)
      yield* drain.run
      assert.isTrue(drain.draining)
    }))

  it.effect("sends away who is silent, waits for who speaks, but not for ever", () =>
    Effect.gen(function*() {
      const guests = new Set<Drain.Guest>()
      const [silent, late, chatty, gone] = [guest(guests), guest(guests), guest(guests), guest(guests)]
      const drain = Drain.make({ guests, patience: Duration.seconds(5) })
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
      // An offer, and its answer a second later: both arrive.
      yield* a.send({ type: "offer", data: "offer", targetPeerId: bob, networkName: "red" })
      assert.deepInclude(yield* b.until("offer"), { data: "offer", fromPeerId: ada })
      yield* TestClock.adjust("700 millis")
      const away = yield* c.until("hub-closing")
      assert.deepStrictEqual(away["data"], { reason: "Hub shutting down", hubs: moveTo })
      assert.deepStrictEqual(yield* c.closed, { code: 1001, reason: "Hub shutting down" })
      yield* eventually(Effect.map(stats, ({ peers }) => peers === 1 || peers === 2))
      yield* TestClock.adjust("5 seconds")
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
