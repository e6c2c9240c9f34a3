import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Components from "../../src/domain/Components.ts"
import { peer } from "../support/simulation.ts"

const [left, right] = [peer(1), peer(2)]

/** So many members of each of two components, which report once a period, in turn; who is introduced, and when. */
const watch = (
  counts: readonly [number, number],
  periods: number,
  labelOf = (side: 0 | 1, _at: number) => [left, right][side] ?? left
) => {
  let seed = 1
  const components = Components.make<string>(() => (seed = (seed * 16807) % 2147483647) / 2147483647)
  const members = counts.flatMap((count, side) =>
    Array.from({ length: count }, (_, n) => ({ name: `${side}/${n}`, side: side === 0 ? 0 as const : 1 as const }))
  )
  const introduced: Array<{ readonly at: number; readonly pairs: ReadonlyArray<readonly [string, string]> }> = []
  for (let period = 0; period < periods; period++) {
    for (const [n, { name, side }] of members.entries()) {
      const at = Math.round((period + n / members.length) * Components.reportPeriod)
      const pairs = components.report(name, labelOf(side, at), at)
      if (pairs.length > 0) introduced.push({ at, pairs })
    }
  }
  return { components, introduced, members }
}

describe("the components of a network", () => {
  it("introduce members of each to the other's, once the split has lasted, and not too often", () => {
    const { introduced } = watch([10, 3], 6)
    assert.isAtLeast(introduced.length, 3)
    assert.isAtLeast(introduced[0]?.at ?? 0, Components.splitSettles)
    for (const [n, { at, pairs }] of introduced.entries()) {
      assert.isAtLeast(at - (introduced[n - 1]?.at ?? -Infinity), Components.introductionPause)
      assert.isAtMost(pairs.length, Components.pairs)
      assert.strictEqual(new Set(pairs.flat()).size, 2 * pairs.length)
      for (const [one, other] of pairs) assert.notStrictEqual(one[0], other[0])
    }
  })

  it("introduce nobody while all say the same, or while a name gives way to another", () => {
    assert.deepStrictEqual(watch([10, 10], 10, () => left).introduced, [])
    const swap = 3.5 * Components.reportPeriod
    assert.deepStrictEqual(watch([10, 10], 10, (_, at) => at < swap ? left : right).introduced, [])
  })

  it("do not count the word of one that fell silent", () => {
    const silentAfter = 2 * Components.reportPeriod
    const components = Components.make<string>(() => 0)
    const introduced: Array<number> = []
    for (let at = 0; at < 20 * Components.reportPeriod; at += Components.reportPeriod) {
      if (at <= silentAfter) components.report("silent", right, at)
      for (const name of ["a", "b", "c"]) if (components.report(name, left, at).length > 0) introduced.push(at)
    }
    assert.isAtMost(Math.max(...introduced), silentAfter + Components.reportLives)
    assert.strictEqual(components.size, 3)
  })

  const Step = Schema.Struct({
    member: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
    label: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
    act: Schema.Literals(["report", "report", "report", "leave"]),
    millis: Schema.Literals([0, 1000, 10_000, 40_000])
  })

  it.prop("never introduce one to itself, to one of its own, or to one that left", [
    Schema.Array(Step).check(Schema.isBetweenLength(20, 120))
  ], ([steps]) => {
    const components = Components.make<number>(() => 0.5)
    const said = new Map<number, number>()
    let [now, last] = [0, -Infinity]
    for (const { act, label, member, millis } of steps) {
      now += millis
      if (act === "leave") {
        said.delete(member)
        components.leave(member)
        continue
      }
      said.set(member, label)
      const pairs = components.report(member, peer(label), now)
      for (const [one, other] of pairs) {
        assert.isDefined(said.get(one))
        assert.isDefined(said.get(other))
        assert.notStrictEqual(said.get(one), said.get(other))
      }
      assert.isAtMost(pairs.length, Components.pairs)
      if (pairs.length > 0) {
        assert.isAtLeast(now - last, Components.introductionPause)
        last = now
      }
      assert.isAtMost(components.size, said.size)
    }
  }, { arbitrary: { seed: 3, runs: 300 } })
})
