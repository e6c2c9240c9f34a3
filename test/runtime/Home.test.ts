/** Home and away: what a peer does when its network is empty, and when it is not any more. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Stream, SubscriptionRef } from "effect"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { decide, defaultSettings } from "../../src/domain/NetworkHealth.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { FallbackPolicy } from "../../src/services/FallbackPolicy.ts"
import { HealthSource } from "../../src/services/HealthSource.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, simulate, world } from "../support/simulation.ts"

/** The networks that a mesh has been in, from now on. */
const itinerary = Effect.fnUntraced(function*(ada: Mesh["Service"]) {
  const networks: Array<string> = []
  yield* ada.events.pipe(
    Stream.runForEach((event: MeshEvent) =>
      Effect.sync(() => {
        if (event._tag === "StatusChanged" && event.type === "network") networks.push(event.networkName)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return networks
})

const where = (ada: Mesh["Service"]) => ada.networkName

describe("a peer whose network is empty", () => {
  it.effect("goes to global after the grace period, talks there, and comes home when somebody is there", () =>
    Effect.gen(function*() {
      const [ada, guest, bob] = [yield* mesh(1), yield* mesh(2, { networkName: "global" }), yield* mesh(3)]
      yield* guest.join
      yield* ada.join
      yield* elapse(9)
      assert.strictEqual(yield* where(ada), "gaming")
      yield* elapse(12)
      assert.strictEqual(yield* where(ada), "global")
      assert.isTrue(yield* ada.isUsingGlobalFallback)
      assert.strictEqual(yield* ada.originalNetworkName, "gaming")
      yield* ada.send(guest.peerId, "hello from away")
      const refused = yield* Effect.flip(ada.broadcast("for gamers only", { audience: "home" }))
      assert.strictEqual(refused._tag, "AwayFromHome")
      yield* bob.join
      yield* elapse(2)
      assert.strictEqual(yield* where(ada), "gaming")
      yield* elapse(3)
      yield* bob.send(ada.peerId, "welcome home")
      assert.isFalse((yield* ada.status).isInFallbackMode)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("finds another who has fallen back too, and both go home", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      // Each is alone in a world of its own: neither hub nor anyone sees both.
      yield* ada.join
      yield* world.partition([ada.peerId], [world.hub.url])
      yield* bob.join
      yield* elapse(90)
      assert.strictEqual(yield* where(bob), "global")
      yield* world.heal
      yield* elapse(90)
      assert.deepStrictEqual([yield* where(ada), yield* where(bob)], ["gaming", "gaming"])
      assert.strictEqual((yield* ada.peers).length, 1)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes home with all others who wait for it, although nobody is there", () =>
    Effect.gen(function*() {
      const meshes = yield* Effect.forEach([1, 2, 3], (n) => mesh(n))
      const [first, ...others] = meshes
      assert.isDefined(first)
      yield* first.join
      yield* elapse(30)
      assert.strictEqual(yield* where(first), "global")
      // They are elsewhere, and make the empty network their home: all are away, and all wait.
      yield* Effect.forEach(others, (other) => Effect.andThen(other.setNetworkName("global"), other.join))
      const networks = yield* itinerary(first)
      yield* Effect.forEach(others, (other) => other.moveTo("gaming"))
      yield* elapse(10)
      for (const each of meshes) assert.strictEqual(yield* where(each), "gaming")
      assert.deepStrictEqual(networks, ["gaming"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("stays when strict, and when the hub is merely away", () =>
    Effect.gen(function*() {
      const strict = yield* mesh(1)
      const world = yield* World
      yield* strict.setAllowGlobalFallback(false)
      yield* strict.join
      const patient = yield* mesh(2, { networkName: "work" })
      yield* patient.join
      yield* world.hub.stop
      yield* elapse(120)
      assert.strictEqual(yield* where(strict), "gaming")
      assert.strictEqual(yield* where(patient), "work")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes home at once when falling back is forbidden while it is away", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      yield* ada.join
      yield* elapse(30)
      assert.strictEqual(yield* where(ada), "global")
      const networks = yield* itinerary(ada)
      yield* ada.setAllowGlobalFallback(false)
      yield* elapse(60)
      assert.deepStrictEqual(networks, ["gaming"])
    }).pipe(simulate, Effect.provide(world)))
})

describe("at a hub of PeerPigeon's, which cannot count", () => {
  const older = World.layer({ pigeonHubs: ["ws://hub.test"] })

  it.effect("a peer that is away looks in at home, and comes back when somebody is there", () =>
    Effect.gen(function*() {
      const [ada, bob, guest] = [yield* mesh(1), yield* mesh(2), yield* mesh(3, { networkName: "global" })]
      yield* guest.join
      yield* ada.join
      yield* elapse(25)
      assert.strictEqual(yield* where(ada), "global")
      yield* ada.send(guest.peerId, "hello from away")
      const itineraryOfAda = yield* itinerary(ada)
      // Strict, and so at home whoever is there.
      yield* bob.setAllowGlobalFallback(false)
      yield* bob.join
      yield* elapse(5 * 60)
      assert.deepStrictEqual(itineraryOfAda, ["gaming"])
      yield* bob.send(ada.peerId, "welcome home")
    }).pipe(simulate, Effect.provide(older)))

  it.effect("a peer that looks in stays linked where it is, and is found there by newcomers", () =>
    Effect.gen(function*() {
      const [ada, guest, newcomer] = [
        yield* mesh(1),
        yield* mesh(2, { networkName: "global" }),
        yield* mesh(3, { networkName: "global" })
      ]
      yield* guest.join
      yield* ada.join
      yield* elapse(25)
      const lost: Array<MeshEvent> = []
      yield* ada.events.pipe(
        Stream.filter((event) => event._tag === "PeerDisconnected"),
        Stream.runForEach((event) => Effect.sync(() => void lost.push(event))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* elapse(20 * 60)
      assert.deepStrictEqual([yield* where(ada), lost], ["global", []])
      yield* newcomer.join
      yield* elapse(20)
      assert.sameMembers((yield* newcomer.peers).map(({ peerId }) => peerId), [ada.peerId, guest.peerId])
    }).pipe(simulate, Effect.provide(older)))

  it.effect("two who are both away meet at home, and stay", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      yield* ada.join
      yield* elapse(40)
      yield* bob.join
      yield* elapse(19)
      assert.deepStrictEqual([yield* where(ada), yield* where(bob)], ["global", "global"])
      yield* elapse(10 * 60)
      assert.deepStrictEqual([yield* where(ada), yield* where(bob)], ["gaming", "gaming"])
      yield* ada.send(bob.peerId, "here we are")
    }).pipe(simulate, Effect.provide(older)))
})

describe("a policy of one's own", () => {
  it.effect("decides instead of the default", () =>
    Effect.gen(function*() {
      const world = yield* World
      const region = NetworkName.make("region")
      const regionFirst = Layer.succeed(FallbackPolicy, {
        decide: (health) => decide(health, { ...defaultSettings, grace: Duration.seconds(3), refuge: region })
      })
      const context = yield* Layer.build(
        world.mesh("traveller", { networkName: "gaming" }).pipe(Layer.provide(regionFirst))
      )
      const traveller = Context.get(context, Mesh)
      yield* traveller.join
      yield* elapse(12)
      assert.strictEqual(yield* where(traveller), "region")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that throws is said to have failed, and the peer stays where it is", () =>
    Effect.gen(function*() {
      const world = yield* World
      let asked = 0
      const broken = Layer.succeed(FallbackPolicy, {
        decide: (health) => {
          if (asked++ < 3) throw new Error("not today")
          return decide(health)
        }
      })
      const context = yield* Layer.build(
        world.mesh("unlucky", { networkName: "gaming" }).pipe(Layer.provide(broken))
      )
      const unlucky = Context.get(context, Mesh)
      yield* unlucky.join
      yield* elapse(60)
      assert.isAbove(asked, 3)
      assert.strictEqual(yield* where(unlucky), "global")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a health source of one's own", () => {
  it.effect("looks over the mesh's shoulder, and is what the policy sees", () =>
    Effect.gen(function*() {
      const world = yield* World
      // A friend's telephone, say: somebody is about to come home.
      const told = yield* SubscriptionRef.make(1)
      const friend = Layer.succeed(HealthSource, {
        observe: (own) =>
          Effect.succeed({
            now: Effect.gen(function*() {
              const health = yield* own.now
              return health === undefined ? undefined : { ...health, othersAtHome: yield* SubscriptionRef.get(told) }
            }),
            news: Stream.merge(own.news, SubscriptionRef.changes(told))
          })
      })
      const context = yield* Layer.build(
        world.mesh("patient", { networkName: "gaming" }).pipe(Layer.provide(friend))
      )
      const patient = Context.get(context, Mesh)
      yield* patient.join
      yield* elapse(60)
      assert.strictEqual(yield* where(patient), "gaming")
      yield* SubscriptionRef.set(told, 0)
      yield* elapse(20)
      assert.strictEqual(yield* where(patient), "global")
      yield* SubscriptionRef.set(told, 2)
      yield* elapse(1)
      assert.strictEqual(yield* where(patient), "gaming")
    }).pipe(simulate, Effect.provide(world)))
})

describe("50 peers who were all alone", () => {
  it.effect("all go home", () =>
    Effect.gen(function*() {
      const first = yield* mesh(0)
      yield* first.join
      yield* elapse(30)
      assert.strictEqual(yield* where(first), "global")
      const others = yield* Effect.forEach(Array.from({ length: 49 }, (_, n) => n + 1), (n) => mesh(n))
      yield* Effect.forEach(others, (other) => other.join)
      yield* elapse(30)
      for (const each of [first, ...others]) assert.strictEqual(yield* where(each), "gaming")
    }).pipe(simulate, Effect.provide(world)))
})
