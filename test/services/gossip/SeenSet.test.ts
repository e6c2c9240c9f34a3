import { assert, describe, it } from "@effect/vitest"
import * as SeenSet from "../../../src/services/gossip/SeenSet.ts"

describe("SeenSet", () => {
  it("knows what it has seen", () => {
    const seen = SeenSet.make(10, 1000)
    assert.isTrue(seen.add("a", 0))
    assert.isFalse(seen.add("a", 999))
  })

  it("forgets what is older than its window", () => {
    const seen = SeenSet.make(10, 1000)
    seen.add("a", 0)
    assert.isTrue(seen.add("a", 1000))
  })

  it("holds no more than its capacity, and forgets the oldest first", () => {
    const seen = SeenSet.make(3, 1000)
    for (const id of ["a", "b", "c", "d"]) seen.add(id, 0)
    assert.strictEqual(seen.size(), 3)
    assert.isFalse(seen.add("c", 0))
    assert.isTrue(seen.add("a", 0))
  })
})
