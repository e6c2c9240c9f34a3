import { assert, describe, it } from "@effect/vitest"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Spokesmen from "../../../src/hub/backplane/Spokesmen.ts"
import { nth } from "../TestPeer.ts"

const chess = NetworkName.make("chess")

describe("who speaks for a network", () => {
  it("is one for each component, always the same, and another when it left", () => {
    const spokesmen = Spokesmen.make()
    assert.isTrue(spokesmen.speaks(chess, nth(1), nth(1)))
    assert.isFalse(spokesmen.speaks(chess, nth(2), nth(1)))
    assert.isTrue(spokesmen.speaks(chess, nth(1), nth(1)))
    assert.isTrue(spokesmen.speaks(chess, nth(3), nth(3)))
    assert.isFalse(spokesmen.speaks(chess, nth(4), nth(3)))
    // What it said last must not stay when it is no longer true.
    assert.isTrue(spokesmen.speaks(chess, nth(3), nth(1)))
    spokesmen.left(chess, nth(1))
    spokesmen.left(chess, nth(3))
    assert.isTrue(spokesmen.speaks(chess, nth(2), nth(1)))
  })

  it("are few, however many components there are", () => {
    const spokesmen = Spokesmen.make()
    const speaking = Array.from({ length: 100 }, (_, n) => spokesmen.speaks(chess, nth(n), nth(n))).filter(Boolean)
    assert.strictEqual(speaking.length, 8)
  })
})
