import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { global } from "../../src/domain/NetworkName.ts"
import * as Subscribers from "../../src/runtime/Subscribers.ts"

const event = (n: number): MeshEvent => ({
  _tag: "StatusChanged",
  type: "hub",
  message: String(n),
  networkName: global
})
const text = (event: MeshEvent) =>
  event._tag === "StatusChanged" ? event.message : event._tag === "Missed" ? `missed ${event.count}` : ""

describe("Subscribers", () => {
  it.effect("tells every subscriber everything in order", () =>
    Effect.gen(function*() {
      const subscribers = Subscribers.make()
      const hear = subscribers.events.pipe(Stream.take(3), Stream.map(text), Stream.runCollect)
      const first = yield* hear.pipe(Effect.forkChild({ startImmediately: true }))
      const second = yield* hear.pipe(Effect.forkChild({ startImmediately: true }))
      yield* Effect.forEach([1, 2, 3], (n) => subscribers.tell(event(n)))
      assert.deepStrictEqual(yield* Fiber.join(first), ["1", "2", "3"])
      assert.deepStrictEqual(yield* Fiber.join(second), ["1", "2", "3"])
    }))

  it.effect("waits for a full subscriber, then goes on without it and tells it how much it missed", () =>
    Effect.gen(function*() {
      const subscribers = Subscribers.make()
      const heard: Array<string> = []
      const gate = yield* Latch.make()
      yield* subscribers.events.pipe(
        Stream.runForEach((event) => gate.whenOpen(Effect.sync(() => void heard.push(text(event))))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* subscribers.tell(event(0))
      yield* Effect.yieldNow
      for (let n = 1; n <= Subscribers.capacity; n++) yield* subscribers.tell(event(n))
      const slow = yield* subscribers.tell(event(-1)).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(slow.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(slow)
      // Not waited for again.
      yield* subscribers.tell(event(-2))
      yield* gate.open
      // It hears of its loss as soon as it has caught up, whether or not anything else happens.
      while (!heard.includes("missed 2")) yield* Effect.yieldNow
      yield* subscribers.tell(event(7))
      while (heard.at(-1) !== "7") yield* Effect.yieldNow
      assert.deepStrictEqual(heard.slice(-3), [String(Subscribers.capacity), "missed 2", "7"])
    }))
})
