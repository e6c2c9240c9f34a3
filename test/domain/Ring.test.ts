import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PeerId from "../../src/domain/PeerId.ts"
import * as Ring from "../../src/domain/Ring.ts"

const id = PeerId.PeerId
const half = 1n << 159n
const make = (digits: string) => id.make(digits.padStart(40, "0"))
const position = (digits: string) => Ring.position(make(digits))
const sign = (difference: bigint | number) => (difference < 0 ? -1 : difference > 0 ? 1 : 0)

/** Ids that share their first digits more often than not, so that all 160 bits matter. */
const Near = Schema.Tuple([
  Schema.Literals(["", "8", "0000000000000", "ffffffffffffffff", "7fffffffffffff", "8000000000000"]),
  id
]).pipe(Schema.toType)
const near = ([prefix, peer]: typeof Near.Type) => id.make((prefix + peer).slice(0, 40))

const check = (assertions: () => void) => Effect.sync(assertions)
const arbitrary = { arbitrary: { seed: 1, runs: 500 } }

describe("compareClockwise", () => {
  it.effect.prop("orders by the exact way up", { a: Near, b: Near, c: Near }, ({ a, b, c }) =>
    check(() => {
      const [from, one, other] = [near(a), near(b), near(c)]
      assert.strictEqual(
        sign(Ring.compareClockwise(Ring.position(from), Ring.position(one), Ring.position(other))),
        sign(PeerId.clockwiseDistance(from, one) - PeerId.clockwiseDistance(from, other))
      )
    }), arbitrary)
})

describe("compareDistance", () => {
  it.effect.prop("orders by the exact distance", { a: Near, b: Near, c: Near }, ({ a, b, c }) =>
    check(() => {
      const [target, one, other] = [near(a), near(b), near(c)]
      assert.strictEqual(
        sign(Ring.compareDistance(Ring.position(target), Ring.position(one), Ring.position(other))),
        sign(PeerId.ringDistance(one, target) - PeerId.ringDistance(other, target))
      )
    }), arbitrary)

  it("sees the last bit, and the shorter way over zero", () => {
    const ones = position("f".repeat(40))
    assert.isBelow(Ring.compareDistance(position("0"), position("1"), position("2")), 0)
    assert.isBelow(Ring.compareDistance(position("0"), ones, position("2")), 0)
    assert.strictEqual(Ring.compareDistance(position("0"), ones, position("1")), 0)
  })
})

describe("sideOf", () => {
  it.effect.prop("is the side of the shorter way", { a: Near, b: Near }, ({ a, b }) =>
    check(() => {
      const [self, other] = [near(a), near(b)]
      const isUp = PeerId.clockwiseDistance(self, other) <= half
      assert.strictEqual(Ring.sideOf(Ring.position(self), Ring.position(other)), isUp ? "clockwise" : "counter")
    }), arbitrary)
})

describe("isBetween", () => {
  it.effect.prop(
    "splits the ring in two arcs, without their ends",
    { a: Near, b: Near, c: Near },
    ({ a, b, c }) =>
      check(() => {
        const [from, it, to] = [near(a), near(b), near(c)].map(Ring.position)
        if (from === undefined || it === undefined || to === undefined) return
        const isEnd = Ring.isSame(it, from) || Ring.isSame(it, to)
        const arcs = [Ring.isBetween(it, from, to), Ring.isBetween(it, to, from)]
        if (isEnd) assert.isFalse(arcs.some(Boolean) && !Ring.isSame(from, to))
        else if (Ring.isSame(from, to)) assert.deepStrictEqual(arcs, [true, true])
        else assert.strictEqual(arcs.filter(Boolean).length, 1)
      }),
    arbitrary
  )
})

describe("isSame", () => {
  it.effect.prop("does not mind the case of letters", { a: Near, b: Near }, ({ a, b }) =>
    check(() => {
      const upper = id.make(near(a).toUpperCase())
      assert.isTrue(Ring.isSame(Ring.position(near(a)), Ring.position(upper)))
      assert.strictEqual(Ring.isSame(Ring.position(near(a)), Ring.position(near(b))), near(a) === near(b))
    }), arbitrary)
})

describe("estimateSize", () => {
  const spread = (size: number) =>
    Array.from(
      { length: size },
      (_, n) => Ring.position(make((BigInt(n) * ((1n << 160n) / BigInt(size))).toString(16)))
    )

  it("is exact when everybody is known", () => {
    for (const size of [2, 3, 9, 16]) {
      const [self, ...others] = spread(size)
      if (self === undefined) return
      assert.strictEqual(Ring.estimateSize(self, others.slice(0, 8), others.toReversed().slice(0, 8)), size)
    }
    assert.strictEqual(Ring.estimateSize(position("7"), [], []), 1)
  })

  it("is near when peers sit evenly", () => {
    for (const size of [100, 1000, 10_000]) {
      const [self, ...others] = spread(size)
      if (self === undefined) return
      const estimate = Ring.estimateSize(self, others.slice(0, 8), others.toReversed().slice(0, 8))
      assert.isAtLeast(estimate, size * 0.99)
      assert.isAtMost(estimate, size * 1.01)
    }
  })
})

describe("harmonicPoint", () => {
  const Unit = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.999 }))
  const Size = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 100_000 }))

  it.effect.prop(
    "is as far as was drawn, on the side that was asked for",
    { a: id, u: Unit, size: Size },
    ({ a, size, u }) =>
      check(() => {
        for (const side of ["clockwise", "counter"] as const) {
          const point = Ring.harmonicPoint(Ring.position(a), size, u, side)
          const way = side === "clockwise" ? PeerId.clockwiseDistance(a, point) : PeerId.clockwiseDistance(point, a)
          const fraction = Number(way) / Number(half)
          assert.isAtMost(Math.abs(fraction / size ** (u - 1) - 1), 1e-6)
        }
      }),
    arbitrary
  )
})
