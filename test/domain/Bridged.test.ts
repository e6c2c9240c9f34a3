import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Bridged, hasBeenIn, type Heard, maxVia, onward } from "../../src/domain/Bridged.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import { assertRefused } from "./Refusal.ts"

const [gaming, work, family] = ["gaming", "work", "family"].map((name) => NetworkName.make(name))
const [ada, bridge] = ["a", "b"].map((digit) => PeerId.make(digit.repeat(40)))
assert(gaming && work && family && ada && bridge)

const said: Heard = { from: ada, networkName: gaming, timestamp: 7 }

describe("what a bridge says of a message", () => {
  it("is who said it and where", () => {
    assert.deepStrictEqual(onward(said, work), { ...said, via: [] })
  })

  it("stays so on the way through other networks, which it names", () => {
    const bridged = onward(said, work)
    assert.isDefined(bridged)
    const there = onward({ from: bridge, networkName: work, timestamp: 99, bridged }, family)
    assert.deepStrictEqual(there, { ...said, via: [work] })
  })

  it("is nothing when the message is from there or came through there", () => {
    assert.isUndefined(onward(said, gaming))
    const through: Heard = { ...said, networkName: family, bridged: { ...said, via: [work] } }
    for (const network of [gaming, work, family]) assert.isUndefined(onward(through, network))
  })

  it.prop(
    "never takes a message twice to a network, however bridges are laid, and ends after so many",
    [Schema.Array(Schema.Natural).check(Schema.isBetweenLength(40, 60))],
    ([turns]) => {
      let here = said
      const been = [said.networkName]
      for (const turn of turns) {
        const into = NetworkName.make(`n${turn % 30}`)
        const bridged = onward(here, into)
        if (bridged === undefined) continue
        assert.notInclude(been, into)
        assert.isFalse(hasBeenIn(bridged, into))
        been.push(into)
        here = { from: bridge, networkName: into, timestamp: 0, bridged }
      }
      assert.isAtMost(been.length, maxVia + 2)
      if (here.bridged !== undefined) assert.deepInclude(here.bridged, said)
    },
    { arbitrary: { seed: 1, runs: 200 } }
  )

  it("is bounded", () => {
    const decode = Schema.decodeUnknownResult(Bridged)
    assertRefused(decode({ ...said, via: Array(maxVia + 1).fill(work) }), "[\"via\"]", "at most 7")
    assertRefused(decode({ ...said, via: ["a:b"] }), "[\"via\"][0]", "a network name")
    assertRefused(decode({ ...said, via: [], from: "me" }), "[\"from\"]", "40 hexadecimal digits")
    assertRefused(decode({ ...said, via: [], timestamp: Number.NaN }), "[\"timestamp\"]", "finite")
    assertRefused(decode(said), "[\"via\"]", "Missing key")
  })
})
