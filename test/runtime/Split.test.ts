/** Peers that know nothing of each other find each other by their hub. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { World } from "../../src/testing/World.ts"
import * as Deaf from "../support/deaf.ts"
import { components, ringShare } from "../support/town.ts"

const inWorld = (seed: number) => <A, E>(test: Effect.Effect<A, E, World | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(World.layer({ seed })))

/** Half of all peers, whatever their place on the ring. */
const isLeft = (peer: PeerId) => Number.parseInt(peer.slice(-1), 16) % 2 === 0

describe.each([1, 2])("a network in two parts that never heard of each other, seed %i", (seed) => {
  it.effect("becomes one, because its hub sees two names", () =>
    inWorld(seed)(Effect.gen(function*() {
      const world = yield* World
      const { arrive } = yield* Deaf.make
      let areApart = true
      const citizens = yield* Effect.forEach(
        Array.from({ length: 24 }, (_, n) => n),
        (n) => arrive(n, (peer, by) => areApart && isLeft(peer) !== isLeft(by))
      )
      const parts = [citizens.filter(({ peerId }) => isLeft(peerId)), citizens.filter(({ peerId }) => !isLeft(peerId))]
      yield* world.elapse("2 minutes")
      const sizes = parts.map((part) => part.length).toSorted((a, b) => b - a)
      assert.deepStrictEqual(yield* components(citizens), sizes)
      areApart = false
      yield* world.elapse("1 minute")
      assert.deepStrictEqual(yield* components(citizens), [24])
      yield* world.elapse("1 minute")
      assert.strictEqual(yield* ringShare(citizens), 1)
    })))
})

describe("a peer whose only neighbour is gone", () => {
  it.effect("goes back to the hub, and is linked to whoever is there", () =>
    inWorld(1)(Effect.gen(function*() {
      const world = yield* World
      const { arrive } = yield* Deaf.make
      let isDeaf = false
      const ada = yield* arrive(0, () => isDeaf)
      const bob = yield* arrive(1, () => isDeaf)
      yield* world.elapse("5 seconds")
      assert.deepStrictEqual(yield* components([ada, bob]), [2])
      isDeaf = true
      const dan = yield* arrive(2, () => isDeaf)
      yield* world.elapse("1 second")
      isDeaf = false
      assert.strictEqual(ada.asked(), 0)
      yield* world.partition([ada.peerId, dan.peerId], [bob.peerId])
      // The link is given up after 10 to 12 seconds, and no two heartbeats have told the hub of a split by then.
      yield* world.elapse("20 seconds")
      assert.isAtLeast(ada.asked(), 1)
      assert.deepStrictEqual(yield* components([ada, dan]), [2])
    })))
})
