import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { hub, linked, peer } from "../support/processes.ts"

const lineCount = 60_000
const lines = Array.from(
  { length: lineCount },
  (_, n) => `${n}: ${"the quick brown fox jumps over the lazy dog. ".repeat(2)}`.slice(0, 87)
)

describe("a text file of 5 MB, sent line by line", () => {
  it.live("arrives complete and in order", () =>
    Effect.gen(function*() {
      assert.isAtLeast(lines.join("\n").length, 5_000_000)
      const { url } = yield* hub()
      const [from, to] = yield* Effect.all([peer(url, "files"), peer(url, "files")], { concurrency: "unbounded" })
      yield* linked([from, to])
      const started = performance.now()
      for (const content of lines) from.tell({ op: "send", to: to.peerId, content })
      // The end of input: everything is sent, confirmed and replied to before the peer leaves.
      from.child.stdin?.end()
      assert.strictEqual(yield* from.exit.pipe(Effect.timeout("3 minutes")), 0)
      const seconds = (performance.now() - started) / 1000
      yield* Effect.logInfo(`${lineCount} messages in ${seconds.toFixed(1)} s`)
      yield* to.event("message", ({ content }) => content === lines[lineCount - 1])
      const replies = from.messages.entries.filter((message) => message.event === "reply")
      assert.strictEqual(replies.length, lineCount)
      assert.isTrue(replies.every((reply) => reply.ok))
      const arrived = to.heard().map((message) => message.content)
      assert.strictEqual(arrived.length, lineCount)
      assert.isTrue(arrived.every((content, n) => content === lines[n]))
      assert.isEmpty(to.messages.entries.filter((message) => message.event === "missed"))
    }), 240_000)
})
