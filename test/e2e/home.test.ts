/** Home and away, with real processes, a real hub and real WebRTC. Shorter periods than the defaults, for the wait. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Node from "../../src/runtime/node.ts"
import { hub, linked, type Peer, peer } from "../support/processes.ts"

const brisk = ["--grace", "1s", "--health-interval", "500ms"]

/** Waits until a peer says that it went somewhere. */
const went = (one: Peer, networkName: string, nth = 1) =>
  Effect.suspend(() => {
    let seen = 0
    return one.event(
      "statusChanged",
      (event) => event.type === "network" && event.networkName === networkName && ++seen === nth
    )
  })

const moves = (one: Peer) =>
  one.messages.entries.flatMap((message) =>
    message.event === "statusChanged" && message.message.startsWith("moved") ? [message.networkName] : []
  )

describe("a peer that is alone at home", () => {
  it.live("goes to global, talks there, and comes home when somebody is there", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const [ada, guest] = yield* Effect.all([peer(url, "gaming", ...brisk), peer(url, "global")], {
        concurrency: "unbounded"
      })
      const away = yield* went(ada, "global")
      assert.deepEqual<unknown>([away.originalNetworkName, away.fallbackMode], ["gaming", true])
      yield* linked([ada, guest])
      assert.deepInclude(yield* ada.ask({ op: "send", to: guest.peerId, content: "hello from away" }), { ok: true })
      const refused = yield* ada.ask({ op: "broadcast", content: "for gamers", audience: "home" })
      assert(!refused.ok)
      assert.strictEqual(refused.error._tag, "AwayFromHome")

      const bob = yield* peer(url, "gaming", ...brisk)
      assert.deepInclude(yield* went(ada, "gaming"), { fallbackMode: false })
      yield* linked([ada, bob])
      assert.deepInclude(
        yield* ada.ask({ op: "broadcast", content: "for gamers", audience: "home" }),
        { ok: true }
      )
      yield* bob.event("message", ({ content }) => content === "for gamers")
      assert.deepStrictEqual(guest.heard().map(({ content }) => content), ["hello from away"])
      assert.deepStrictEqual([moves(ada), moves(bob)], [["global", "gaming"], []])
    }), 120_000)

  it.live("finds another who is away too, and both go home", () =>
    Effect.gen(function*() {
      // Each is alone at a hub of its own, until one of the hubs is gone.
      const [first, second] = yield* Effect.all([hub(), hub()], { concurrency: "unbounded" })
      const [ada, bob] = yield* Effect.all([
        peer(first.url, "gaming", ...brisk),
        peer(second.url, "gaming", "--hub", first.url, ...brisk)
      ], { concurrency: "unbounded" })
      yield* Effect.all([went(ada, "global"), went(bob, "global")])
      second.kill("SIGKILL")
      yield* Effect.all([went(ada, "gaming"), went(bob, "gaming")])
      yield* Effect.all([ada.event("peerConnected"), bob.event("peerConnected")])
      assert.deepInclude(yield* ada.ask({ op: "send", to: bob.peerId, content: "here we are" }), { ok: true })
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual([moves(ada), moves(bob)], [["global", "gaming"], ["global", "gaming"]])
    }), 120_000)

  it.live("stays longer and longer when visits are short, rather than flap", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const [resident, visitor] = yield* Effect.all([
        peer(url, "gaming", "--grace", "500ms", "--health-interval", "200ms"),
        peer(url, "work", "--no-fallback")
      ], { concurrency: "unbounded" })
      yield* went(resident, "global")
      const visits = 6
      for (let visit = 0; visit < visits; visit++) {
        yield* visitor.ask({ op: "setNetworkName", networkName: "gaming" })
        yield* Effect.sleep("500 millis")
        yield* visitor.ask({ op: "setNetworkName", networkName: "work" })
        // More than a grace at first, and less than what becomes of it.
        yield* Effect.sleep("1500 millis")
      }
      const itinerary = moves(resident)
      assert.includeMembers(itinerary, ["global", "gaming"])
      assert.isAtMost(itinerary.length, visits)
    }), 120_000)
})

