import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Frame } from "../../../src/domain/Frame.ts"
import * as Inbox from "../../../src/services/link/Inbox.ts"

const frame: Frame = { type: "ping", nonce: 1 }

describe("Inbox", () => {
  it.effect("holds so many bytes, until what took them is done", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make({ bytes: 100, frames: 100 })
      assert.isTrue(inbox.offer({ frame, bytes: 60 }))
      assert.isFalse(inbox.offer({ frame, bytes: 60 }))
      const arrivals = yield* inbox.takeAll
      // Taken is not done yet.
      assert.isFalse(inbox.offer({ frame, bytes: 60 }))
      inbox.done(arrivals)
      assert.isTrue(inbox.offer({ frame, bytes: 60 }))
    }))

  it.effect("holds so many frames, and a single one of any size", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make({ bytes: 100, frames: 2 })
      assert.isTrue(inbox.offer({ frame, bytes: 1000 }))
      inbox.done(yield* inbox.takeAll)
      assert.deepStrictEqual([1, 1, 1].map((bytes) => inbox.offer({ frame, bytes })), [true, true, false])
    }))
})
