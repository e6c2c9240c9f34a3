import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { admit, reservedForOthers, ringNeighbours, toDial } from "../../../src/services/membership/choose.ts"
import { peer } from "../../support/simulation.ts"

const peers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => peer(from + n))
const self = peer(0)

describe("toDial", () => {
  it("links everyone in a network that fits", () => {
    const candidates = peers(1, 9)
    assert.sameMembers([...toDial({ self, candidates, linked: new Set(), minPeers: 4, maxPeers: 8 })], candidates)
  })

  it("links both neighbours on either side, and leaves room for those who dial", () => {
    const candidates = peers(1, 100)
    const chosen = toDial({ self, candidates, linked: new Set(), minPeers: 4, maxPeers: 8 })
    assert.includeMembers([...chosen], [...ringNeighbours(self, candidates)])
    assert.strictEqual(chosen.length, 8 - reservedForOthers)
  })

  it.prop(
    "never dials itself, a peer twice, a linked peer, or more than there is room for",
    [Schema.Array(PeerId).check(Schema.isMaxLength(40)), Schema.Natural, Schema.Literals([1, 4, 8])],
    ([candidates, taken, maxPeers]) => {
      const unique = Array.from(new Set(candidates)).filter((candidate) => candidate !== self)
      const linked = new Set(unique.slice(0, taken % 12))
      const chosen = toDial({ self, candidates: unique, linked, minPeers: 1, maxPeers })
      assert.strictEqual(new Set(chosen).size, chosen.length)
      assert.isFalse(chosen.some((choice) => linked.has(choice) || choice === self))
      assert.isAtMost(linked.size + chosen.length, Math.max(maxPeers, linked.size))
    },
    { arbitrary: { seed: 1 } }
  )
})

describe("admit", () => {
  const linked = new Set(peers(1, 9))

  it("lets anyone in while there is room", () => {
    assert.deepStrictEqual(admit(peer(50), { self, linked, maxPeers: 9 }), { _tag: "Admit" })
  })

  it("lets a ring neighbour take the place of somebody who is none, and refuses everyone else", () => {
    const all = peers(1, 60)
    const ring = ringNeighbours(self, all)
    const far = all.filter((candidate) => !ring.has(candidate))
    const full = new Set(far.slice(0, 8))
    for (const near of ring) {
      const admission = admit(near, { self, linked: full, maxPeers: 8 })
      assert.strictEqual(admission._tag, "AdmitInsteadOf")
      if (admission._tag === "AdmitInsteadOf") assert.isFalse(ring.has(admission.evicted))
    }
    const settled = new Set([...ring, ...far.slice(0, 4)])
    assert.deepStrictEqual(admit(far[10] ?? self, { self, linked: settled, maxPeers: 8 }), { _tag: "Refuse" })
  })
})
