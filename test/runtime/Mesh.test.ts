import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Stream } from "effect"
import { elapse, mesh, simulate, world } from "../support/simulation.ts"

describe("Mesh", () => {
  it.effect("links everyone in a small network and carries broadcasts and direct messages", () =>
    Effect.gen(function*() {
      const meshes = yield* Effect.forEach([1, 2, 3, 4, 5], (n) => mesh(n))
      const heard = yield* Effect.forEach(meshes, (m) =>
        m.events.pipe(
          Stream.filter((event) => event._tag === "Message"),
          Stream.take(1),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        ))
      yield* Effect.forEach(meshes, (m) => m.join)
      yield* elapse(5)
      for (const m of meshes) assert.strictEqual((yield* m.peers).length, 4)
      const [first, second] = meshes
      assert.isDefined(first)
      assert.isDefined(second)
      assert.strictEqual((yield* first.broadcast({ hello: "everyone" })).neighbours, 4)
      const sent = yield* second.send(first.peerId, new Uint8Array([1, 2, 3])).pipe(Effect.forkChild)
      yield* elapse(1)
      yield* Fiber.join(sent)
      const events = yield* Effect.forEach(heard, Fiber.join)
      assert.deepInclude(events[0]?.[0], {
        kind: "direct",
        content: new Uint8Array([1, 2, 3]),
        from: second.peerId,
        hops: 1
      })
      for (const [message] of events.slice(1)) {
        assert.deepInclude(message, { kind: "broadcast", content: { hello: "everyone" }, from: first.peerId })
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("reaches everyone of a network that is too large to link completely", () =>
    Effect.gen(function*() {
      const count = 40
      const meshes = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n + 1), (n) => mesh(n))
      const heard = new Map<number, Array<unknown>>()
      yield* Effect.forEach(meshes, (m, n) =>
        m.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag === "Message") heard.set(n, [...heard.get(n) ?? [], event.content])
            })
          ),
          Effect.forkScoped({ startImmediately: true })
        ))
      yield* Effect.forEach(meshes, (m) => m.join)
      yield* elapse(12)
      for (const m of meshes) {
        const linked = (yield* m.peers).length
        assert.isAtLeast(linked, 4)
        assert.isAtMost(linked, 8)
      }
      const first = meshes[0]
      assert.isDefined(first)
      yield* first.broadcast("all of you")
      const sends = yield* Effect.forEach(meshes.slice(1), (m, n) => first.send(m.peerId, n), {
        concurrency: "unbounded"
      }).pipe(Effect.forkChild)
      yield* elapse(3)
      yield* Fiber.join(sends)
      for (let n = 1; n < count; n++) assert.sameMembers(heard.get(n) ?? [], ["all of you", n - 1])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("lets neighbours that leave at the same moment go without waiting for each other", () =>
    Effect.gen(function*() {
      for (let n = 0; n < 20; n++) {
        const networkName = `pair-${n}`
        const pair = [yield* mesh(2 * n, { networkName }), yield* mesh(2 * n + 1, { networkName })]
        yield* Effect.forEach(pair, (each) => each.join)
        yield* elapse(3)
        const before = yield* Clock.currentTimeMillis
        // At the same moment or a little later: what they say crosses in every way there is.
        yield* Effect.forEach(pair, (each, second) => Effect.delay(each.leave, 10 * n * second), { concurrency: 2 })
        assert.isBelow((yield* Clock.currentTimeMillis) - before, 1500)
      }
    }).pipe(simulate, Effect.provide(world)))
})
