/** The ring of real meshes in a simulated world: that it forms, keeps together, and mends itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { World } from "../../src/testing/World.ts"
import { arrive, type Citizen, components, graph, grow, ringShare } from "../support/town.ts"

const seeds = [1, 2]
const inWorld = (seed: number) => <A, E>(test: Effect.Effect<A, E, World | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(World.layer({ seed })))

const arrivals = [["one a second", 1000], ["20 a second", 50], ["all at once", 0]] as const

const reaches = Effect.fnUntraced(function*(citizens: ReadonlyArray<Citizen>, content: string) {
  const world = yield* World
  const [first, ...others] = citizens
  assert.isDefined(first)
  yield* first.mesh.broadcast(content)
  yield* world.elapse("4 seconds")
  return others.filter(({ heard }) => heard.has(content)).length === others.length
})

describe.each(seeds)("30 peers, seed %i", (seed) => {
  it.effect.each(arrivals)(
    "that come %s are one network of few links within 10 seconds",
    ([, gap]) =>
      inWorld(seed)(Effect.gen(function*() {
        const world = yield* World
        const citizens = yield* grow(30, gap)
        yield* world.elapse("10 seconds")
        assert.deepStrictEqual(yield* components(citizens), [30])
        const degrees = (yield* graph(citizens)).map((links) => links.length)
        assert.isAtMost(Math.max(...degrees), 8)
        assert.isAtLeast(Math.min(...degrees), 4)
        assert.isTrue(yield* reaches(citizens, "all"))
        yield* world.elapse("20 seconds")
        assert.strictEqual(yield* ringShare(citizens), 1)
      }))
  )

  it.effect("of which 9 vanish at once stay together, and mend the ring", () =>
    inWorld(seed)(Effect.gen(function*() {
      const world = yield* World
      const citizens = yield* grow(30, 50)
      yield* world.elapse("30 seconds")
      const survivors = citizens.filter((_, n) => n % 10 > 2)
      for (const citizen of citizens) if (!survivors.includes(citizen)) yield* world.vanish(citizen.peerId)
      yield* world.elapse("15 seconds")
      assert.deepStrictEqual(yield* components(survivors), [survivors.length])
      assert.isTrue(yield* reaches(survivors, "still here"))
      yield* world.elapse("45 seconds")
      assert.strictEqual(yield* ringShare(survivors), 1)
    })))

  it.effect("mend the ring over the mesh while no hub is there", () =>
    inWorld(seed)(Effect.gen(function*() {
      const world = yield* World
      const citizens = yield* grow(30, 50)
      yield* world.elapse("30 seconds")
      yield* world.hub.stop
      const survivors = citizens.filter((_, n) => n % 5 > 0)
      for (const citizen of citizens) if (!survivors.includes(citizen)) yield* world.vanish(citizen.peerId)
      yield* world.elapse("60 seconds")
      assert.deepStrictEqual(yield* components(survivors), [survivors.length])
      assert.isAtLeast(yield* ringShare(survivors), 0.99)
      assert.isTrue(yield* reaches(survivors, "without a hub"))
    })))

  it.effect("that are cut in two become one ring again", () =>
    inWorld(seed)(Effect.gen(function*() {
      const world = yield* World
      const citizens = yield* grow(30, 50)
      yield* world.elapse("30 seconds")
      const ids = citizens.map(({ peerId }) => peerId)
      yield* world.partition([...ids.slice(0, 15), world.hub.url], ids.slice(15))
      yield* world.elapse("2 minutes")
      assert.deepStrictEqual(yield* components(citizens), [15, 15])
      yield* world.heal
      yield* world.elapse("2 minutes")
      assert.deepStrictEqual(yield* components(citizens), [30])
      assert.strictEqual(yield* ringShare(citizens), 1)
      assert.isTrue(yield* reaches(citizens, "together again"))
    })))
})

describe("a direct message", () => {
  it.effect("finds its way to a peer that is not linked, and fails for one that is gone", () =>
    inWorld(1)(Effect.gen(function*() {
      const world = yield* World
      const citizens = yield* grow(30, 50)
      yield* world.elapse("20 seconds")
      for (const [n, { mesh }] of citizens.entries()) {
        const to = citizens[(n + 11) % citizens.length]
        assert.isDefined(to)
        yield* world.run(mesh.send(to.peerId, `to ${n}`))
        assert.isTrue(to.heard.has(`to ${n}`))
      }
      const [first, , gone] = citizens
      assert.isDefined(first)
      assert.isDefined(gone)
      yield* world.vanish(gone.peerId)
      const error = yield* world.run(Effect.flip(first.mesh.send(gone.peerId, "too late")))
      assert.strictEqual(error._tag, "PeerUnreachable")
    })))
})

describe("a peer that lost its only link", () => {
  it.effect("has it again once the way is whole", () =>
    inWorld(1)(Effect.gen(function*() {
      const world = yield* World
      const ada = yield* world.run(arrive("ada"))
      const bob = yield* world.run(arrive("bob"))
      yield* world.elapse("5 seconds")
      assert.deepStrictEqual(yield* components([ada, bob]), [2])
      yield* world.partition([ada.peerId], [bob.peerId])
      yield* world.elapse("1 minute")
      assert.deepStrictEqual(yield* components([ada, bob]), [1, 1])
      yield* world.heal
      yield* world.elapse("90 seconds")
      assert.deepStrictEqual(yield* components([ada, bob]), [2])
    })))
})
