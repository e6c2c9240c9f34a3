import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { hub, linked, peer } from "../support/processes.ts"

describe("a peer that is killed", () => {
  it.live("is missed by its neighbours within 15 seconds", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const peers = yield* Effect.all([peer(url, "brittle"), peer(url, "brittle"), peer(url, "brittle")], {
        concurrency: "unbounded"
      })
      yield* linked(peers)
      const [victim, ...others] = peers
      victim.kill("SIGKILL")
      const killed = yield* Clock.currentTimeMillis
      yield* Effect.forEach(
        others,
        (one) => one.event("peerDisconnected", ({ peerId }) => peerId === victim.peerId),
        { concurrency: "unbounded" }
      )
      const noticed = (yield* Clock.currentTimeMillis) - killed
      assert.isBelow(noticed, 15_000)
    }), 120_000)
})

describe("a hub that is killed and comes back", () => {
  it.live("costs linked peers no message, and newcomers can join again", () =>
    Effect.gen(function*() {
      const first = yield* hub()
      const { port, url } = first
      const [from, to] = yield* Effect.all([peer(url, "steady"), peer(url, "steady")], { concurrency: "unbounded" })
      yield* linked([from, to])
      let sent = 0
      const enough = yield* Deferred.make<void>()
      const talk = Effect.gen(function*() {
        while (!Deferred.isDoneUnsafe(enough)) {
          assert.deepInclude(yield* from.ask({ op: "send", to: to.peerId, content: sent }), { ok: true })
          sent++
        }
      })
      /** Waits until some more messages have gone over. */
      const moreTalk = Effect.suspend(() => {
        const until = sent + 50
        return to.event("message", ({ content }) => content === until)
      })

      const talker = yield* Effect.forkChild(talk)
      yield* moreTalk
      first.kill("SIGKILL")
      yield* first.exit
      yield* from.event("statusChanged", ({ message, type }) => type === "hub" && message.includes("cannot be reached"))
      yield* moreTalk
      yield* hub(port)
      const newcomer = yield* peer(url, "steady")
      yield* linked([from, to, newcomer])
      yield* moreTalk
      yield* Deferred.succeed(enough, undefined)
      yield* Fiber.join(talker)
      assert.deepInclude(yield* newcomer.ask({ op: "broadcast", content: "hello" }), {
        result: { networkName: NetworkName.make("steady"), neighbours: 2 }
      })
      yield* to.event("message", ({ from }) => from === newcomer.peerId)

      const numbers = to.heard().filter((message) => message.from === from.peerId).map((message) => message.content)
      assert.deepStrictEqual(numbers, Array.from({ length: sent }, (_, n) => n))
      assert.isEmpty(to.messages.entries.filter((message) => message.event === "peerDisconnected"))
    }), 240_000)
})
