/** Watching a network through a real hub. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Hub } from "../../src/hub/Hub.ts"
import type { HubOptions } from "../../src/hub/Options.ts"
import { ada, bob, connect, cyd, dan, join, type Json, type TestPeer, types } from "./TestPeer.ts"

const start = (options: HubOptions = {}) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

const wait = { type: "watch", networkName: "red", data: { waiting: true } }

const data = (frames: ReadonlyArray<Json>) => frames.map((frame) => frame["data"])

/** A round of the hub's: what it changed before has then been told. */
const round = Effect.yieldNow.pipe(
  Effect.repeat({ times: 20 }),
  Effect.andThen(TestClock.adjust("100 millis"))
)

/** The next counts, whenever they come. */
const counts = (peer: TestPeer) => Effect.map(peer.until("network-counts"), (frame) => frame["data"])

describe("watching", () => {
  it.effect("shows the way home to two who are both away", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* join(url, ada, "global")
      const b = yield* join(url, bob, "global")
      yield* a.drain
      yield* a.send(wait)
      assert.deepStrictEqual(yield* counts(a), { present: 0, waiting: 0 })
      yield* round
      yield* b.send(wait)
      assert.deepStrictEqual(yield* counts(b), { present: 0, waiting: 1 })
      yield* round
      assert.deepStrictEqual(yield* counts(a), { present: 0, waiting: 1 })
      // a goes home first: there it waits no more, and b sees it.
      yield* a.announce("red")
      yield* a.drain
      yield* round
      assert.deepStrictEqual(yield* counts(b), { present: 1, waiting: 0 })
      yield* round
      yield* a.send({ type: "unwatch", networkName: "red" })
      yield* a.send({ type: "leave", networkName: "global" })
      assert.deepStrictEqual(types(yield* b.drain), ["peer-disconnected"])
      assert.deepStrictEqual(types(yield* a.drain).filter((type) => type !== "network-counts"), [])
      yield* a.send({ type: "leave", networkName: "red" })
      yield* a.drain
      yield* round
      assert.deepStrictEqual(yield* counts(b), { present: 0, waiting: 0 })
    }))

  it.effect("forgets a watcher whose connection breaks, and counts nobody who does not watch", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* join(url, ada)
      yield* a.send({ type: "watch", networkName: "red" })
      assert.deepStrictEqual(yield* counts(a), { present: 0, waiting: 0 })
      yield* round
      const b = yield* join(url, bob, "global")
      yield* b.send(wait)
      yield* b.drain
      yield* round
      assert.deepStrictEqual(yield* counts(a), { present: 0, waiting: 1 })
      const strict = yield* join(url, cyd, "red")
      yield* round
      assert.deepStrictEqual(yield* counts(a), { present: 1, waiting: 1 })
      b.socket.terminate()
      const news = round.pipe(Effect.andThen(a.drain), Effect.repeat({ until: (frames) => frames.length > 0 }))
      assert.deepStrictEqual(data(yield* news), [{ present: 1, waiting: 0 }])
      strict.socket.terminate()
      assert.deepStrictEqual(data(yield* news), [{ present: 0, waiting: 0 }])
    }))

  it.effect("gives a watcher counts and nothing else of a network", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const a = yield* join(url, ada)
      yield* a.send({ type: "watch", networkName: "red" })
      const b = yield* join(url, bob, "red")
      const c = yield* join(url, cyd, "red")
      yield* b.send({ type: "offer", data: 1, targetPeerId: ada, networkName: "red" })
      yield* b.send({ type: "offer", data: 1, targetPeerId: cyd, networkName: "red" })
      yield* b.send({ type: "goodbye", networkName: "red" })
      c.socket.terminate()
      yield* b.drain
      yield* round
      yield* round
      const frames = yield* a.drain
      assert.isAbove(frames.length, 0)
      for (const frame of frames) {
        assert.strictEqual(frame["type"], "network-counts")
        assert.notMatch(JSON.stringify(frame), /[abc]{40}/)
      }
      assert.deepStrictEqual(types(yield* b.drain), [])
    }))

  it.effect("is nothing that a PeerPigeon client hears of", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const pigeon = yield* join(url, ada, "red")
      const b = yield* connect(url, bob)
      yield* b.send(wait)
      yield* b.send({ type: "networks" })
      yield* b.drain
      b.socket.terminate()
      yield* round
      assert.deepStrictEqual(yield* pigeon.drain, [])
    }))

  it.effect("is metered as an announcement is", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ messageBurst: 100, messagesPerSecond: 1 })
      const a = yield* connect(url, ada)
      yield* a.until("connected")
      for (let n = 0; n < 6; n++) yield* a.send({ ...wait, networkName: `net-${n}` })
      for (let n = 0; n < 4; n++) assert.strictEqual((yield* a.next)["networkName"], `net-${n}`)
      assert.include((yield* a.next)["error"], "Too many messages")
    }))

  it.effect("lists networks for whoever asks, members or not", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      yield* join(url, ada, "red")
      const hider = yield* join(url, bob)
      yield* hider.announce("red", { discoverable: false })
      yield* hider.drain
      const c = yield* join(url, cyd)
      yield* c.send({ type: "networks" })
      assert.deepStrictEqual((yield* c.until("networks"))["data"], { networks: [] })
      yield* hider.send({ type: "leave", networkName: "red" })
      yield* hider.drain
      yield* round
      const d = yield* join(url, dan)
      yield* d.send({ type: "networks" })
      assert.deepStrictEqual((yield* d.until("networks"))["data"], {
        networks: [{ name: "red", present: 1, waiting: 0 }]
      })
    }))
})
