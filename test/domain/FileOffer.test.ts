import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { safeName, safeNameBytes } from "../../src/domain/FileOffer.ts"

describe("safeName", () => {
  const names: ReadonlyArray<readonly [given: string, safe: string]> = [
    ["photo.jpg", "photo.jpg"],
    ["Übersicht (2).pdf", "Übersicht (2).pdf"],
    ["../../etc/passwd", "passwd"],
    ["..\\..\\windows\\system.ini", "system.ini"],
    ["/", "file"],
    ["", "file"],
    ["..", "_"],
    [".bashrc", "_bashrc"],
    ["a/", "a"],
    ["con.txt", "_con.txt"],
    ["COM1", "_COM1"],
    ["a\u0000b\nc", "a_b_c"],
    ["a:b|c?.txt", "a_b_c_.txt"],
    ["invoice\u202Efdp.exe", "invoice_fdp.exe"],
    ["trailing. . ", "trailing"],
    [`${"x".repeat(500)}.tar.gz`, `${"x".repeat(197)}.gz`]
  ]
  for (const [given, safe] of names) {
    it(`makes ${JSON.stringify(safe.slice(0, 40))} of ${JSON.stringify(given.slice(0, 40))}`, () => {
      assert.strictEqual(safeName(given), safe)
    })
  }

  it.effect.prop(
    "makes a name of one part, not hidden, of any text, and leaves its own names alone",
    { text: Schema.String },
    ({ text }) =>
      Effect.sync(() => {
        for (const given of [text, `../${text}`, `${text}/..`, `\u{1f600}${text.repeat(40)}`]) {
          const safe = safeName(given)
          assert.notMatch(safe, /[/\\\p{Cc}]|^\.|^$|[. ]$/u)
          assert.isAtMost(new TextEncoder().encode(safe).length, safeNameBytes + 1)
          assert.strictEqual(safeName(safe), safe)
        }
      }),
    { arbitrary: { seed: 5, runs: 300 } }
  )
})
