import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { LinkClosed } from "../../../src/domain/Errors.ts"
import * as Outbox from "../../../src/services/link/Outbox.ts"
import { peer } from "../../support/simulation.ts"

const say = (text: string) => Outbox.parcel([text])
const takeText = (outbox: Outbox.Outbox) => Effect.map(outbox.take, ({ packets }) => packets.join(""))

describe("Outbox", () => {
  it.effect("keeps the order in which senders came, also when one that was let in sends again at once", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1024, frames: 1 })
      yield* outbox.offer(say("0"))
      const first = yield* outbox.offer(say("1")).pipe(
        Effect.andThen(outbox.offer(say("3"))),
        Effect.forkChild({ startImmediately: true })
      )
      const second = yield* outbox.offer(say("2")).pipe(Effect.forkChild({ startImmediately: true }))
      const taken = yield* Effect.replicateEffect(takeText(outbox), 4)
      assert.deepStrictEqual(taken, ["0", "1", "2", "3"])
      yield* Fiber.joinAll([first, second])
    }))

  it.effect("lets nobody overtake those who wait", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 4, frames: 100 })
      yield* outbox.offer(say("full"))
      const waiting = yield* outbox.offer(say("waits")).pipe(Effect.forkChild({ startImmediately: true }))
      assert.isFalse(outbox.tryOffer(say("late")))
      assert.strictEqual(yield* takeText(outbox), "full")
      assert.strictEqual(yield* takeText(outbox), "waits")
      yield* Fiber.join(waiting)
      assert.isTrue(outbox.tryOffer(say("late")))
    }))

  it.effect("forgets a sender that no longer waits", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1024, frames: 1 })
      yield* outbox.offer(say("0"))
      const gone = yield* outbox.offer(say("1")).pipe(Effect.forkChild({ startImmediately: true }))
      yield* Fiber.interrupt(gone)
      yield* outbox.take
      assert.strictEqual(outbox.size(), 0)
    }))

  it.effect("fails those who wait, and those who come later, once it is closed", () =>
    Effect.gen(function*() {
      const outbox = Outbox.make({ bytes: 1024, frames: 1 })
      const error = new LinkClosed({ peerId: peer(1), reason: "test" })
      yield* outbox.offer(say("0"))
      const waiting = yield* outbox.offer(say("1")).pipe(Effect.forkChild({ startImmediately: true }))
      yield* outbox.close(error)
      assert.deepStrictEqual(yield* Fiber.await(waiting), Exit.fail(error))
      assert.deepStrictEqual(yield* Effect.exit(outbox.offer(say("2"))), Exit.fail(error))
    }))
})
