import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Held } from "../../../src/hub/connection/Held.ts"

describe("Held", () => {
  it.effect("releases each when its time has come, and not who was dropped", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const held = new Held()
      const log: Array<string> = []
      const party = (name: string) => ({ released: () => void log.push(name) })
      const [a, b, c] = [party("a"), party("b"), party("c")]
      yield* Effect.forkScoped(held.serve(() => clock.currentTimeMillisUnsafe()), { startImmediately: true })
      held.add(b, 500)
      held.add(a, 100)
      held.add(c, 100)
      held.drop(c)
      yield* TestClock.adjust("99 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("51 millis")
      assert.deepStrictEqual(log, ["a"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["a", "b"])
      held.add(c, 2000)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["a", "b", "c"])
    }))
})
