import { assert, describe, it } from "@effect/vitest"
import { type Gossip as Message, initialTtl } from "../../../src/domain/Frame.ts"
import * as NetworkName from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { nameOf } from "../../../src/services/gossip/nameOf.ts"
import * as Plumtree from "../../../src/services/gossip/Plumtree.ts"
import * as SeenSet from "../../../src/services/gossip/SeenSet.ts"

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

  it("keeps nobody's message from being heard because another used its id first", () => {
    assert(ada !== undefined && bob !== undefined && eve !== undefined)
    const core = Plumtree.make({ self: bob, joinedAt: 0, nameOf, seen: SeenSet.make(100, 1000) })
    const heard: Array<PeerId> = []
    for (const from of [eve, ada, eve]) {
      const message: Message = {
        type: "gossip",
        id: "1",
        subtype: "chat",
        content: null,
        from,
        timestamp: 0,
        ttl: initialTtl,
        path: [from]
      }
      for (const command of core.handle({ _tag: "Received", from, message, bytes: 1 }, 0)) {
        if (command._tag === "Deliver") heard.push(command.message.from)
      }
    }
    assert.deepStrictEqual(heard, [eve, ada])
  })

  it("is the same whichever bridge brings it, and not that of a message of the network", () => {
    assert(ada !== undefined && bob !== undefined && eve !== undefined)
    const bridged = { from: ada, networkName: NetworkName.global, timestamp: 0, via: [] }
    const name = nameOf({ from: bob, id: "1", bridged })
    assert.strictEqual(nameOf({ from: eve, id: "1", bridged: { ...bridged, timestamp: 1 } }), name)
    assert.notStrictEqual(nameOf({ from: ada, id: "1" }), name)
  })
})
