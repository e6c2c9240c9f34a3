import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { byDistanceTo, PeerId, ringDistance } from "../../../src/domain/PeerId.ts"
import * as Circle from "../../../src/services/dht/Circle.ts"

const settings = { arbitrary: { seed: 2, runs: 500 } }

describe("Circle", () => {
  it.prop("orders by the exact distance", [PeerId, Schema.NonEmptyArray(PeerId)], ([target, peers]) => {
    const distances = (sorted: ReadonlyArray<PeerId>) => sorted.map((peer) => ringDistance(peer, target))
    const sorted = Circle.sorted(target, peers)
    assert.deepStrictEqual(distances(sorted), distances(peers.toSorted(byDistanceTo(target, ringDistance))))
    const nearest = Circle.nearestOf(target, peers)
    assert(nearest !== undefined)
    assert.strictEqual(ringDistance(nearest, target), distances(sorted)[0])
  }, settings)

  it("tells ids apart that share their first digits, also across zero", () => {
    const id = (digits: string) => PeerId.make(digits.padEnd(39, "0") + "0")
    const at = (last: string) => PeerId.make("0".repeat(39) + last)
    assert.isTrue(Circle.isNearer(at("0"), at("1"), at("2")))
    assert.isTrue(Circle.isNearer(at("0"), PeerId.make("f".repeat(40)), at("2")))
    assert.isFalse(Circle.isNearer(at("0"), id("8"), id("7")))
  })
})
