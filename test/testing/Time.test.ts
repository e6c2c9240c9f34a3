import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { World } from "../../src/testing/World.ts"
import { village } from "./village.ts"

describe("time", () => {
  it.effect("stands still until it is let go, and then jumps", () =>
    Effect.gen(function*() {
      const world = yield* World
      const seen: Array<string> = []
      const say = (name: string, seconds: number) =>
        Effect.sync(() => void seen.push(name)).pipe(Effect.delay(seconds * 1000), Effect.forkScoped)
      yield* say("later", 3600)
      yield* say("soon", 1)
      yield* world.elapse("59 minutes")
      assert.deepStrictEqual(seen, ["soon"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["soon", "later"])
      assert.strictEqual(yield* Clock.currentTimeMillis, 3_600_000)
    }).pipe(Effect.provide(World.layer())))

  it.effect("goes on by itself until an effect is done, and not a moment longer", () =>
    Effect.gen(function*() {
      const world = yield* World
      yield* Effect.never.pipe(Effect.delay("3 seconds"), Effect.forkScoped)
      yield* world.run(Effect.sleep("2 seconds"))
      assert.strictEqual(yield* Clock.currentTimeMillis, 2000)
      const endless = yield* Effect.exit(world.run(Effect.never, { atMost: "1 hour" }))
      assert.include(String(endless), "not done after 1h")
    }).pipe(Effect.provide(World.layer())))

  it.effect("lets everything of its last moment happen", () =>
    Effect.gen(function*() {
      const world = yield* World
      const chain = yield* Effect.sleep("1 second").pipe(
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forkChild({ startImmediately: true })
      )
      yield* world.elapse("2 seconds")
      assert.isDefined(chain.pollUnsafe())
    }).pipe(Effect.provide(World.layer())))

  it.effect("waits for promises, and stands still for those that take real time", () =>
    Effect.gen(function*() {
      const world = yield* World
      const quick = yield* Effect.promise(() => Promise.resolve(1).then((n) => n + 1)).pipe(
        Effect.andThen(Clock.currentTimeMillis),
        Effect.forkChild
      )
      yield* world.elapse("1 second")
      assert.isAtMost(yield* Fiber.join(quick), 5)
      const slow = crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20))
      yield* world.run(world.still(Effect.promise(() => slow)))
      assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
    }).pipe(Effect.provide(World.layer())))

  it.effect("is what a round trip takes, and nothing else", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob] = yield* village(2)
      assert(ada !== undefined && bob !== undefined)
      const before = yield* Clock.currentTimeMillis
      yield* world.run(ada.send(bob.peerId, "are you there?"))
      // There and back.
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 600)
      assert.deepStrictEqual(bob.messages(), ["are you there?"])
    }).pipe(
      Effect.scoped,
      Effect.provide(World.layer({ latency: ["300 millis", "300 millis"], jitter: 0, setup: [0, 0] }))
    ))
})
