import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as Alternatives from "../../src/services/signaling/Alternatives.ts"
import { ada, always, dove, greeting, hubA, hubB, makeWorld, open, settle } from "./HubWorld.ts"

const strange = "ws://strange.test"
const turn = { urls: ["turn:turn.test:3478"], username: `1:${ada}`, credential: "secret" }
const stun = { urls: ["stun:stun.test"] }

const after = (url: string, named: ReadonlyArray<string>, configured: ReadonlyArray<string>) =>
  Alternatives.after(url, named, configured).pipe(Random.withSeed("alternatives"))

describe("Alternatives", () => {
  it.effect("come before the hubs of one's own, and the one that closed is last", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* after(hubA, [], [hubA, hubB]), [hubB, hubA])
      assert.deepStrictEqual(yield* after(hubA, [strange], [hubA, hubB]), [strange, hubB, hubA])
      assert.deepStrictEqual(yield* after(hubA, [hubA, hubB], [hubA, hubB]), [hubB, hubA])
    }))

  it.effect("are few, whatever the hub names, and not always the same", () =>
    Effect.gen(function*() {
      const named = Array.from({ length: 8 }, (_, n) => `ws://hub-${n}.test`)
      const first = new Set<string | undefined>()
      yield* Effect.gen(function*() {
        for (let n = 0; n < 50; n++) {
          const order = yield* Alternatives.after(hubA, named, [hubA])
          assert.lengthOf(order, Alternatives.most + 1)
          assert.strictEqual(order.at(-1), hubA)
          first.add(order[0])
        }
      }).pipe(Random.withSeed("spread"))
      assert.isAbove(first.size, 4)
    }))

  it.effect("are believed of a configured hub only, and never lead away from TLS", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* after(strange, ["ws://stranger.test"], [hubA, hubB]), [hubA, hubB])
      assert.deepStrictEqual(yield* after("wss://a.test", [strange], ["wss://a.test"]), ["wss://a.test"])
      assert.deepStrictEqual(yield* after("https://a.test", [strange, "wss://b.test"], ["https://a.test"]), [
        "wss://b.test",
        "https://a.test"
      ])
      assert.deepStrictEqual(yield* after(hubA, ["wss://b.test"], [hubA]), ["wss://b.test", hubA])
    }))
})

describe("a session whose hub sends it away", () => {
  it.effect("goes where it is sent, and back to its own hubs when that one is lost", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA, hubB])
      yield* session.join(dove)
      world.only.say({ type: "hub-closing", data: { reason: "update", hubs: [strange] } })
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(world.dialled, [hubA, strange])
      assert.deepInclude(yield* session.state, { _tag: "Connected", url: strange })
      // A strange hub cannot send it on.
      world.last.say({ type: "hub-closing", data: { reason: "update", hubs: ["ws://stranger.test"] } })
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(world.dialled, [hubA, strange, hubA])
    }).pipe(always(0.5)))

  it.effect("keeps to its own hubs when what it is told is no address", () =>
    Effect.gen(function*() {
      for (
        const hubs of [
          ["javascript:alert(1)"],
          ["ws://a b"],
          "ws://c.test",
          Array.from({ length: 9 }, () => strange)
        ]
      ) {
        const world = makeWorld()
        const session = yield* open(world, [hubA, hubB])
        yield* session.join(dove)
        world.only.say({ type: "hub-closing", data: { reason: "update", hubs } })
        world.only.drop(1001)
        yield* settle
        yield* TestClock.adjust("1 second")
        yield* settle
        assert.deepStrictEqual(world.dialled, [hubA, hubB], String(hubs))
      }
    }).pipe(always(0.5)))
})

describe("the servers that a hub offers", () => {
  it.effect("are those of its greeting, then those it sends later, then those of the next hub", () =>
    Effect.gen(function*() {
      const offering = (iceServers: unknown) => ({ ...greeting, data: { ...greeting.data, iceServers } })
      const world = makeWorld({
        [hubA]: (socket) => {
          socket.open()
          queueMicrotask(() => socket.say(offering([stun, turn])))
        }
      })
      const session = yield* open(world, [hubA, hubB])
      assert.deepStrictEqual(yield* session.iceServers, [])
      yield* session.join(dove)
      assert.deepStrictEqual(yield* session.iceServers, [stun, turn])
      const renewed = { ...turn, credential: "another" }
      world.only.say({ type: "ice-servers", data: { iceServers: [renewed] } })
      yield* settle
      assert.deepStrictEqual(yield* session.iceServers, [renewed])
      world.only.say({ type: "ice-servers", data: { iceServers: [{ urls: ["http://nowhere.test"] }] } })
      yield* settle
      assert.deepStrictEqual(yield* session.iceServers, [renewed])
      world.only.drop(1001)
      yield* settle
      // They are good for longer than a hub takes to come back.
      assert.deepStrictEqual(yield* session.iceServers, [renewed])
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(world.dialled, [hubA, hubB])
      assert.deepStrictEqual(yield* session.iceServers, [])
    }).pipe(always(0.5)))

  it.effect("do not spoil a greeting when they are not as we know them", () =>
    Effect.gen(function*() {
      for (
        const iceServers of [
          "stun:stun.test",
          [{ urls: "stun:stun.test" }],
          // A browser throws at each of these.
          [{ urls: ["turn:turn.test"] }],
          [{ urls: ["stun:stun.test?transport=udp"] }],
          [{ urls: ["turn:turn.test?transport=sctp"], username: "a", credential: "b" }],
          Array.from({ length: 9 }, () => stun)
        ]
      ) {
        const world = makeWorld({}, (socket) => {
          socket.open()
          queueMicrotask(() => socket.say({ ...greeting, data: { ...greeting.data, iceServers } }))
        })
        const session = yield* open(world, [hubA])
        yield* session.join(dove)
        assert.deepStrictEqual(yield* session.iceServers, [], JSON.stringify(iceServers))
      }
    }))
})
