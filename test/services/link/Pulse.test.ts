import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Scope } from "effect"
import * as Exit from "effect/Exit"
import { TestClock } from "effect/testing"
import * as Pulse from "../../../src/services/link/Pulse.ts"

describe("a pulse", () => {
  it.effect("beats for all at once, for each from its first moment to the end of its scope", () =>
    Effect.gen(function*() {
      const pulse = yield* Pulse.make(Duration.seconds(2))
      const beats: Array<string> = []
      const beater = (name: string) => ({
        beat: (now: number) => void beats.push(`${name}${now}`),
        failed: () => undefined
      })
      yield* pulse.join(beater("a"))
      yield* TestClock.adjust("1 second")
      const scope = yield* Scope.make()
      yield* pulse.join(beater("b")).pipe(Scope.provide(scope))
      yield* TestClock.adjust("3 seconds")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(beats, ["a0", "b1000", "a2000", "b2000", "a4000", "b4000", "a6000"])
    }).pipe(Effect.scoped))

  it.effect("lets go of one that throws, and beats on for the others", () =>
    Effect.gen(function*() {
      const pulse = yield* Pulse.make(Duration.seconds(2))
      let beats = 0
      let failed = 0
      yield* pulse.join({
        beat: (now) => {
          if (now > 0) throw new Error("a fault")
        },
        failed: () => void failed++
      })
      yield* pulse.join({ beat: () => void beats++, failed: () => undefined })
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual({ beats, failed }, { beats: 4, failed: 1 })
    }).pipe(Effect.scoped))
})
