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
import { ada, bob, connect, cyd, handshake, join, rawTcp } from "./TestPeer.ts"

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
