import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { World } from "../../src/testing/World.ts"
import { village } from "./village.ts"

describe("a partition", () => {
  it.effect("keeps two groups apart until it is healed", () =>
    Effect.gen(function*() {
      const world = yield* World
      const people = yield* village(6)
      const [here, there] = [people.slice(0, 3), people.slice(3)]
      const [ada, bob] = [here[0], there[0]]
      assert(ada !== undefined && bob !== undefined)
      yield* world.partition(here.map(({ peerId }) => peerId), there.map(({ peerId }) => peerId))
      yield* world.elapse("20 seconds")
      for (const person of people) assert.strictEqual(yield* person.count, 2)
      yield* ada.broadcast("only us")
      yield* world.elapse("2 seconds")
      for (const person of here) if (person !== ada) assert.deepStrictEqual(person.messages(), ["only us"])
      for (const person of there) assert.deepStrictEqual(person.messages(), [])
      yield* world.heal
      yield* world.elapse("2 minutes")
      for (const person of people) assert.isAtLeast(yield* person.count, 3)
      yield* bob.broadcast("together")
      yield* world.elapse("2 seconds")
      for (const person of people) if (person !== bob) assert.include(person.messages(), "together")
    }).pipe(Effect.scoped, Effect.provide(World.layer())))

  it.effect("that is short costs a link nothing, and what was said arrives", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob] = yield* village(2)
      assert(ada !== undefined && bob !== undefined)
      yield* world.partition([ada.peerId], [bob.peerId])
      yield* ada.broadcast(1)
      yield* ada.broadcast(2)
      yield* world.elapse("4 seconds")
      assert.deepStrictEqual(bob.messages(), [])
      yield* world.heal
      yield* world.elapse("1 second")
      assert.deepStrictEqual(bob.messages(), [1, 2])
      assert.deepStrictEqual(bob.lost(), [])
    }).pipe(Effect.scoped, Effect.provide(World.layer())))

  it.effect("can keep a peer from the hub alone, which then takes it for gone", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob] = yield* village(2)
      assert(ada !== undefined && bob !== undefined)
      yield* world.partition([ada.peerId], [world.hub.url])
      yield* world.elapse("90 seconds")
      assert.strictEqual((yield* ada.status).hub._tag === "Connected", false)
      assert.strictEqual(yield* ada.count, 1)
      assert.isTrue(
        (yield* world.trace).some((happening) => happening._tag === "HubDisconnected" && happening.peer === ada.peerId)
      )
      yield* world.heal
      yield* world.elapse("45 seconds")
      assert.strictEqual((yield* ada.status).hub._tag, "Connected")
    }).pipe(Effect.scoped, Effect.provide(World.layer())))
})

describe("a peer that vanishes", () => {
  it.effect("is noticed within 15 s", () =>
    Effect.gen(function*() {
      const world = yield* World
      const people = yield* village(5)
      const [ada, ...others] = people
      assert(ada !== undefined)
      const vanishedAt = yield* Clock.currentTimeMillis
      yield* world.vanish(ada.peerId)
      yield* world.elapse("15 seconds")
      for (const other of others) {
        assert.deepStrictEqual(other.lost().map((event) => event.peerId), [ada.peerId])
        assert.strictEqual(yield* other.count, 3)
      }
      const last = (yield* world.trace).filter(({ at }) => at > vanishedAt)
      assert.isFalse(last.some((happening) => happening._tag === "Signal" && happening.from === ada.peerId))
    }).pipe(Effect.scoped, Effect.provide(World.layer())))

  it.effect("can come back under its name", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob] = yield* village(2)
      assert(ada !== undefined && bob !== undefined)
      yield* world.vanish(ada.peerId)
      yield* world.elapse("1 second")
      const again = yield* world.peer(0)
      assert.strictEqual(again.peerId, ada.peerId)
      yield* world.run(again.join)
      yield* world.elapse("15 seconds")
      yield* world.run(bob.send(again.peerId, "welcome back"))
      assert.strictEqual(yield* bob.count, 1)
    }).pipe(Effect.scoped, Effect.provide(World.layer())))
})

describe("setting up links", () => {
  it.effect("ends well when signals are lost", () =>
    Effect.gen(function*() {
      const world = yield* World
      const people = yield* village(10)
      yield* world.elapse("1 minute")
      assert.isTrue((yield* world.trace).some(({ _tag }) => _tag === "SignalLost"))
      for (const person of people) assert.isAtLeast(yield* person.count, 4)
    }).pipe(Effect.scoped, Effect.provide(World.layer({ signalLoss: 0.3 }))))

  it.effect("is tried again when it fails or takes long", () =>
    Effect.gen(function*() {
      const world = yield* World
      const people = yield* village(10)
      yield* world.elapse("2 minutes")
      assert.isTrue((yield* world.trace).some(({ _tag }) => _tag === "LinkFailed"))
      for (const person of people) assert.isAtLeast(yield* person.count, 4)
    }).pipe(Effect.scoped, Effect.provide(World.layer({ failingSetups: 0.4, slowSetups: 0.5 }))))
})
