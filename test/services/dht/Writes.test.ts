/** What is remembered of writes that were done. */
import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../../src/services/dht/Limits.ts"
import * as Writes from "../../../src/services/dht/Writes.ts"

describe("writes", () => {
  it("are known again in each of their tries, for a while, and up to a number", () => {
    const writes = Writes.make()
    writes.kept({ write: "w", version: 3 }, 0)
    assert.deepInclude(writes.of("w", 0), { attempt: 0, version: 3 })
    assert.deepInclude(writes.of("w/2", Limits.writeLives - 1), { version: 3 })
    assert.isUndefined(writes.of("w", Limits.writeLives))
    assert.isUndefined(writes.of("other", 0))
    for (let n = 0; n < Limits.maxWrites; n++) writes.kept({ write: `more-${n}`, version: 1 }, 1)
    assert.isUndefined(writes.of("w", 1))
    assert.isDefined(writes.of("more-0", 1))
  })

  it("are named by their tries, however long a name is", () => {
    assert.deepStrictEqual([Writes.again("w"), Writes.again("w/1")], ["w/1", "w/2"])
    const long = Writes.again("x".repeat(64))
    assert.isAtMost(long.length, 64)
    assert.strictEqual(Writes.nameOf(long), Writes.nameOf("x".repeat(64)))
  })

  it("are repeated unless it is the same record, or a further try", () => {
    const done = { attempt: 1, version: 5 }
    const of = (write: string, version: number) => Writes.isRepeated({ write, version }, done)
    assert.isTrue(of("w", 4))
    assert.isTrue(of("w/1", 6))
    assert.isFalse(of("w/1", 5))
    assert.isFalse(of("w/2", 7))
  })

  it("go on counting from the last try", () => {
    const writes = Writes.make()
    writes.kept({ write: "w/1", version: 5 }, 0)
    writes.kept({ write: "w", version: 3 }, 0)
    assert.deepInclude(writes.of("w", 0), { attempt: 1, version: 5 })
  })
})
