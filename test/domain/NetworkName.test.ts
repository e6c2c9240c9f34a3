import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ChosenNetworkName, global, hubMesh, maxLength, NetworkName, ofMessage } from "../../src/domain/NetworkName.ts"

const arrive = Schema.decodeUnknownResult(NetworkName)
const choose = Schema.decodeUnknownResult(ChosenNetworkName)
const decodes = (result: Result.Result<unknown, unknown>) => Result.isSuccess(result)

/** What no name may be, on the wire or chosen. */
const dangerous: ReadonlyArray<readonly [string, unknown]> = [
  ["nothing", ""],
  ["too long", "a".repeat(maxLength + 1)],
  ["this directory", "."],
  ["the directory above", ".."],
  ["a path", "a/b"],
  ["a path on Windows", "a\\b"],
  ["a prefix's separator", "a:b"],
  ["a query", "a?b"],
  ["a fragment", "a#b"],
  ["an escape", "a%2fb"],
  ["quotes", "a\"b"],
  ["an element", "<a>"],
  ["a pipe", "a|b"],
  ["a pattern", "a*"],
  ["a null character", "a\u0000b"],
  ["a line break", "a\nb"],
  ["an escape sequence", "a\u001b[31m"],
  ["a C1 control character", "a\u009bb"],
  ["a line separator", "a\u2028b"],
  ["space before", " a"],
  ["space after", "a "],
  ["half a character", "a\ud83d"],
  ["a number", 7],
  ["null", null]
]

describe("NetworkName", () => {
  for (const [what, name] of dangerous) {
    it(`refuses ${what}`, () => {
      assert.isFalse(decodes(arrive(name)))
      assert.isFalse(decodes(choose(name)))
    })
  }

  it("takes what PeerPigeon lets a user choose", () => {
    for (const name of ["Chess Club", "Größe", "家", "🕊️", "a".repeat(maxLength), "a..b", ".hidden", "it's", "A&B=C"]) {
      assert.strictEqual(Result.getOrThrow(arrive(name)), name)
    }
  })

  it("says what it expects", () => {
    const result = arrive("a/b")
    assert.include(Result.isFailure(result) && result.failure.message, "a network name of 1 to 64 characters")
  })

  it.effect.prop("is safe in a path and in a prefix", { name: NetworkName }, ({ name }) =>
    Effect.sync(() => {
      assert.strictEqual(new URL(`http://hub/networks/${encodeURIComponent(name)}`).pathname.split("/").length, 3)
      assert.strictEqual(`${name}:key`.indexOf(":"), name.length)
    }))
})

describe("ChosenNetworkName", () => {
  it.effect.prop("is a network name, unchanged", { name: ChosenNetworkName }, ({ name }) =>
    Effect.sync(() => {
      assert.strictEqual(Result.getOrThrow(arrive(name)), name)
      assert.strictEqual(Result.getOrThrow(choose(name)), name)
      assert.match(name, /^[a-z0-9._-]{1,64}$/)
    }))

  it("refuses what only arrives: capitals, spaces, other scripts", () => {
    for (const name of ["Dove", "chess club", "家", "a+b", "a@b"]) {
      assert.isTrue(decodes(arrive(name)), name)
      const result = choose(name)
      assert.include(Result.isFailure(result) && result.failure.message, "lower case letters, digits")
    }
  })

  it("takes dots, hyphens and underscores anywhere", () => {
    for (const name of ["a", "0", "-", "_", "...", "dove-2", "a.b_c"]) assert.isTrue(decodes(choose(name)), name)
  })
})

describe("ofMessage", () => {
  it.effect.prop(
    "is the name in the message",
    { name: NetworkName },
    ({ name }) => Effect.sync(() => assert.strictEqual(ofMessage({ networkName: name }), name))
  )

  it("is global where there is none", () => assert.strictEqual(ofMessage({}), global))
})

describe("the networks everybody knows", () => {
  it("can be chosen", () => {
    for (const name of [global, hubMesh]) assert.isTrue(decodes(choose(name)))
  })
})
