import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import * as Watches from "../../../src/hub/exchange/Watches.ts"
import { nth, random } from "../TestPeer.ts"

const names = ["red", "blue"].map((name) => NetworkName.make(name))

const Step = Schema.Struct({
  action: Schema.Literals(["watch", "wait", "unwatch", "join", "leave", "lose"]),
  peer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  network: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
})

describe("Watches", () => {
  it.prop("count who wants to go and is not there, whatever came before", [Schema.Array(Step)], ([steps]) => {
    const registry = Registry.make({ networksPerPeer: 8, random })
    const watches = Watches.make({ isMember: registry.has, networksPerPeer: 8 })
    const peers = Array.from({ length: 4 }, (_, n): Peer => ({ peerId: nth(n), send: () => true }))
    const model = new Map(names.map((name) => [name, new Map<Peer, boolean>()]))
    const forget = (who: Peer, where: NetworkName) => {
      watches.remove(who, where)
      model.get(where)?.delete(who)
    }
    for (const step of steps) {
      const who = peers[step.peer]
      const where = names[step.network]
      if (who === undefined || where === undefined) continue
      switch (step.action) {
        case "watch":
        case "wait":
          assert.isDefined(watches.add(who, where, step.action === "wait"))
          model.get(where)?.set(who, step.action === "wait")
          break
        case "unwatch":
          forget(who, where)
          break
        case "join":
          registry.join(who, where, {})
          watches.moved(who, where)
          break
        case "leave":
          registry.leave(who, where)
          watches.moved(who, where)
          break
        case "lose":
          for (const name of watches.networksOf(who)) forget(who, name)
          assert.deepStrictEqual(watches.networksOf(who), [])
          break
      }
    }
    for (const [name, watchers] of model) {
      assert.deepStrictEqual(new Set(Array.from(watches.of(name), ({ peer }) => peer)), new Set(watchers.keys()))
      assert.strictEqual(watches.has(name), watchers.size > 0)
      const waiting = Array.from(watchers).filter(([peer, wants]) => wants && !registry.has(peer, name)).length
      assert.strictEqual(watches.waiting(name), waiting)
    }
  }, { arbitrary: { seed: 1 } })

  it("are bounded by peer, and changing one's mind is always possible", () => {
    const watches = Watches.make({ isMember: () => false, networksPerPeer: 1 })
    const [red, blue] = [NetworkName.make("red"), NetworkName.make("blue")]
    const one: Peer = { peerId: nth(1), send: () => true }
    const other: Peer = { peerId: nth(2), send: () => true }
    assert.isDefined(watches.add(one, red, false))
    assert.isUndefined(watches.add(one, blue, true))
    assert.strictEqual(watches.waiting(blue), 0)
    assert.isDefined(watches.add(one, red, true))
    assert.strictEqual(watches.waiting(red), 1)
    assert.isDefined(watches.add(other, blue, false))
  })
})