describe("a hub that is gone", () => {
  it.live("is not an empty network: nobody moves, and links stand", () =>
    Effect.gen(function*() {
      const { kill, url } = yield* hub()
      const start = (network: string) => peer(url, network, "--grace", "5s", "--health-interval", "500ms")
      const [ada, bob] = yield* Effect.all([start("gaming"), start("gaming")], { concurrency: "unbounded" })
      yield* linked([ada, bob])
      const lonely = yield* start("work")
      kill("SIGKILL")
      yield* lonely.event("statusChanged", ({ type }) => type === "hub")
      yield* Effect.sleep("8 seconds")
      for (const one of [ada, bob, lonely]) assert.deepStrictEqual(moves(one), [])
      assert.deepInclude(yield* ada.ask({ op: "send", to: bob.peerId, content: "still linked" }), { ok: true })
      assert.isFalse(
        [ada, bob].some(({ messages }) => messages.entries.some(({ event }) => event === "peerDisconnected"))
      )
    }), 120_000)
})

describe("a peer that goes away and home again", () => {
  const count = 10

  it.live("loses nothing that was accepted, while ten others stream to it", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const start = Effect.gen(function*() {
        const layer = Mesh.layer({ hubs: url, networkName: "gaming", allowGlobalFallback: false }).pipe(
          Layer.provide(Layer.fresh(Node.layer))
        )
        const mesh = Context.get(yield* Layer.build(layer), Mesh)
        yield* mesh.join
        return mesh
      })
      const traveller = yield* start
      const others = yield* Effect.forEach(Array.from({ length: count }), () => start, { concurrency: "unbounded" })
      const heard = new Map<PeerId, Set<unknown>>(others.map(({ peerId }) => [peerId, new Set()]))
      let twice = 0
      yield* traveller.events.pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            if (event._tag !== "Message") return
            const from = heard.get(event.from)
            if (from?.has(event.content) === true) twice++
            from?.add(event.content)
          })
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      // Everybody can reach it, over a link or across others.
      yield* Effect.forEach(others, (other) =>
        Effect.retry(other.send(traveller.peerId, -1), Schedule.spaced("500 millis")), {
        concurrency: "unbounded"
      })

      const streams = yield* Effect.forEach(others, (other) =>
        Effect.gen(function*() {
          const accepted: Array<number> = []
          const refused: Array<string> = []
          let n = 0
          const say = Effect.suspend(() => {
            const number = n++
            return Effect.match(other.send(traveller.peerId, number), {
              onSuccess: () =>
                void accepted.push(number),
              onFailure: ({ _tag }) =>
                void refused.push(_tag)
            })
          })
          const fiber = yield* Effect.forkScoped(
            Effect.forever(Effect.andThen(Effect.forkScoped(say), Effect.sleep("20 millis")))
          )
          return { from: other.peerId, accepted, refused, stop: Fiber.interrupt(fiber) }
        }))
      yield* Effect.sleep("1 second")
      yield* traveller.moveTo("elsewhere")
      // Longer than a peer may be nowhere before its senders are told; what is sent shortly before the return arrives.
      yield* Effect.sleep("6 seconds")
      yield* traveller.moveTo("gaming")
      yield* Effect.sleep("3 seconds")
      yield* Effect.forEach(streams, ({ stop }) => stop, { discard: true })
      // Longer than a sender waits for a confirmation: by then all have an answer.
      yield* Effect.sleep("17 seconds")

      const lost = streams.flatMap(({ accepted, from }) =>
        accepted.filter((n) => heard.get(from)?.has(n) !== true).map((n) => `${n} of ${from}`)
      )
      assert.deepStrictEqual(lost, [])
      assert.strictEqual(twice, 0)
      assert.strictEqual(streams.filter(({ accepted }) => accepted.length > 20).length, count)
      assert.isAbove(streams.flatMap(({ refused }) => refused).length, 0)
    }), 120_000)
})
