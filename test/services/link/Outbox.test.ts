import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { LinkClosed } from "../../../src/domain/Errors.ts"
import * as Outbox from "../../../src/services/link/Outbox.ts"
import { peer } from "../../support/simulation.ts"

const parcel = (text: string) => Outbox.parcel([text])
const gone = new LinkClosed({ peerId: peer(1), reason: "gone" })

describe("Outbox", () => {
  it.effect("keeps the order of one sender, also across waits for room", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1000, frames: 3 })
      const numbers = Array.from({ length: 500 }, (_, n) => String(n))
      yield* Effect.forEach(numbers, (n) => outbox.offer(parcel(n))).pipe(Effect.forkChild)
      const taken = yield* Effect.forEach(numbers, () => outbox.take)
      assert.deepStrictEqual(taken.map(({ packets }) => packets[0]), numbers)
    }))

  it.effect("keeps the order in which senders came when they wait for room", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1000, frames: 2 })
      const numbers = Array.from({ length: 200 }, (_, n) => String(n))
      for (const n of numbers) yield* outbox.offer(parcel(n)).pipe(Effect.forkChild({ startImmediately: true }))
      const taken = yield* Effect.forEach(numbers, () => outbox.take)
      assert.deepStrictEqual(taken.map(({ packets }) => packets[0]), numbers)
    }))

  it.effect("gives what waits and suits without waiting, and lets a sender in for it", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1000, frames: 2 })
      for (const text of ["a", "bb", "c"]) {
        yield* outbox.offer(parcel(text)).pipe(Effect.forkChild({ startImmediately: true }))
      }
      const short = (waiting: Outbox.Parcel) => waiting.bytes === 1
      assert.deepStrictEqual(outbox.poll(short)?.packets, ["a"])
      assert.isUndefined(outbox.poll(short))
      assert.deepStrictEqual((yield* outbox.take).packets, ["bb"])
      assert.deepStrictEqual(outbox.poll(short)?.packets, ["c"])
      assert.isUndefined(outbox.poll(short))
    }))

  it.effect("lets in those who wait once it is half empty, not one for each that is taken", () =>
    Effect.gen(function*() {
      for (const limit of [{ bytes: 1000, frames: 8 }, { bytes: 8, frames: 1000 }]) {
        const outbox = Outbox.make(limit)
        for (let n = 0; n < 8; n++) yield* outbox.offer(parcel("x"))
        const waiting = yield* outbox.offer(parcel("y")).pipe(Effect.forkChild({ startImmediately: true }))
        for (let n = 0; n < 3; n++) yield* outbox.take
        assert.isUndefined(waiting.pollUnsafe())
        assert.isFalse(outbox.tryOffer(parcel("z")))
        yield* outbox.take
        yield* Fiber.join(waiting)
        assert.strictEqual(outbox.size(), 5)
      }
    }))

  it.effect("suspends a sender when full by bytes, and lets a single large parcel through", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 10, frames: 100 })
      yield* outbox.offer(parcel("x".repeat(50)))
      const waiting = yield* outbox.offer(parcel("y")).pipe(Effect.forkChild({ startImmediately: true }))
      assert.isFalse(outbox.tryOffer(parcel("z")))
      assert.isUndefined(waiting.pollUnsafe())
      yield* outbox.take
      yield* Fiber.join(waiting)
      assert.strictEqual(outbox.size(), 1)
    }))

  it.effect("fails those who wait and those who come when it closes", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 10, frames: 1 })
      yield* outbox.offer(parcel("a"))
      const waiting = yield* outbox.offer(parcel("b")).pipe(Effect.forkChild({ startImmediately: true }))
      yield* outbox.close(gone)
      assert.deepStrictEqual(yield* Fiber.await(waiting), Exit.fail(gone))
      assert.deepStrictEqual(yield* Effect.flip(outbox.offer(parcel("c"))), gone)
    }))

  it.effect("is drained once the one who sends asks for more", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 10, frames: 9 })
      yield* outbox.offer(parcel("a"))
      const drained = yield* outbox.drained.pipe(Effect.forkChild({ startImmediately: true }))
      yield* outbox.take
      assert.isUndefined(drained.pollUnsafe())
      yield* outbox.take.pipe(Effect.forkChild({ startImmediately: true }))
      yield* Fiber.join(drained)
    }))

  it.effect("takes bulk and messages in turn, whatever waits of either, each in its order", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1_000_000, frames: 1000 })
      for (const n of [1, 2, 3, 4]) assert.isTrue(outbox.tryOfferBulk(parcel(`bulk ${n}`)))
      assert.deepStrictEqual((yield* outbox.take).packets, ["bulk 1"])
      for (const n of [1, 2, 3]) assert.isTrue(outbox.tryOffer(parcel(`message ${n}`)))
      const taken = yield* Effect.forEach(Array.from({ length: 6 }), () => outbox.take)
      assert.deepStrictEqual(
        taken.map(({ packets }) => packets[0]),
        ["message 1", "bulk 2", "message 2", "bulk 3", "message 3", "bulk 4"]
      )
    }))

  it.effect("makes those who come in bulk wait though there is room for messages, and fails them in the end", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1_000_000, frames: 1000 })
      const chunk = Outbox.parcel([new Uint8Array(16 * 1024)])
      let offered = 0
      while (outbox.tryOfferBulk(chunk)) offered++
      assert.strictEqual(offered * chunk.bytes, Outbox.bulk.bytes)
      assert.isTrue(outbox.tryOffer(parcel("message")))
      const next = yield* Effect.forkChild(outbox.offerBulk(chunk), { startImmediately: true })
      const later = yield* Effect.forkChild(Effect.flip(outbox.offerBulk(chunk)), { startImmediately: true })
      assert.isUndefined(next.pollUnsafe())
      yield* outbox.take
      yield* Fiber.join(next)
      assert.strictEqual(outbox.size(), offered + 1)
      yield* outbox.close(gone)
      assert.strictEqual(yield* Fiber.join(later), gone)
    }))
})
