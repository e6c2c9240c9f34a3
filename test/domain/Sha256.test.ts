import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import * as Sha256 from "../../src/domain/Sha256.ts"

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
const expected = (text: string) => createHash("sha256").update(text).digest("hex")

describe("Sha256", () => {
  it("knows the examples of FIPS 180-4", () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert.strictEqual(hex(Sha256.ofText("abc")), abc)
    const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert.strictEqual(hex(Sha256.ofText("")), empty)
  })

  it("agrees with another at every length around its blocks", () => {
    for (let length = 0; length < 200; length++) {
      const text = "ü".repeat(length % 3) + "x".repeat(length)
      assert.strictEqual(hex(Sha256.ofText(text)), expected(text))
    }
  })

  it.prop("agrees with another on any text", [Schema.String], ([text]) => {
    assert.strictEqual(hex(Sha256.ofText(text)), expected(text))
  }, { arbitrary: { seed: 1, runs: 300 } })
})
