import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { byDistanceTo, clockwiseDistance, PeerId, xorDistance } from "../../../src/domain/PeerId.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import { introductions, Network } from "../../../src/hub/exchange/Network.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import * as Limits from "../../../src/hub/Limits.ts"
import { generator } from "../TestPeer.ts"

const red = NetworkName.make("red")

/** An id that is drawn, not counted. */
const drawn = (random: () => number): PeerId =>
  PeerId.make(Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16)).join(""))

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
/** Ids that crowd together share digits; a tail of few letters makes them. */
const Crowding = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 39 }))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 22, maximum: 80 }))

const crowd = (size: number, crowding: number, random: () => number): ReadonlyArray<PeerId> =>
  Array.from(
    new Set(Array.from({ length: size }, () => PeerId.make("a".repeat(crowding) + drawn(random).slice(crowding))))
  )

describe("choose", () => {
  it.prop(
    "takes the nearest on either side of the ring, then the nearest by XOR, then any",
    [Seed, Size, Crowding],
    ([seed, size, crowding]) => {
      const random = generator(seed)
      const network = new Network(Limits.acquaintances)
      const ids = crowd(size, crowding, random)
      const seats = ids.map((peerId) => network.put({ peer: { peerId, send: () => true }, facts: {} }))
      const quota = introductions(20)
      for (const [index, seat] of seats.entries()) {
        const self = ids[index]
        if (self === undefined || ids.length <= quota.total + 1) return
        const chosen = Array.from(network.choose(seat, quota, random), ({ member }) => member.peer.peerId)
        assert.strictEqual(chosen.length, quota.total)
        assert.strictEqual(new Set(chosen).size, quota.total)
        const others = ids.filter((id) => id !== self)
        const up = others.toSorted(byDistanceTo(self, (id) => clockwiseDistance(self, id)))
        const ring = new Set([...up.slice(0, quota.perSide), ...up.slice(-quota.perSide)])
        const near = others.filter((id) => !ring.has(id)).toSorted(byDistanceTo(self, xorDistance)).slice(
          0,
          quota.byXor
        )
        for (const id of [...ring, ...near]) assert.include(chosen, id)
      }
    },
    { arbitrary: { seed: 1, runs: 60 } }
  )

  it("takes everybody while there are few", () => {
    const random = generator(3)
    const network = new Network(Limits.acquaintances)
    const [seat] = crowd(21, 0, random).map((peerId) => network.put({ peer: { peerId, send: () => true }, facts: {} }))
    if (seat === undefined) return assert.fail()
    assert.strictEqual(network.choose(seat, introductions(20), random).size, 20)
  })

  it("takes others when asked again", () => {
    const random = generator(4)
    const network = new Network(Limits.acquaintances)
    const [seat] = crowd(500, 0, random).map((peerId) => network.put({ peer: { peerId, send: () => true }, facts: {} }))
    if (seat === undefined) return assert.fail()
    const met = new Set(Array.from({ length: 40 }, () => [...network.choose(seat, introductions(20), random)]).flat())
    assert.isAbove(met.size, 150)
  })
})

const World = Schema.Array(Schema.Struct({
  leaves: Schema.Boolean,
  who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 59 }))
}))

describe("acquaintances", () => {
  it.prop(
    "are those that were introduced, in both directions, and are present",
    [World],
    ([steps]) => {
      const random = generator(5)
      const registry = Registry.make({ introductions: 3, random })
      const peers = crowd(60, 0, random).map((peerId): Peer => ({ peerId, send: () => true }))
      const met = new Map<Peer, Set<Peer>>()
      for (const { leaves, who } of steps) {
        const peer = peers[who]
        if (peer === undefined) continue
        if (!leaves) {
          registry.join(peer, red, {})
          const own = met.get(peer) ?? new Set()
          met.set(peer, own)
          for (const other of registry.introduce(peer, red)) {
            own.add(other.peer)
            met.get(other.peer)?.add(peer)
          }
        } else {
          const departure = registry.leave(peer, red)
          assert.sameMembers([...departure?.acquaintances ?? []], Array.from(met.get(peer) ?? []))
          met.delete(peer)
          for (const others of met.values()) others.delete(peer)
        }
      }
    },
    { arbitrary: { seed: 2, runs: 100 } }
  )

  it("are bounded: who was met first is forgotten first, by both", () => {
    const random = generator(6)
    const registry = Registry.make({ random })
    const peers = crowd(Limits.acquaintances + 10, 0, random).map((peerId): Peer => ({
      peerId,
      send: () => true
    }))
    const [self, ...others] = peers
    if (self === undefined) return assert.fail()
    for (const peer of peers) registry.join(peer, red, {})
    for (const other of others) registry.acquaint(self, red, other)
    const [first] = others
    if (first === undefined) return assert.fail()
    assert.deepStrictEqual(registry.leave(first, red)?.acquaintances, [])
    assert.deepStrictEqual(registry.leave(self, red)?.acquaintances, others.slice(-Limits.acquaintances))
  })
})
