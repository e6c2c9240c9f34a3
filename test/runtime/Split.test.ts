/** A network that is in two parts which know nothing of each other: the hub sees two names, and brings them together. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Scope } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity, keyLength } from "../../src/services/Identity.ts"
import { type MembershipNews, SignalingTransport } from "../../src/services/SignalingTransport.ts"
import { World } from "../../src/testing/World.ts"
import { type Citizen, components, ringShare } from "../support/town.ts"

/** Signaling on which some peers are not heard to be introduced. */
const deaf = (isUnheard: (peer: PeerId) => boolean) =>
  Layer.effect(
    SignalingTransport,
    Effect.map(SignalingTransport, (transport) =>
      SignalingTransport.of({
        open: (options) =>
          Effect.map(transport.open(options), (session) => ({
            ...session,
            join: Effect.fnUntraced(function*(name, options) {
              const membership = yield* session.join(name, options)
              const news = yield* Queue.unbounded<MembershipNews>()
              yield* Queue.take(membership.news).pipe(
                Effect.flatMap((word) =>
                  word._tag === "Signal" && word.signal.type === "peer-discovered" &&
                    isUnheard(word.signal.data.peerId)
                    ? Effect.void
                    : Queue.offer(news, word)
                ),
                Effect.forever,
                Effect.forkScoped
              )
              return { ...membership, news }
            })
          }))
      }))
  )

const inWorld = (seed: number) => <A, E>(test: Effect.Effect<A, E, World | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(World.layer({ seed })))

/** So many peers, each deaf to the introductions of some others. */
const grow = Effect.fnUntraced(function*(count: number, isUnheard: (peer: PeerId, by: PeerId) => boolean) {
  const world = yield* World
  const citizens: Array<Citizen> = []
  // To say goodbye takes time.
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => world.run(Scope.close(scope, exit)))
  for (let n = 0; n < count; n++) {
    const identity = yield* world.still(
      Effect.scoped(Layer.build(Layer.fresh(Identity.layerFromKey(new Uint8Array(keyLength).fill(n + 1)))))
    )
    const { peerId } = Context.get(identity, Identity)
    const edges = world.edges(peerId)
    const layer = Mesh.layer({ hubs: world.hub.url, networkName: "town", allowGlobalFallback: false }).pipe(
      Layer.provide(deaf((peer) => isUnheard(peer, peerId))),
      Layer.provide(edges),
      Layer.provide(Layer.succeedContext(identity)),
      Layer.fresh
    )
    const mesh = Context.get(yield* Layer.buildWithScope(layer, scope), Mesh)
    yield* world.run(mesh.join)
    citizens.push({ mesh, peerId, heard: new Map(), opened: () => 0 })
  }
  return citizens
})

/** Half of all peers, whatever their place on the ring. */
const isLeft = (peer: PeerId) => Number.parseInt(peer.slice(-1), 16) % 2 === 0

describe.each([1, 2])("a network in two parts that never heard of each other, seed %i", (seed) => {
  it.effect("becomes one, because its hub sees two names", () =>
    inWorld(seed)(Effect.gen(function*() {
      const world = yield* World
      let areApart = true
      const citizens = yield* grow(24, (peer, by) => areApart && isLeft(peer) !== isLeft(by))
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
