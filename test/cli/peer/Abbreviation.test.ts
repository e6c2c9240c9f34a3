import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Abbreviation from "../../../src/cli/peer/Abbreviation.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"

const id = (prefix: string) => PeerId.make(prefix.padEnd(40, "0"))
const known = [id("ab12"), id("ab13"), id("ff")]

const problem = (prefix: string) =>
  Result.match(Abbreviation.resolve(prefix, known), {
    onSuccess: () => "",
    onFailure: (problem) => problem
  })

describe("an abbreviated id", () => {
  it("names the one peer it is the start of, in either case", () => {
    assert.deepStrictEqual(Abbreviation.resolve("f", known), Result.succeed(id("ff")))
    assert.deepStrictEqual(Abbreviation.resolve("AB12", known), Result.succeed(id("ab12")))
    assert.deepStrictEqual(Abbreviation.resolve("ff", [id("ff"), id("ff")]), Result.succeed(id("ff")))
  })

  it("need not be known when it is whole", () => {
    assert.deepStrictEqual(Abbreviation.resolve(id("1234"), known), Result.succeed(id("1234")))
  })

  it("is refused with what to do when it names nobody, several, or is none", () => {
    assert.strictEqual(problem("c"), "Nobody known has an id that starts with c. See /peers.")
    assert.strictEqual(problem("ab1"), "ab1 is the start of 2 ids (ab120000, ab130000). Type more digits.")
    assert.include(problem("bob"), "\"bob\" is no peer id")
    assert.include(problem(""), "is no peer id")
  })
})
