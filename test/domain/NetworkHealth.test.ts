import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { decide, defaultSettings, graceAfter, NetworkHealth } from "../../src/domain/NetworkHealth.ts"
import { global, NetworkName } from "../../src/domain/NetworkName.ts"

const gaming = NetworkName.make("gaming")

/** Alone at home for a minute, with a hub that knows of nobody. */
const lonely: NetworkHealth = {
  at: 1_000_000,
  networkName: gaming,
  originalNetworkName: gaming,
  allowGlobalFallback: true,
  openLinks: 0,
  linksUnderWay: 0,
  candidates: 0,
  hubReachable: true,
  othersAtHome: 0,
  othersWaiting: 0,
  aloneForMillis: 60_000,
  sinceSwitchMillis: 60_000,
  failedReturns: 0
}
const away: NetworkHealth = { ...lonely, networkName: global }

describe("the default verdict", () => {
  const verdicts: ReadonlyArray<readonly [string, NetworkHealth, string]> = [
    ["falls back when alone", lonely, "FallBack"],
    ["stays for the grace period", { ...lonely, aloneForMillis: 9_999 }, "Stay"],
    ["stays longer after a return that failed", { ...lonely, aloneForMillis: 19_999, failedReturns: 1 }, "Stay"],
    ["stays while the hub is away", { ...lonely, hubReachable: false }, "Stay"],
    ["stays while somebody is there", { ...lonely, othersAtHome: 1 }, "Stay"],
    ["stays while a link is under way", { ...lonely, linksUnderWay: 1 }, "Stay"],
    ["stays when strict", { ...lonely, allowGlobalFallback: false }, "Stay"],
    ["stays when home is global", { ...lonely, networkName: global, originalNetworkName: global }, "Stay"],
    ["stays away while nobody is at home", away, "Stay"],
    ["goes home to somebody who is there", { ...away, othersAtHome: 1 }, "GoHome"],
    ["goes home with somebody who waits too", { ...away, othersWaiting: 1 }, "GoHome"],
    [
      "goes home when it becomes strict, hub or not",
      { ...away, allowGlobalFallback: false, hubReachable: false },
      "GoHome"
    ],
    ["stays away while no hub can tell", { ...away, othersAtHome: 1, hubReachable: false }, "Stay"]
  ]
  for (const [name, health, verdict] of verdicts) {
    it(name, () => assert.strictEqual(decide(health)._tag, verdict))
  }

  it.prop(
    "never leaves home while a link is open, nor when strict, nor while the hub is away",
    [NetworkHealth],
    ([health]) => {
      const atHome = { ...health, networkName: health.originalNetworkName }
      if (health.openLinks > 0) assert.strictEqual(decide(atHome)._tag, "Stay")
      assert.strictEqual(decide({ ...atHome, allowGlobalFallback: false })._tag, "Stay")
      assert.strictEqual(decide({ ...atHome, hubReachable: false })._tag, "Stay")
    },
    { arbitrary: { seed: 1, runs: 500 } }
  )

  it.prop("ends at home when home stays viable, wherever it starts", [NetworkHealth], ([start]) => {
    const at = (networkName: NetworkName): NetworkHealth => ({
      ...start,
      networkName,
      hubReachable: true,
      othersAtHome: 1,
      allowGlobalFallback: true
    })
    const next = (networkName: NetworkName): NetworkName => {
      const decision = decide(at(networkName))
      return decision._tag === "Stay"
        ? networkName
        : decision._tag === "GoHome"
        ? start.originalNetworkName
        : decision.to
    }
    const settled = next(next(start.networkName))
    assert.strictEqual(settled, start.originalNetworkName)
    assert.strictEqual(next(settled), settled)
  }, { arbitrary: { seed: 2, runs: 500 } })

  it.prop("has a grace that grows with failed returns, up to its cap", [Schema.Natural], ([failed]) => {
    assert.isAtLeast(graceAfter(failed + 1), graceAfter(failed))
    assert.isAtMost(graceAfter(failed), 300_000)
    assert.isAtLeast(graceAfter(failed), 10_000)
    assert.strictEqual(defaultSettings.refuge, global)
  }, { arbitrary: { seed: 3 } })
})
