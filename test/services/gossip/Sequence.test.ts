import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Sequence from "../../../src/services/gossip/Sequence.ts"

describe("Sequence", () => {
  it.prop("delivers in order whatever the order of arrival", [Schema.Array(Schema.Finite)], ([keys]) => {
    const sequence = Sequence.make<number>()
    const arrivals = keys.map((key, n) => ({ key, n })).toSorted((a, b) => a.key - b.key)
    const delivered = arrivals.flatMap(({ n }) => sequence.offer("ada", n, n, 0))
    assert.deepStrictEqual(delivered, keys.map((_, n) => n))
    assert.isFalse(sequence.waits())
  }, { arbitrary: { seed: 5, runs: 200 } })

  it("leaves a gap after a while, and what fills it later", () => {
    const sequence = Sequence.make<number>()
    assert.deepStrictEqual(sequence.offer("ada", 0, 0, 0), [0])
    assert.deepStrictEqual(sequence.offer("ada", 2, 2, 10), [])
    assert.deepStrictEqual(sequence.expire(Sequence.patience), [])
    assert.deepStrictEqual(sequence.expire(10 + Sequence.patience), [2])
    assert.deepStrictEqual(sequence.offer("ada", 1, 1, 6000), [])
    assert.deepStrictEqual(sequence.offer("ada", 3, 3, 6000), [3])
  })

  it("begins in the middle for those who come late, after waiting for what is on its way", () => {
    const sequence = Sequence.make<number>()
    assert.deepStrictEqual(sequence.offer("ada", 8, 8, 0), [])
    assert.deepStrictEqual(sequence.offer("ada", 7, 7, 1), [])
    assert.deepStrictEqual(sequence.expire(Sequence.patience), [7, 8])
    assert.deepStrictEqual(sequence.offer("ada", 9, 9, 6000), [9])
  })

  it("holds no more than its capacity, and forgets the series that are oldest", () => {
    const sequence = Sequence.make<number>()
    sequence.offer("ada", 0, 0, 0)
    const delivered = Array.from({ length: Sequence.capacity + 1 }, (_, n) => sequence.offer("ada", n + 2, n + 2, 0))
    assert.lengthOf(delivered.flat(), Sequence.capacity + 1)
    for (let n = 0; n <= Sequence.maxSeries; n++) sequence.offer(`peer ${n}`, 0, 0, 0)
    assert.deepStrictEqual(sequence.offer("ada", 500, 500, 0), [])
  })
})
