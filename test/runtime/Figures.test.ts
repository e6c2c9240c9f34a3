/**
 * What a hundred meshes reach together: a fixed part of the table of goals, which `bench/mesh.ts` has whole. Each seed is a
 * network of its own, and the goals are for all of them together, or for the worst.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { World } from "../../src/testing/World.ts"
import * as Measures from "../support/overlay/Measures.ts"
import { graph, grow } from "../support/town.ts"
import { broadcasts } from "../support/town/broadcasts.ts"
import { messages } from "../support/town/messages.ts"
import { getMany, putAll } from "../support/town/table.ts"
import * as Wire from "../support/town/Wire.ts"

const size = 100
const seeds = Array.from({ length: 20 }, (_, n) => n + 1)

/** Of all seeds so far. */
const sums: Record<"sent" | "gets" | "together", Array<number>> = {
  sent: [],
  gets: [],
  together: []
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The share of the survivors in the largest part when 30 % are gone. */
const survivors = Effect.fnUntraced(function*(edges: ReadonlyArray<ReadonlyArray<number>>) {
  const order = Array.from(yield* Random.shuffle(Array.from(edges.keys())))
  const left = new Map(order.slice(Math.round(0.3 * size)).map((at, to) => [at, to]))
  const rest = Array.from(left.keys(), (at) => (edges[at] ?? []).flatMap((other) => left.get(other) ?? []))
  return (Measures.components(rest)[0] ?? 0) / left.size
})

describe("a hundred peers", () => {
  for (const seed of seeds) {
    it.effect(
      `are one network that carries broadcasts, messages and values (seed ${seed})`,
      () =>
        Effect.gen(function*() {
          const world = yield* World
          const wire = Wire.make()
          const citizens = yield* grow(size, 50, { spoil: wire.spoil })
          // Ten seconds pass, in which the tree makes itself.
          yield* world.elapse("3 seconds")
          yield* broadcasts(citizens, { count: 10, name: "warm-up", wire, within: 0.7 })
          const edges = yield* graph(citizens)
          // Row 1.
          assert.deepStrictEqual(Measures.components(edges), [size])
          // Row 2: while links still change hands there may be two more.
          assert.isAtMost(Math.max(...edges.map((links) => links.length)), 10)
          // Row 3.
          const paths = Measures.paths(edges)
          assert.isAtMost(paths.diameter, 5)
          assert.isAtMost(paths.average, 3)
          // Row 7.
          for (let n = 0; n < 10; n++) sums.together.push(yield* survivors(edges))
          // Row 4. Row 5 asks for a network whose links stand, and is measured by the bench.
          const spreads = yield* broadcasts(citizens, { count: 2, name: "broadcast", wire, within: 1.5 })
          for (const { reach } of spreads) assert.strictEqual(reach, 1)
          // Row 18.
          const sent = yield* messages(citizens, { count: 30, name: "message", atOnce: 30 })
          for (const { confirmed, times } of sent) {
            assert.isAtMost(times, 1)
            sums.sent.push(confirmed && times === 1 ? 1 : 0)
          }
          const hops = Measures.quantile(sent.flatMap(({ hops }) => Number.isNaN(hops) ? [] : [hops]), 0.99)
          assert.isAtMost(hops, Math.log2(size) + 2)
          // Row 10.
          const keys = { name: "key", count: 3 }
          yield* putAll(citizens, keys, wire)
          const gets = yield* getMany(citizens, keys, { count: 30, wire, atOnce: 30 })
          for (const { right } of gets) sums.gets.push(right ? 1 : 0)
        }).pipe(Effect.scoped, Effect.provide(World.layer({ seed, traceLimit: 0 }))),
      { timeout: 600_000 }
    )
  }

  afterAll(() => {
    assert.isAtLeast(mean(sums.sent), 0.999)
    assert.isAtLeast(mean(sums.gets), 0.999)
    assert.isAtLeast(mean(sums.together), 0.999)
  })
})
