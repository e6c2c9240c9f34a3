import { assert, describe, it } from "@effect/vitest"
import * as NetworkName from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { nameOf } from "../../../src/services/gossip/nameOf.ts"

const [ada, bob, eve] = ["a", "b", "e"].map((digit) => PeerId.make(digit.repeat(40)))

describe("a message's name", () => {
  it("is its author's alone", () => {
    assert(ada !== undefined && eve !== undefined)
    const name = nameOf({ from: ada, id: "1" })
    assert.strictEqual(nameOf({ from: ada, id: "1" }), name)
    assert.notStrictEqual(nameOf({ from: eve, id: "1" }), name)
    assert.notStrictEqual(nameOf({ from: ada, id: "2" }), name)
    assert.strictEqual(name.length, 32)
  })

  it("is the same whichever bridge brings it, and not that of a message of the network", () => {
    assert(ada !== undefined && bob !== undefined && eve !== undefined)
    const bridged = { from: ada, networkName: NetworkName.global, timestamp: 0, via: [] }
    const name = nameOf({ from: bob, id: "1", bridged })
    assert.strictEqual(nameOf({ from: eve, id: "1", bridged: { ...bridged, timestamp: 1 } }), name)
    assert.notStrictEqual(nameOf({ from: ada, id: "1" }), name)
  })
})
