import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Limits from "../../src/hub/Limits.ts"

const allowance: Limits.Allowance = { burst: 10, perSecond: 2, patience: 5 }
const Step = Schema.Struct({
  wait: Schema.Int.check(Schema.isBetween({ minimum: -5000, maximum: 60_000 })),
  cost: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
})

describe("Limits", () => {
  it("lets a burst through, then refuses, then loses patience", () => {
    let budget = Limits.full(allowance, 0)
    const standings = Array.from({ length: 16 }, () => {
      budget = Limits.spend(allowance, budget, 0, 1)
      return Limits.standing(allowance, budget)
    })
    assert.deepStrictEqual(standings, [
      ...Array.from({ length: 10 }, () => "within" as const),
      ...Array.from({ length: 5 }, () => "over" as const),
      "exhausted"
    ])
  })

  it("gives tokens back with time", () => {
    const spent = Limits.spend(allowance, Limits.full(allowance, 0), 0, 12)
    assert.strictEqual(Limits.standing(allowance, spent), "over")
    assert.strictEqual(Limits.standing(allowance, Limits.spend(allowance, spent, 1500, 1)), "within")
  })

  it.prop(
    "says when a debt is paid and a quarter of a second's tokens are there",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 })),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))
    ],
    ([debt, perSecond]) => {
      const slow: Limits.Allowance = { burst: 1000, perSecond, patience: 500 }
      const budget: Limits.Budget = { tokens: -debt, at: 1000 }
      const at = Limits.recovery(slow, budget)
      assert.isAtLeast(Limits.spend(slow, budget, at, 0).tokens, Math.max(1, perSecond / 4) - 1e-6)
      assert.isBelow(Limits.spend(slow, budget, at - 2, 0).tokens, Math.max(1, perSecond / 4))
    },
    { arbitrary: { seed: 2 } }
  )

  it.prop(
    "never holds more than a burst, and never gains by a clock that goes back",
    [Schema.Array(Step)],
    ([steps]) => {
      let budget = Limits.full(allowance, 0)
      let now = 0
      for (const { cost, wait } of steps) {
        now += wait
        const after = Limits.spend(allowance, budget, now, cost)
        assert.isAtMost(after.tokens, allowance.burst - cost)
        if (wait <= 0) assert.strictEqual(after.tokens, budget.tokens - cost)
        budget = after
      }
    },
    { arbitrary: { seed: 1 } }
  )

  it("has room for trickle ICE to 50 peers at once", () => {
    const messages = Limits.messages(Limits)
    const perLink = Limits.costOf(5000) + 20 * Limits.costOf(300)
    const budget = Limits.spend(messages, Limits.full(messages, 0), 0, 50 * perLink + Limits.fanOutCost)
    assert.strictEqual(Limits.standing(messages, budget), "within")
  })

  it("charges large messages by their size", () => {
    assert.strictEqual(Limits.costOf(0), 1)
    assert.strictEqual(Limits.costOf(4095), 1)
    assert.strictEqual(Limits.costOf(4096), 2)
    assert.strictEqual(Limits.costOf(1024 * 1024), 257)
  })
})
