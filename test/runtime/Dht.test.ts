/** The hash table among real meshes, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { elapse, mesh, simulate, world } from "../support/simulation.ts"

/** Meshes 1 to `count` in one network, linked. */
const meshes = Effect.fnUntraced(function*(count: number) {
  const all = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n + 1), (n) => mesh(n))
  yield* Effect.forEach(all, (one) => one.join, { concurrency: "unbounded" })
  yield* elapse(5)
  return all
})

describe("the hash table", () => {
  for (const count of [2, 3, 9]) {
    it.effect(`finds at each of ${count} peers what another has put`, () =>
      Effect.gen(function*() {
        const all = yield* meshes(count)
        for (const [at, one] of all.entries()) {
          const stored = yield* one.dht.put(`key-${at}`, { at })
          assert.deepStrictEqual([stored.version, stored.holders], [1, count])
        }
        for (const one of all) {
          for (const at of all.keys()) {
            const record = Option.getOrThrow(yield* one.dht.get(`key-${at}`))
            assert.deepStrictEqual([record.value, record.version, record.writer], [{ at }, 1, all[at]?.peerId])
          }
        }
      }).pipe(simulate, Effect.provide(world)))
  }
})
