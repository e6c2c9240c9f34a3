import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { clockwiseDistance, PeerId, ringDistance } from "../../../src/domain/PeerId.ts"
import * as Ring from "../../../src/domain/Ring.ts"
import * as Neighbourhood from "../../../src/services/membership/Neighbourhood.ts"
import * as Rules from "../../../src/services/membership/Rules.ts"
import { peer } from "../../support/simulation.ts"

const self = peer(0)
const Peers = Schema.Array(PeerId).check(Schema.isMaxLength(60))
const ids = (known: ReadonlyArray<Neighbourhood.Known>) => known.map(({ position }) => position.id)
const arbitrary = { arbitrary: { seed: 1, runs: 100 } }

describe("Neighbourhood", () => {
  it.effect.prop(
    "has the nearest alive on each side as leaves",
    { peers: Peers, gone: Peers },
    ({ gone, peers }) =>
      Effect.sync(() => {
        const known = Neighbourhood.make(self)
        for (const one of [...peers, ...gone, self]) known.hear(one, 0)
        for (const one of gone) known.lose(one, 1)
        const alive = Array.from(new Set(peers)).filter((one) => one !== self && !gone.includes(one))
          .toSorted((a, b) => clockwiseDistance(self, a) < clockwiseDistance(self, b) ? -1 : 1)
        const { clockwise, counter } = known.leaves(2)
        assert.deepStrictEqual(ids(clockwise), alive.slice(0, 8))
        assert.deepStrictEqual(ids(counter), alive.toReversed().slice(0, 8))
        assert.strictEqual(known.countAlive(2, 1000), alive.length)
      }),
    arbitrary
  )

  it.effect.prop(
    "finds the nearest to any place",
    { peers: Peers, target: PeerId },
    ({ peers, target }) =>
      Effect.sync(() => {
        const known = Neighbourhood.make(self)
        for (const one of peers) known.hear(one, 0)
        const found = new Set(ids(known.nearest(Ring.position(target), 1)))
        const nearest = Array.from(new Set(peers)).filter((one) => one !== self)
          .toSorted((a, b) => ringDistance(a, target) < ringDistance(b, target) ? -1 : 1)
        for (const one of nearest.slice(0, 8)) assert.isTrue(found.has(one))
      }),
    arbitrary
  )

  it("lets newer word override older, of life and of death", () => {
    const known = Neighbourhood.make(self)
    const one = known.hear(peer(1), 1000)
    if (one === undefined) return assert.fail()
    assert.isTrue(known.isAlive(one, 1000))
    assert.isFalse(known.lose(peer(1), 900))
    assert.isTrue(known.isAlive(one, 1000))
    assert.isTrue(known.lose(peer(1), 1100))
    assert.isFalse(known.isAlive(one, 1200))
    known.hear(peer(1), 1050)
    assert.isFalse(known.isAlive(one, 1200))
    known.hear(peer(1), 1150)
    assert.isTrue(known.isAlive(one, 1200))
    assert.isFalse(known.isAlive(one, 1150 + Rules.wordLives))
  })

  it("is bounded, and keeps leaves, links and what it is told to keep", () => {
    const known = Neighbourhood.make(self)
    for (let n = 1; n <= 2000; n++) {
      const one = known.hear(peer(n), n)
      if (one !== undefined) one.linked = n === 3
      known.prune(n, ({ position }) => position.id === peer(5))
      assert.isAtMost(known.around.length, Rules.maxKnown + 32)
    }
    assert.isDefined(known.get(peer(3)))
    assert.isDefined(known.get(peer(5)))
    assert.isUndefined(known.get(peer(7)))
    const order = known.around.map(({ position }) => position.id)
    assert.deepStrictEqual(
      order,
      order.toSorted((a, b) => clockwiseDistance(self, a) < clockwiseDistance(self, b) ? -1 : 1)
    )
  })

  it("never knows itself", () => {
    const known = Neighbourhood.make(self)
    assert.isUndefined(known.hear(self, 0))
    assert.isUndefined(known.hear(PeerId.make(self.toUpperCase()), 0))
  })
})
