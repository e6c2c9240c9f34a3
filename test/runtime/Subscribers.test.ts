import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { global } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
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

  /** A message whose content has so many bytes. */
  const sized = (id: string, bytes: number): MeshEvent => ({
    _tag: "Message",
    kind: "direct",
    id,
    from: PeerId.make("a".repeat(40)),
    content: new Uint8Array(bytes),
    networkName: global,
    hops: 1,
    timestamp: 1
  })
  const name = (event: MeshEvent) => event._tag === "Message" ? event.id : text(event)

  it.effect("keeps no more bytes than it may, or one event of any size, however few events there are", () =>
    Effect.gen(function*() {
      const subscribers = Subscribers.make()
      const heard: Array<string> = []
      const gate = yield* Latch.make()
      yield* subscribers.events.pipe(
        Stream.runForEach((event) => gate.whenOpen(Effect.sync(() => void heard.push(name(event))))),
        Effect.forkChild({ startImmediately: true })
      )
      const quarter = Subscribers.capacityBytes / 4
      yield* subscribers.tell(sized("in hand", quarter))
      yield* Effect.yieldNow
      for (const id of ["1", "2", "3", "4"]) assert.isTrue(yield* subscribers.tell(sized(id, quarter)))
      const late = yield* subscribers.tell(sized("late", 1)).pipe(Effect.forkChild({ startImmediately: true }))
      const later = yield* subscribers.tell(event(5)).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(late.pollUnsafe())
      // What waits comes before what is told later, even where that would fit.
      assert.isUndefined(later.pollUnsafe())
      yield* gate.open
      assert.isTrue(yield* Fiber.join(late))
      assert.isTrue(yield* Fiber.join(later))
      while (heard.length < 7) yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["in hand", "1", "2", "3", "4", "late", "5"])

      yield* gate.close
      yield* subscribers.tell(event(6))
      yield* Effect.yieldNow
      assert.isTrue(yield* subscribers.tell(sized("huge", 2 * Subscribers.capacityBytes)))
      const missed = yield* subscribers.tell(sized("missed", 1)).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust(Subscribers.patience)
      assert.isFalse(yield* Fiber.join(missed))
      yield* gate.open
      while (!heard.includes("missed 1")) yield* Effect.yieldNow
      assert.deepStrictEqual(heard.slice(7), ["6", "huge", "missed 1"])
    }))
})
