import { assert, describe, it } from "@effect/vitest"
import { Effect, Struct } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { hub, linked, type Peer, peer } from "../support/processes.ts"

describe("networks on one hub", () => {
  it.live("link their members, and carry messages to exactly those they are for", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const start = (network: string, count: number) =>
        Effect.forEach(Array.from({ length: count }), () => peer(url, network), { concurrency: "unbounded" })
      const [gaming, work] = yield* Effect.all([start("gaming", 3), start("work", 2)], { concurrency: "unbounded" })
      yield* Effect.all([linked(gaming), linked(work)], { concurrency: "unbounded" })
      const everyone = [...gaming, ...work]
      const [ada, bob, eve] = gaming
      const [worker, colleague] = work
      assert(ada && bob && eve && worker && colleague)

      assert.deepInclude(yield* ada.ask({ op: "broadcast", content: { hello: "gaming" } }), {
        ok: true,
        result: { networkName: NetworkName.make("gaming"), neighbours: 2 }
      })
      assert.deepInclude(yield* worker.ask({ op: "broadcast", content: "hello work" }), {
        ok: true,
        result: { networkName: NetworkName.make("work"), neighbours: 1 }
      })
      assert.deepInclude(
        yield* bob.ask({ op: "send", to: eve.peerId, content: "AQID", encoding: "base64" }),
        { ok: true, result: { networkName: NetworkName.make("gaming") } }
      )
      const strangers = yield* worker.ask({ op: "send", to: ada.peerId, content: "psst" })
      assert.deepInclude(strangers, { ok: false })

      // How far a broadcast came is left out: the way through another peer can be the faster one.
      const heard = (one: Peer) => one.heard().map(Struct.omit(["hops"]))
      const broadcast = { event: "message", kind: "broadcast" } as const
      const toGaming = { ...broadcast, from: ada.peerId, content: { hello: "gaming" }, networkName: "gaming" }
      const toWork = { ...broadcast, from: worker.peerId, content: "hello work", networkName: "work" }
      const toEve = { event: "message", kind: "direct", from: bob.peerId, networkName: "gaming" } as const
      yield* bob.event("message")
      yield* colleague.event("message")
      yield* eve.event("message", ({ kind }) => kind === "broadcast")
      // Leaving shows all that came before, so that what should not have come would be seen.
      yield* Effect.forEach(everyone, (one) => one.ask({ op: "leave" }), { concurrency: "unbounded" })
      assert.deepStrictEqual(everyone.map((one) => one.heard().length), [0, 1, 2, 0, 1])
      assert.deepEqual<unknown>(heard(bob), [toGaming])
      assert.deepEqual<unknown>(heard(colleague), [toWork])
      assert.sameDeepMembers<unknown>(heard(eve), [toGaming, { ...toEve, content: "AQID", encoding: "base64" }])
      for (const one of everyone) {
        assert.strictEqual(yield* one.exit, 0)
        assert.strictEqual(one.stderr(), "")
      }
    }), 120_000)
})
