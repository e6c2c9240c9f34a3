import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { RegionFirst, regionFirst } from "../../examples/region-first.ts"
import { defaultSettings, NetworkHealth } from "../../src/domain/NetworkHealth.ts"
import { global, NetworkName } from "../../src/domain/NetworkName.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, simulate, world } from "../support/simulation.ts"
import { resident, tour } from "./tour.ts"

const grace = Duration.toSeconds(defaultSettings.grace)

describe("region first", () => {
  it.effect("tries the region before global, and comes home from there as soon as somebody is home", () =>
    Effect.gen(function*() {
      const { mesh, networks, visited } = yield* tour("gaming", RegionFirst)
      yield* elapse(60)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west", "global"])
      const times = visited.map(([, at]) => at / 1000)
      // No sooner than after the grace period in each, and no later than the next check.
      for (const [n, at] of times.entries()) {
        const stay = at - (times[n - 1] ?? at)
        if (n > 0) assert.isTrue(stay >= grace && stay < grace + 8, `moved after ${stay} s`)
      }
      yield* elapse(600)
      assert.strictEqual(networks().length, 3)
      yield* resident("bob", "gaming")
      yield* elapse(2)
      assert.strictEqual(networks().at(-1), "gaming")
      assert.isFalse(yield* mesh.isUsingGlobalFallback)
      yield* elapse(60)
      assert.strictEqual((yield* mesh.peers).length, 1)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("stays in the region while somebody is there, and goes on when they have left", () =>
    Effect.gen(function*() {
      const neighbour = yield* resident("eve", "eu-west")
      const { mesh, networks } = yield* tour("gaming", RegionFirst)
      yield* elapse(120)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west"])
      yield* mesh.send(neighbour.peerId, "hello from away")
      yield* neighbour.leave
      yield* elapse(grace - 2)
      assert.strictEqual(networks().at(-1), "eu-west")
      yield* elapse(15)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west", "global"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes on when whoever was there has vanished without a goodbye", () =>
    Effect.gen(function*() {
      const neighbour = yield* resident("eve", "eu-west")
      const { networks } = yield* tour("gaming", RegionFirst)
      yield* elapse(60)
      yield* World.use((world) => world.vanish(neighbour.peerId))
      yield* elapse(120)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west", "global"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("does not take somebody to whom no link will open for nobody", () =>
    Effect.gen(function*() {
      const world = yield* World
      const neighbour = yield* resident("eve", "eu-west")
      yield* world.partition([neighbour.peerId], [yield* world.idOf("traveller")])
      const { networks } = yield* tour("gaming", RegionFirst)
      yield* elapse(300)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("comes home from the region too", () =>
    Effect.gen(function*() {
      yield* resident("eve", "eu-west")
      const { networks } = yield* tour("gaming", RegionFirst)
      yield* elapse(30)
      yield* resident("bob", "gaming")
      yield* elapse(2)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west", "gaming"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes nowhere when strict", () =>
    Effect.gen(function*() {
      const { mesh, networks } = yield* tour("gaming", RegionFirst)
      yield* mesh.setAllowGlobalFallback(false)
      yield* elapse(120)
      assert.deepStrictEqual(networks(), ["gaming"])
    }).pipe(simulate, Effect.provide(world)))

  const region = NetworkName.make("eu-west")

  it.prop("never goes to a network that it is in, nor away when strict", [NetworkHealth], ([facts]) => {
    const { decide } = regionFirst(region)
    for (const networkName of [facts.originalNetworkName, region, global]) {
      const health = { ...facts, networkName }
      const verdict = decide(health)
      if (verdict._tag !== "FallBack") continue
      assert.isTrue(health.allowGlobalFallback)
      assert.notStrictEqual(verdict.to, networkName)
    }
  }, { arbitrary: { seed: 1, runs: 500 } })
})
