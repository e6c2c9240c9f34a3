import { assert, describe, it } from "@effect/vitest"
import { normalise } from "../../src/cli/Arguments.ts"

describe("a bare --bootstrap", () => {
  it("is none, so that the hub begins with no others", () => {
    assert.deepStrictEqual(normalise(["hub", "--bootstrap"]), ["hub", "--bootstrap=none"])
    assert.deepStrictEqual(normalise(["hub", "-b", "--port", "0"]), ["hub", "--bootstrap=none", "--port", "0"])
  })

  it("is left alone with a list, and for others", () => {
    for (const args of [["hub", "--bootstrap", "ws://a"], ["hub", "-b", "ws://a"], ["peer", "-b"], []]) {
      assert.deepStrictEqual(normalise(args), args)
    }
  })
})
