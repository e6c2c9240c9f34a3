import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { World, type WorldOptions } from "../../src/testing/World.ts"
import { village } from "./village.ts"

/** A minute in which much goes wrong, and everything that happens in it. */
const story = (seed: string) => {
  const options: WorldOptions = { seed, signalLoss: 0.1, slowSetups: 0.2, failingSetups: 0.2, tracePackets: true }
  return Effect.gen(function*() {
    const world = yield* World
    const people = yield* village(12)
    const [first, second, third] = people
    assert(first !== undefined && second !== undefined && third !== undefined)
    yield* first.broadcast("hello")
    yield* world.partition([first.peerId, second.peerId], people.slice(2).map(({ peerId }) => peerId))
    yield* world.elapse("20 seconds")
    yield* world.heal
    yield* world.hub.stop
    yield* world.vanish(third.peerId)
    yield* world.elapse("10 seconds")
    yield* world.hub.start
    yield* world.elapse("25 seconds")
    const ids = people.flatMap(({ heard }) => heard.flatMap((event) => event._tag === "Message" ? [event.id] : []))
    return { trace: yield* world.trace, ids }
  }).pipe(Effect.provide(World.layer(options)), Effect.scoped)
}

describe("a seed", () => {
  it.effect("replays a run event for event, packet for packet", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* story("one"), yield* story("one")]
      assert.isAbove(first.trace.length, 1000)
      assert.isAbove(first.ids.length, 0)
      assert.deepStrictEqual(first, second)
    }))

  it.effect("that is another makes another run", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* story("one"), yield* story("two")]
      assert.notDeepEqual(first.trace.slice(0, 50), second.trace.slice(0, 50))
    }))

  it.effect("and a name make an identity", () =>
    Effect.gen(function*() {
      const idIn = (seed: string, name: string) =>
        World.use((world) => world.idOf(name)).pipe(Effect.provide(World.layer({ seed })))
      assert.strictEqual(yield* idIn("one", "ada"), yield* idIn("one", "ada"))
      assert.notStrictEqual(yield* idIn("one", "ada"), yield* idIn("one", "bob"))
      assert.notStrictEqual(yield* idIn("one", "ada"), yield* idIn("two", "ada"))
    }))
})
