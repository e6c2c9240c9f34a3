/**
 * What is promised of home and away, in 200 worlds where much goes wrong. The stories with many peers or for long are
 * told once here, and 200 times by `npm run bench:home`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { journeys, long, travel } from "../support/journeys.ts"

const seeds = Array.from({ length: 200 }, (_, n) => n + 1)

describe("in any world", () => {
  for (const journey of journeys) {
    it.effect(`${journey.name}: ${journey.promise}`, () =>
      Effect.forEach(seeds, (seed) =>
        travel(journey, seed).pipe(
          Effect.mapError((problem) => new Error(`seed ${seed}: ${String(problem)}`)),
          Effect.map((took) => assert.isAtLeast(took, 0))
        )))
  }

  for (const journey of long) {
    it.effect(`${journey.name}: ${journey.promise}`, () =>
      Effect.map(travel(journey, "long"), (took) => assert.isAtLeast(took, 0)))
  }
})
