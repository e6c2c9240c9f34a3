import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Roster from "../../../src/hub/backplane/Roster.ts"
import { nth } from "../TestPeer.ts"

const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))
const Steps = Schema.Array(
  Schema.Struct({ put: Schema.Boolean, hub: Index, network: Index, peer: Index, capital: Schema.Boolean })
).check(Schema.isMaxLength(60))

describe("the hubs that hold a peer", () => {
  it.effect.prop(
    "are those that hold it in any network, whatever the case of its letters",
    { steps: Steps },
    ({ steps }) =>
      Effect.sync(() => {
        const roster = Roster.make()
        const held = new Set<string>()
        const hubOf = (index: number) => nth(9000 + index)
        for (const { capital, hub, network, peer, put } of steps) {
          const small = nth(0xabc0 + peer)
          const peerId = capital ? PeerId.make(small.toUpperCase()) : small
          const networkName = NetworkName.make(`n${network}`)
          const key = [small, hub, network, capital].join("/")
          if (put) {
            roster.put(hubOf(hub), networkName, peerId, {})
            held.add(key)
          } else assert.strictEqual(roster.drop(hubOf(hub), networkName, peerId), held.delete(key))
          for (const n of [0, 1, 2]) {
            const one = nth(0xabc0 + n)
            const hubs = [0, 1, 2].filter((hub) => Array.from(held).some((key) => key.startsWith(`${one}/${hub}/`)))
            assert.deepStrictEqual(roster.holders(one).toSorted(), hubs.map(hubOf))
            for (const than of [0, 1, 2]) {
              assert.strictEqual(roster.isHeldElsewhere(one, hubOf(than)), hubs.some((hub) => hub !== than))
            }
          }
        }
      }),
    { arbitrary: { seed: 3, runs: 200 } }
  )
})
