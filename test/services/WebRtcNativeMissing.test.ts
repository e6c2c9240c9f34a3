import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { vi } from "vitest"
import * as WebRtcNative from "../../src/services/WebRtcNative.ts"

vi.mock("node-datachannel", () => {
  throw new Error("Cannot find package 'node-datachannel' imported from there\nRequire stack")
})

describe("WebRtcNative, without its package", () => {
  it.effect("fails with an error that says what to install", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(WebRtcNative.layer))
      assert.strictEqual(error._tag, "EngineMissing")
      assert.include(error.message, "npm install node-datachannel")
      assert.notInclude(error.message, "Require stack")
    }))
})
