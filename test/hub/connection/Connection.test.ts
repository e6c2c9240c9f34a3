import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { nextSlice, sliceBytes, workPerSlice } from "../../../src/hub/connection/Connection.ts"

const Work = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 * workPerSlice }))

describe("a slice", () => {
  it("grows while it makes little work, and shrinks when it makes much, between two bounds", () => {
    let size: number = sliceBytes.first
    for (let n = 0; n < 10; n++) size = nextSlice(size, 1)
    assert.strictEqual(size, sliceBytes.most)
    for (let n = 0; n < 10; n++) size = nextSlice(size, workPerSlice + 1)
    assert.strictEqual(size, sliceBytes.fewest)
  })

  it.prop("stays within its bounds", [Schema.Array(Work)], ([works]) => {
    let size: number = sliceBytes.first
    for (const work of works) {
      const next = nextSlice(size, work)
      assert.isTrue(work > workPerSlice ? next <= size : next >= size)
      assert.isAtLeast(next, sliceBytes.fewest)
      assert.isAtMost(next, sliceBytes.most)
      size = next
    }
  }, { arbitrary: { seed: 1 } })
})
