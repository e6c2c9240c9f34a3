import { assert, describe, it } from "@effect/vitest"
import * as Label from "../../../src/services/membership/Label.ts"
import { labelLives } from "../../../src/services/membership/Rules.ts"
import { peer } from "../../support/simulation.ts"

const [small, middle, large] = [peer(1), peer(2), peer(3)].toSorted()
const at = (seconds: number) => seconds * 1000

describe("Label", () => {
  if (small === undefined || middle === undefined || large === undefined) return

  it("is the smallest id heard of", () => {
    const labels = Label.make(middle)
    labels.round(at(100))
    assert.deepStrictEqual(labels.current, { peer: middle, epoch: 100 })
    assert.strictEqual(labels.hear({ peer: large, epoch: 500 }, at(101)), "ignored")
    assert.strictEqual(labels.hear({ peer: small, epoch: 5 }, at(101)), "adopted")
    assert.strictEqual(labels.hear({ peer: small, epoch: 5 }, at(102)), "ignored")
    assert.strictEqual(labels.hear({ peer: small, epoch: 6 }, at(102)), "renewed")
    assert.deepStrictEqual(labels.current, { peer: small, epoch: 6 })
  })

  it("drops a name that nobody renews, and takes it up again only when it is newer", () => {
    const labels = Label.make(middle)
    labels.hear({ peer: small, epoch: 5 }, at(100))
    assert.isFalse(labels.round(at(100) + labelLives - 1))
    assert.isTrue(labels.round(at(100) + labelLives))
    assert.strictEqual(labels.current.peer, middle)
    assert.strictEqual(labels.hear({ peer: small, epoch: 5 }, at(200)), "ignored")
    assert.strictEqual(labels.hear({ peer: small, epoch: 6 }, at(201)), "adopted")
  })

  it("renews its own name, and never takes its age from others", () => {
    const labels = Label.make(small)
    labels.round(at(100))
    assert.strictEqual(labels.hear({ peer: small, epoch: 999 }, at(101)), "ignored")
    assert.isFalse(labels.round(at(110)))
    assert.deepStrictEqual(labels.current, { peer: small, epoch: 110 })
  })
})
