import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import { pointOf } from "../../src/domain/Hash.ts"

describe("Hash", () => {
  it("begins as the example of FIPS 180-4", () => {
    assert.strictEqual(pointOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a3")
  })

  it.prop("is what another SHA-256 makes of any text", [Schema.String], ([text]) => {
    assert.strictEqual(pointOf(text), createHash("sha256").update(text).digest("hex").slice(0, 40))
  }, { arbitrary: { seed: 1, runs: 300 } })
})
