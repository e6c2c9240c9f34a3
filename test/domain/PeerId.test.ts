import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PeerId from "../../src/domain/PeerId.ts"

const id = PeerId.PeerId
const ring = 1n << 160n
const make = (digits: string) => id.make(digits.padStart(40, "0"))
const decode = Schema.decodeUnknownResult(id)

/** A property of values, checked with assertions. */
const check = (assertions: () => void) => Effect.sync(assertions)

describe("PeerId", () => {
  it.effect.prop(
    "takes 40 hexadecimal digits in either case, and leaves them as they are",
    { a: id },
    ({ a }) =>
      check(() => {
        for (const digits of [a, a.toUpperCase()]) assert.strictEqual(Result.getOrThrow(decode(digits)), digits)
      })
  )

  it("refuses anything else, and says what it wants", () => {
    const a = "a".repeat(40)
    for (
      const bad of ["", a.slice(1), `${a}a`, `${a}\n`, ` ${a.slice(1)}`, `g${a.slice(1)}`, `0x${a.slice(2)}`, 7, null]
    ) {
      const result = decode(bad)
      assert.isTrue(Result.isFailure(result), JSON.stringify(bad))
    }
    const result = decode("dove")
    assert.include(Result.isFailure(result) && result.failure.message, "a peer id of 40 hexadecimal digits")
  })

  it("is the start of a digest, in lower case", () => {
    const digest = Uint8Array.from({ length: 32 }, (_, index) => 255 - index)
    assert.strictEqual(PeerId.fromDigest(digest), "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedec")
    assert.strictEqual(PeerId.fromDigest(new Uint8Array(20)), "0".repeat(40))
    assert.throws(() => PeerId.fromDigest(new Uint8Array(19)))
  })

  it.effect.prop("lets exactly one of two peers offer", { a: id, b: id }, ({ a, b }) =>
    check(() => {
      if (a !== b) assert.notStrictEqual(PeerId.initiates(a, b), PeerId.initiates(b, a))
      assert.isFalse(PeerId.initiates(a, a))
    }))

  it.effect.prop("is the same peer in either case", { a: id, b: id }, ({ a, b }) =>
    check(() => {
      const upper = make(a.toUpperCase())
      assert.isTrue(PeerId.equals(a, upper))
      assert.strictEqual(PeerId.equals(a, b), a === b)
      assert.strictEqual(PeerId.xorDistance(a, upper), 0n)
    }))

  it.effect.prop("shows its first eight digits", { a: id }, ({ a }) =>
    check(() => {
      assert.strictEqual(PeerId.short(a).length, 8)
      assert.isTrue(a.startsWith(PeerId.short(a)))
    }))
})

describe("xorDistance", () => {
  it.effect.prop("is symmetric, and nothing only to oneself", { a: id, b: id }, ({ a, b }) =>
    check(() => {
      assert.strictEqual(PeerId.xorDistance(a, b), PeerId.xorDistance(b, a))
      assert.strictEqual(PeerId.xorDistance(a, b) === 0n, a === b)
      assert.isTrue(PeerId.xorDistance(a, b) >= 0n && PeerId.xorDistance(a, b) < ring)
    }))

  it.effect.prop(
    "obeys the triangle inequality",
    { a: id, b: id, c: id },
    ({ a, b, c }) =>
      check(() => assert.isTrue(PeerId.xorDistance(a, c) <= PeerId.xorDistance(a, b) + PeerId.xorDistance(b, c)))
  )

  it.effect.prop(
    "is unidirectional: one peer at each distance",
    { a: id, b: id, c: id },
    ({ a, b, c }) => check(() => assert.strictEqual(PeerId.xorDistance(a, b) === PeerId.xorDistance(a, c), b === c))
  )

  it("counts all 160 bits", () => {
    assert.strictEqual(PeerId.xorDistance(make("0"), make("f".repeat(40))), ring - 1n)
    assert.strictEqual(PeerId.xorDistance(make("10"), make("01")), 17n)
  })
})

