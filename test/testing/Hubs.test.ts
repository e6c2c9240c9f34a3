import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { introductions } from "../../src/hub/Limits.ts"
import { SignalingTransport } from "../../src/services/SignalingTransport.ts"
import { World } from "../../src/testing/World.ts"
import { village } from "./village.ts"

describe("a hub", () => {
  it.effect("that is out costs linked peers no message, and is found again", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob, cal] = yield* village(3)
      assert(ada !== undefined && bob !== undefined && cal !== undefined)
      yield* world.hub.stop
      for (let n = 0; n < 60; n++) {
        yield* ada.broadcast(n)
        yield* world.elapse("1 second")
      }
      const all = Array.from({ length: 60 }, (_, n) => n)
      assert.deepStrictEqual(bob.messages(), all)
      assert.deepStrictEqual(cal.messages(), all)
      assert.strictEqual((yield* ada.status).hub._tag === "Connected", false)
      yield* world.hub.start
      yield* world.elapse("35 seconds")
      for (const person of [ada, bob, cal]) assert.strictEqual((yield* person.status).hub._tag, "Connected")
      assert.deepStrictEqual([ada, bob, cal].flatMap(({ lost }) => lost()), [])
    }).pipe(Effect.scoped, Effect.provide(World.layer())))

  it.effect("that does not answer fails a join, and another takes its place", () =>
    Effect.gen(function*() {
      const world = yield* World
      for (const hub of world.hubs) yield* hub.stop
      const ada = yield* world.peer("ada")
      const error = yield* world.run(Effect.flip(ada.join))
      assert.strictEqual(error._tag, "HubUnreachable")
      const [, second] = world.hubs
      assert(second !== undefined)
      yield* second.start
      yield* world.run(ada.join)
      assert.deepInclude((yield* ada.status).hub, { _tag: "Connected", url: "wss://two.test" })
    }).pipe(Effect.provide(World.layer({ hubs: ["ws://one.test", "wss://two.test"] }))))

  it.effect("tells who left", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, ...others] = yield* village(4)
      assert(ada !== undefined)
      yield* world.run(ada.leave)
      yield* world.elapse("1 second")
      for (const person of others) assert.strictEqual((yield* person.status).knownCount, 2)
    }).pipe(Effect.scoped, Effect.provide(World.layer())))

  it.effect("introduces a newcomer to 20 members at most, however many there are", () =>
    Effect.gen(function*() {
      const world = yield* World
      const enter = Effect.fnUntraced(function*(name: number) {
        const peerId = yield* world.idOf(name)
        const transport = Context.get(yield* Layer.build(Layer.fresh(world.edges(peerId))), SignalingTransport)
        const session = yield* transport.open({ peerId, hubs: [world.hub.url] })
        return yield* session.join(NetworkName.make("crowd"))
      })
      yield* world.run(Effect.scoped(Effect.gen(function*() {
        for (let n = 0; n < 70; n++) yield* enter(n)
        const { news } = yield* enter(70)
        yield* Effect.sleep("1 second")
        const met = (yield* Queue.takeAll(news)).flatMap((news) =>
          news._tag === "Signal" && news.signal.type === "peer-discovered" ? [news.signal.data.peerId] : []
        )
        assert.strictEqual(met.length, introductions)
        assert.strictEqual(new Set(met).size, introductions)
      })))
    }).pipe(Effect.provide(World.layer())))

  it.effect("keeps networks apart", () =>
    Effect.gen(function*() {
      const world = yield* World
      const ada = yield* world.peer("ada", { networkName: "chess" })
      const bob = yield* world.peer("bob", { networkName: "checkers" })
      yield* world.run(Effect.all([ada.join, bob.join]))
      yield* world.elapse("10 seconds")
      assert.strictEqual((yield* ada.status).knownCount, 0)
      assert.deepStrictEqual(yield* bob.peers, [])
    }).pipe(Effect.provide(World.layer())))
})
