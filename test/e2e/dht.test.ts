import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { hub, linked, peer } from "../support/processes.ts"

const gaming = NetworkName.make("gaming")

describe("records of processes", () => {
  it.live(
    "are found anywhere in their network and nowhere else, outlive who wrote them, and tell their changes",
    () =>
      Effect.gen(function*() {
        const { url } = yield* hub()
        const [ada, bob, eve, worker] = yield* Effect.all(
          [peer(url, "gaming"), peer(url, "gaming"), peer(url, "gaming"), peer(url, "work")],
          { concurrency: "unbounded" }
        )
        yield* linked([ada, bob, eve])

        assert.deepInclude(yield* eve.ask({ op: "subscribe", key: "motd" }), { ok: true, result: null })
        assert.deepInclude(yield* ada.ask({ op: "put", key: "motd", content: { hello: "all" } }), {
          ok: true,
          result: { key: "motd", networkName: gaming, version: 1, holders: 3 }
        })
        const found = yield* bob.ask({ op: "get", key: "motd" })
        assert(found.ok)
        assert.deepNestedInclude(found, { "result.content": { hello: "all" }, "result.writer": ada.peerId })
        const change = yield* eve.event("dht")
        assert.deepInclude(change, { key: "motd", networkName: gaming, version: 1 })
        assert.deepInclude(change.record, { content: { hello: "all" } })

        assert.deepInclude(yield* worker.ask({ op: "get", key: "motd" }), { ok: true, result: null })

        const bytes = { op: "update", key: "motd", content: "AQID", encoding: "base64" } as const
        assert.deepInclude(yield* bob.ask({ ...bytes, version: 1 }), {
          ok: true,
          result: { key: "motd", networkName: gaming, version: 2, holders: 3 }
        })
        const late = yield* eve.ask({ ...bytes, version: 1 })
        assert.deepNestedInclude(late, { ok: false, "error._tag": "VersionConflict" })

        const own = `@${ada.peerId}/name`
        assert.deepInclude(yield* ada.ask({ op: "put", key: own, content: "Ada" }), { ok: true })
        assert.deepNestedInclude(yield* bob.ask({ op: "put", key: own, content: "Bob" }), {
          "error._tag": "InvalidInput"
        })
        assert.deepNestedInclude(yield* eve.ask({ op: "get", key: own }), {
          "result.content": "Ada",
          "result.signedBy": ada.peerId
        })
        yield* bob.ask({ op: "put", key: "vote", content: "yes", signed: true })
        const { peerId: signedBy } = bob
        assert.deepNestedInclude(yield* eve.ask({ op: "get", key: "vote", signedBy }), { "result.content": "yes" })
        assert.deepInclude(yield* eve.ask({ op: "get", key: "vote", signedBy: ada.peerId }), { result: null })

        // One goes without a word, one politely, and what they wrote stays.
        ada.kill("SIGKILL")
        assert.deepInclude(yield* bob.ask({ op: "put", key: "last words", content: 1 }), { ok: true })
        yield* bob.ask({ op: "leave" })
        const kept = yield* eve.ask({ op: "get", key: "motd", fresh: true })
        assert.deepNestedInclude(kept, { ok: true, "result.content": "AQID", "result.encoding": "base64" })
        assert.deepNestedInclude(yield* eve.ask({ op: "get", key: "last words" }), { "result.content": 1 })

        yield* eve.ask({ op: "unsubscribe", key: "motd" })
        assert.deepNestedInclude(yield* eve.ask({ op: "delete", key: "motd" }), { ok: true, "result.version": 3 })
        assert.deepInclude(yield* eve.ask({ op: "get", key: "motd" }), { ok: true, result: null })
        const heard = eve.messages.entries.filter(({ event }) => event === "dht")
        assert.strictEqual(heard.length, 2)
        assert.deepNestedInclude(yield* eve.ask({ op: "put", key: "", content: 1 }), { "error._tag": "InvalidInput" })
        for (const one of [eve, worker]) yield* one.ask({ op: "leave" })
      }),
    120_000
  )
})
