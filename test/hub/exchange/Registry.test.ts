import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import { ada, bob, nth, random } from "../TestPeer.ts"

const peer = (n: number): Peer => ({ peerId: nth(n), send: () => true })
const red = NetworkName.make("red")
const blue = NetworkName.make("blue")
const names = [red, blue, NetworkName.make("green")]

const Step = Schema.Struct({
  action: Schema.Literals(["join", "hide", "leave"]),
  peer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
  network: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))
})

describe("Registry", () => {
  it.prop("is always the set of memberships that were joined and not left", [Schema.Array(Step)], ([steps]) => {
    const registry = Registry.make({ networksPerPeer: 8, random })
    const peers = Array.from({ length: 6 }, (_, n) => peer(n))
    const model = new Map(names.map((name) => [name, new Set<Peer>()]))
    const hiders = new Map(names.map((name) => [name, new Set<Peer>()]))
    for (const step of steps) {
      const who = peers[step.peer]
      const where = names[step.network]
      if (who === undefined || where === undefined) continue
      const there = model.get(where)?.has(who)
      hiders.get(where)?.delete(who)
      if (step.action === "hide") hiders.get(where)?.add(who)
      if (step.action !== "leave") {
        assert.isTrue(registry.join(who, where, { discoverable: step.action === "join" }))
        model.get(where)?.add(who)
      } else {
        assert.strictEqual(registry.leave(who, where) !== undefined, there)
        model.get(where)?.delete(who)
      }
    }
    for (const [name, members] of model) {
      assert.sameMembers(registry.members(name).map((member) => member.peer), Array.from(members))
      assert.strictEqual(registry.members(name).length, members.size)
      for (const from of peers) {
        assert.strictEqual(registry.has(from, name), members.has(from))
        assert.strictEqual(registry.networksOf(from).includes(name), members.has(from))
        for (const to of peers) {
          const found = registry.route(from, name, to.peerId)
          assert.strictEqual(found, members.has(from) && members.has(to) ? to : undefined)
        }
      }
    }
    assert.sameDeepMembers(
      [...registry.outlines],
      Array.from(model, ([name, { size }]) => ({ name, present: size, hidden: hiders.get(name)?.size !== 0 }))
        .filter(({ present }) => present > 0)
    )
    assert.strictEqual(registry.networkCount, Array.from(model.values()).filter((members) => members.size > 0).length)
  }, { arbitrary: { seed: 1 } })

  it("forgets nothing of a newer peer when an older one with its id leaves", () => {
    const registry = Registry.make({ networksPerPeer: 8, random })
    const older: Peer = { peerId: ada, send: () => true }
    const newer: Peer = { peerId: ada, send: () => true }
    const other: Peer = { peerId: bob, send: () => true }
    registry.join(older, red, {})
    registry.join(newer, red, {})
    registry.join(other, red, {})
    assert.isUndefined(registry.leave(older, red))
    assert.strictEqual(registry.route(other, red, ada), newer)
    assert.isUndefined(registry.route(older, red, bob))
    assert.deepStrictEqual(registry.networksOf(older), [])
  })

  it("lets a peer into so many networks and no more", () => {
    const registry = Registry.make({ networksPerPeer: 1, random })
    const one = peer(1)
    assert.isTrue(registry.join(one, red, {}))
    assert.isFalse(registry.join(one, blue, {}))
    assert.isTrue(registry.join(one, red, { homing: 1 }))
    registry.leave(one, red)
    assert.isTrue(registry.join(one, blue, {}))
  })
})
