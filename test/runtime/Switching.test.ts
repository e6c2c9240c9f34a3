/** `npm run bench:home` takes 200 seeds. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { travel } from "../support/journeys.ts"
import { switching } from "../support/switching.ts"

describe(switching.name, () => {
  for (const seed of [1, 2, 3]) {
    it.effect(`${switching.promise} (seed ${seed})`, () =>
      Effect.gen(function*() {
        const messages = yield* Effect.mapError(travel(switching, seed), (problem) => new Error(String(problem)))
        assert.isAbove(messages, 1000)
      }))
  }
})
