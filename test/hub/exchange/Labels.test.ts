/** Heartbeats that name a component, and the introductions that follow when there are two. */
import { assert, describe, it } from "@effect/vitest"
import * as Components from "../../../src/domain/Components.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Labels from "../../../src/hub/exchange/Labels.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import { ada, bob, cyd } from "../TestPeer.ts"

const [red, blue] = [NetworkName.make("red"), NetworkName.make("blue")]
const peer = (peerId: Peer["peerId"]): Peer => ({ peerId, send: () => true })

describe("labels", () => {
  it("bring two components of one network together, and none of two networks", () => {
    let now = 0
    const labels = Labels.make({ now: () => now, random: () => 0 })
    const [one, other, third] = [peer(ada), peer(bob), peer(cyd)]
    const met: Array<readonly [Peer, Peer]> = []
    for (; now < 60_000; now += Components.reportPeriod) {
      met.push(...labels.heard(one, red, { label: ada }))
      met.push(...labels.heard(other, red, { label: bob }))
      assert.deepStrictEqual(labels.heard(third, blue, { label: cyd }), [])
    }
    assert.isAtLeast(met.length, 1)
    for (const pair of met) assert.sameMembers(pair.map(({ peerId }) => peerId), [ada, bob])
    labels.left(other, red)
    assert.deepStrictEqual(labels.heard(one, red, { label: ada }), [])
  })

  it("take nothing but the name of a component", () => {
    const labels = Labels.make({ now: () => 0, random: () => 0 })
    for (const data of [undefined, null, 7, { label: "x" }, { timestamp: 1 }]) {
      assert.deepStrictEqual(labels.heard(peer(ada), red, data), [])
    }
  })
})
