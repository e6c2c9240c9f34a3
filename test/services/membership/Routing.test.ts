import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PeerId, ringDistance } from "../../../src/domain/PeerId.ts"
import * as Ring from "../../../src/domain/Ring.ts"
import { best, isNearer } from "../../../src/services/membership/Routing.ts"

const make = (digits: string) => PeerId.make(digits.padEnd(40, "0"))
const via = (digits: string, ...links: ReadonlyArray<string>) => ({
  position: Ring.position(make(digits)),
  links: links.map((link) => Ring.position(make(link)))
})
const Via = Schema.Struct({ peer: PeerId, links: Schema.Array(PeerId).check(Schema.isMaxLength(5)) })

describe("best", () => {
  it("looks one hop ahead, and goes straight when it can", () => {
    const target = Ring.position(make("8"))
    const [near, far, at] = [via("7"), via("1", "81"), via("8")]
    assert.strictEqual(best(target, [near, far], [])?.via, far)
    assert.strictEqual(best(target, [via("1", "8"), at], [])?.via, at)
    assert.strictEqual(best(target, [at, via("1", "8")], [])?.via, at)
  })

  it("does not go where the message was, nor for the sake of one who had it", () => {
    const target = Ring.position(make("8"))
    const [near, far] = [via("7"), via("1", "81")]
    assert.strictEqual(best(target, [near, far], [make("1")])?.via, near)
    assert.strictEqual(best(target, [near, far], [make("81")])?.via, near)
    assert.isUndefined(best(target, [near, far], [make("1"), make("7")]))
  })

  it.effect.prop(
    "finds the least of all distances",
    { target: PeerId, vias: Schema.Array(Via).check(Schema.isMaxLength(8)), visited: Schema.Natural },
    ({ target, vias, visited: count }) =>
      Effect.sync(() => {
        const visited = vias.slice(0, count % 4).map(({ peer }) => peer)
        const neighbours = vias.map(({ links, peer }) => ({
          position: Ring.position(peer),
          links: links.map(Ring.position)
        }))
        const hop = best(Ring.position(target), neighbours, visited)
        const reachable = vias.flatMap(({ links, peer }) => visited.includes(peer) ? [] : [peer, ...links])
          .filter((peer) => !visited.includes(peer))
        if (hop === undefined) return assert.deepStrictEqual(reachable, [])
        const distance = ringDistance(hop.nearest.id, target)
        assert.isTrue(reachable.every((peer) => ringDistance(peer, target) >= distance))
        assert.isFalse(visited.includes(hop.via.position.id))
        assert.isFalse(isNearer(hop, Ring.position(target), hop.nearest))
      }),
    { arbitrary: { seed: 1, runs: 200 } }
  )
})
