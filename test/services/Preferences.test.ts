/** What survives a restart, and what does not. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { KeyValueStore } from "effect/persistence"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Preferences from "../../src/services/Preferences.ts"
import { StorePlace } from "../../src/services/Stored.ts"
import { type PeerOptions, World } from "../../src/testing/World.ts"
import { elapse, simulate, world } from "../support/simulation.ts"

const key = "homing.preferences"

const makeStore = Effect.map(
  Layer.build(Layer.fresh(KeyValueStore.layerMemory)),
  (context) => Context.get(context, KeyValueStore.KeyValueStore)
)

const remembering = (store: KeyValueStore.KeyValueStore) =>
  Layer.fresh(Preferences.layer).pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))

/** A life of a mesh that remembers, in a scope of its own; the next one finds what it left. */
const live = <A, E, R>(
  store: KeyValueStore.KeyValueStore,
  options: PeerOptions,
  body: (mesh: Mesh["Service"]) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const world = yield* World
    const context = yield* Layer.build(world.mesh("ada", options).pipe(Layer.provide(remembering(store))))
    return yield* body(Context.get(context, Mesh))
  }).pipe(Effect.scoped)

/** What a mesh starts with. */
const start = (mesh: Mesh["Service"]) =>
  Effect.map(mesh.status, ({ allowGlobalFallback, originalNetworkName }) => [originalNetworkName, allowGlobalFallback])

/** The warnings of an effect. */
const warnings = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const messages: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") messages.push(String(message))
  })
  return Effect.as(Effect.provide(effect, Logger.layer([logger])), messages)
}

describe("a mesh with preferences", () => {
  it.effect("starts with the network and setting that it was told last", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      assert.deepStrictEqual(yield* live(store, {}, start), ["global", true])
      yield* live(store, {}, (mesh) => mesh.setNetworkName("work"))
      assert.deepStrictEqual(yield* live(store, {}, start), ["work", true])
      yield* live(store, {}, (mesh) => mesh.setAllowGlobalFallback(false))
      assert.deepStrictEqual(yield* live(store, {}, start), ["work", false])
      yield* live(store, {}, (mesh) => Effect.andThen(mesh.join, mesh.moveTo("gaming")))
      assert.deepStrictEqual(yield* live(store, {}, start), ["gaming", false])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is told by explicit options first, and remembers what it joined with", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      yield* live(store, {}, (mesh) => mesh.setNetworkName("work"))
      const explicit = { networkName: "gaming", allowGlobalFallback: false }
      assert.deepStrictEqual(yield* live(store, explicit, start), ["gaming", false])
      assert.deepStrictEqual(yield* live(store, {}, start), ["work", true])
      yield* live(store, explicit, (mesh) => mesh.join)
      assert.deepStrictEqual(yield* live(store, {}, start), ["gaming", false])
      assert.deepStrictEqual(yield* live(store, { allowGlobalFallback: true }, start), ["gaming", true])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("remembers its home while it is away", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      yield* live(store, { networkName: "gaming" }, (mesh) =>
        Effect.gen(function*() {
          yield* mesh.join
          yield* elapse(30)
          assert.strictEqual(yield* mesh.networkName, "global")
          yield* mesh.setAllowGlobalFallback(true)
        }))
      assert.deepStrictEqual(yield* live(store, {}, start), ["gaming", true])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("remembers nothing of a move that failed", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      yield* live(store, { networkName: "gaming" }, (mesh) =>
        Effect.gen(function*() {
          yield* Effect.flip(mesh.moveTo("work"))
          assert.strictEqual(yield* store.get(key), undefined)
          yield* mesh.join
          yield* Effect.flip(mesh.setNetworkName("work"))
          yield* Effect.flip(mesh.moveTo("No Such Name"))
        }))
      assert.deepStrictEqual(yield* live(store, {}, start), ["gaming", true])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("takes the change of another page over, and changes nothing that it was not told to", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      const [one, two] = yield* Effect.all(
        [remembering(store), remembering(store)].map((layer) =>
          Effect.map(Layer.build(layer), (context) => Context.get(context, Preferences.Preferences))
        )
      )
      assert(one && two)
      yield* one.remember({ allowGlobalFallback: false })
      yield* two.remember({ networkName: NetworkName.make("work") })
      assert.deepEqual<unknown>(yield* two.recall, { networkName: "work", allowGlobalFallback: false })
    }))
})

describe("a mesh without preferences", () => {
  it.effect("remembers nothing", () =>
    Effect.gen(function*() {
      const world = yield* World
      const first = yield* world.peer("ada")
      yield* first.setNetworkName("work")
      assert.strictEqual(yield* (yield* world.peer("ada")).networkName, "global")
    }).pipe(simulate, Effect.provide(world)))
})

describe("preferences that cannot be read", () => {
  const damaged: ReadonlyArray<readonly [text: string, problem: string]> = [
    ["", "it is not JSON"],
    ["{\"version\":1,", "it is not JSON"],
    ["{}", "it does not say its version"],
    ["{\"version\":2}", "it has version 2, and this Homing reads version 1"],
    ["{\"version\":1,\"networkName\":\"No Spaces\"}", "[\"networkName\"]"],
    ["{\"version\":1,\"allowGlobalFallback\":\"no\"}", "[\"allowGlobalFallback\"]"],
    [`"${"x".repeat(70_000)}"`, "it has 70002 characters, and 65536 are the most"]
  ]

  it.effect.each(damaged)(
    "are refused with what to do, and left as they are: %s",
    ([text, problem]) =>
      Effect.gen(function*() {
        const store = yield* makeStore
        yield* store.set(key, text)
        const error = yield* Layer.build(remembering(store)).pipe(
          Effect.flip,
          Effect.provideService(StorePlace, "/home/ada")
        )
        assert.deepInclude(error, { _tag: "StoreUnusable", what: "preferences", place: `/home/ada (${key})` })
        assert.include(error.message, problem)
        assert.include(error.message, "remove it to start with the defaults")
        assert.strictEqual(yield* store.get(key), text)
      })
  )

  it.effect("are not written over by a mesh that runs already", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      const said = yield* warnings(live(store, {}, (mesh) =>
        Effect.gen(function*() {
          yield* store.set(key, "garbled")
          yield* mesh.setNetworkName("work")
          assert.strictEqual(yield* mesh.networkName, "work")
        })))
      assert.strictEqual(yield* store.get(key), "garbled")
      assert.lengthOf(said, 1)
      assert.match(said.join(), /not remembered: The preferences .* cannot be used: it is not JSON/)
    }).pipe(simulate, Effect.provide(world)))
})

describe("a store that cannot be written", () => {
  it.effect("is a warning, and the change holds until the end", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      const full = KeyValueStore.make({
        ...store,
        set: (key) => Effect.fail(new KeyValueStore.KeyValueStoreError({ method: "set", key, message: "disk full" }))
      })
      const said = yield* warnings(live(full, {}, (mesh) =>
        Effect.gen(function*() {
          yield* mesh.setNetworkName("work")
          assert.strictEqual(yield* mesh.networkName, "work")
        })))
      assert.match(said.join(), /it cannot be written \(disk full\)/)
    }).pipe(simulate, Effect.provide(world)))
})
