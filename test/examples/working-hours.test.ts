import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule } from "effect"
import { isWorkingTime, nineToFive, workingHours } from "../../examples/working-hours.ts"
import { FallbackPolicy } from "../../src/services/FallbackPolicy.ts"
import { defaults, HealthSchedule } from "../../src/services/HealthSchedule.ts"
import { World } from "../../src/testing/World.ts"
import { simulate, world } from "../support/simulation.ts"
import { resident, tour } from "./tour.ts"

/** Thursday and Saturday, so that there is a day off soon. */
const shortWeek = { ...nineToFive("UTC"), days: [4, 6] }

/** Looks every minute: days have many checks. */
const supervisor = Layer.mergeAll(
  Layer.succeed(FallbackPolicy, workingHours(shortWeek)),
  Layer.succeed(HealthSchedule, { ...defaults, checks: Schedule.spaced(Duration.minutes(1)) })
)

/** A stop of a tour, such as `Thu 09:00 work`. */
const stop = ([networkName, at]: readonly [string, number]) => {
  const [day, , , , time] = new Date(at).toUTCString().split(" ")
  return `${day?.slice(0, 3)} ${time?.slice(0, 5)} ${networkName}`
}

const inSomeDays = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  World.use((world) => world.run(Effect.scoped(body), { atMost: "8 days" }))

const elapse = (hours: number) => World.use((world) => world.elapse(Duration.hours(hours)))

describe("working hours", () => {
  it.effect("keep a lonely peer at home, and nights and days off do not", () =>
    Effect.gen(function*() {
      // It is Thursday, the first of January 1970, at midnight.
      const { mesh, visited } = yield* tour("work", supervisor)
      yield* elapse(2 * 24)
      assert.deepStrictEqual(visited.map(stop), [
        "Thu 00:00 work",
        "Thu 00:01 global",
        "Thu 09:00 work",
        "Thu 17:00 global"
      ])
      yield* elapse(10)
      assert.strictEqual(yield* mesh.networkName, "work")
      assert.strictEqual(visited.map(stop).at(-1), "Sat 09:00 work")
    }).pipe(inSomeDays, Effect.provide(world)))

  it.effect("leave the way home at night to the other policy", () =>
    Effect.gen(function*() {
      const { visited } = yield* tour("work", supervisor)
      yield* elapse(1)
      yield* resident("night owl", "work")
      yield* elapse(1)
      assert.deepStrictEqual(visited.map(stop), ["Thu 00:00 work", "Thu 00:01 global", "Thu 01:00 work"])
    }).pipe(simulate, Effect.provide(world)))

  it("are those of the time zone, in summer and in winter", () => {
    const isWorking = isWorkingTime(nineToFive("Europe/Berlin"))
    const at = (iso: string) => isWorking(Date.parse(iso))
    // Monday, at one hour ahead and at two.
    assert.deepStrictEqual([at("2026-01-12T07:59:59Z"), at("2026-01-12T08:00:00Z")], [false, true])
    assert.deepStrictEqual([at("2026-07-13T06:59:59Z"), at("2026-07-13T07:00:00Z")], [false, true])
    assert.deepStrictEqual([at("2026-01-12T15:59:59Z"), at("2026-01-12T16:00:00Z")], [true, false])
    assert.isFalse(at("2026-01-11T11:00:00Z"), "Sunday")
  })
})