describe("byClockwiseOrderFrom", () => {
  it.effect.prop(
    "orders as clockwiseDistance does, whatever the letters' case",
    { self: id, a: id, b: id, upper: Schema.Boolean },
    ({ a, b, self, upper }) =>
      check(() => {
        const order = PeerId.byClockwiseOrderFrom(self)
        const [first, second] = [PeerId.clockwiseDistance(self, a), PeerId.clockwiseDistance(self, b)]
        const written = upper ? PeerId.PeerId.make(a.toUpperCase()) : a
        assert.strictEqual(order(written, b), first < second ? -1 : first > second ? 1 : 0)
      })
  )
})

describe("ringDistance", () => {
  it.effect.prop(
    "is symmetric, at most half the ring, and the shorter way",
    { a: id, b: id },
    ({ a, b }) =>
      check(() => {
        const distance = PeerId.ringDistance(a, b)
        const [there, back] = [PeerId.clockwiseDistance(a, b), PeerId.clockwiseDistance(b, a)]
        assert.strictEqual(distance, PeerId.ringDistance(b, a))
        assert.isTrue(distance >= 0n && distance <= ring / 2n)
        assert.strictEqual(distance, there < back ? there : back)
        assert.strictEqual(distance === 0n, a === b)
        assert.strictEqual(there + back, a === b ? 0n : ring)
      })
  )

  it.effect.prop(
    "obeys the triangle inequality",
    { a: id, b: id, c: id },
    ({ a, b, c }) =>
      check(() => assert.isTrue(PeerId.ringDistance(a, c) <= PeerId.ringDistance(a, b) + PeerId.ringDistance(b, c)))
  )

  it("goes through zero", () => {
    assert.strictEqual(PeerId.ringDistance(make("1"), make("f".repeat(40))), 2n)
    assert.strictEqual(PeerId.clockwiseDistance(make("1"), make("f".repeat(40))), ring - 2n)
    assert.strictEqual(PeerId.ringDistance(make("0"), make(`8${"0".repeat(39)}`)), ring / 2n)
  })
})

describe("commonPrefixLength", () => {
  it.effect.prop("counts the bits before the first that differs", { a: id, b: id }, ({ a, b }) =>
    check(() => {
      const bits = (peer: PeerId.PeerId) => BigInt(`0x${peer}`).toString(2).padStart(160, "0")
      const [left, right] = [bits(a), bits(b)]
      let length = 0
      while (length < 160 && left[length] === right[length]) length++
      assert.strictEqual(PeerId.commonPrefixLength(a, b), length)
      assert.strictEqual(PeerId.commonPrefixLength(b, a), length)
      assert.strictEqual(PeerId.commonPrefixLength(a, a), 160)
    }))

  it.effect.prop("is longer for who is nearer by XOR", { a: id, b: id, c: id }, ({ a, b, c }) =>
    check(() => {
      if (PeerId.commonPrefixLength(a, b) > PeerId.commonPrefixLength(a, c)) {
        assert.isTrue(PeerId.xorDistance(a, b) < PeerId.xorDistance(a, c))
      }
    }))

  it("ends at each bit", () => {
    for (let bit = 0; bit < 160; bit++) {
      assert.strictEqual(PeerId.commonPrefixLength(make("0"), make((1n << BigInt(bit)).toString(16))), 159 - bit)
    }
  })
})

describe("byDistanceTo", () => {
  for (const distance of [PeerId.xorDistance, PeerId.ringDistance]) {
    it.effect.prop(
      "puts the nearest first",
      { target: id, peers: Schema.Array(id) },
      ({ peers, target }) =>
        check(() => {
          const sorted = peers.toSorted(PeerId.byDistanceTo(target, distance))
          assert.deepStrictEqual(sorted.toSorted(), peers.toSorted())
          const distances = sorted.map((peer) => distance(peer, target))
          for (const [index, value] of distances.entries()) {
            if (index > 0) assert.isTrue(value >= (distances[index - 1] ?? value))
          }
        })
    )
  }
})
