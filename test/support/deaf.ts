/** Meshes that do not hear of some peers from their hub, as if it had never introduced them. */
import { Context, Effect, Layer, Queue, Scope } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity, keyLength } from "../../src/services/Identity.ts"
import { type MembershipNews, SignalingTransport } from "../../src/services/SignalingTransport.ts"
import { World } from "../../src/testing/World.ts"
import type { Citizen } from "./town.ts"

/** What a mesh hears of its hub, and what it asks of it. */
interface Ear {
  readonly isUnheard: (peer: PeerId) => boolean
  readonly asked: () => void
}

const signaling = ({ asked, isUnheard }: Ear) =>
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
              return { ...membership, news, announce: Effect.andThen(Effect.sync(asked), membership.announce) }
            })
          }))
      }))
  )

/** A mesh of such a kind, which also counts how often it asked its hub to be introduced anew. */
export interface DeafCitizen extends Citizen {
  asked(): number
}

/** Lets meshes arrive one after the other, for as long as the scope lives. */
export const make = Effect.gen(function*() {
  const world = yield* World
  // To say goodbye takes time.
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => world.run(Scope.close(scope, exit)))

  /** One that has joined; its identity follows from its number. */
  const arrive = Effect.fnUntraced(function*(n: number, isUnheard: (peer: PeerId, by: PeerId) => boolean) {
    const identity = yield* world.still(
      Effect.scoped(Layer.build(Layer.fresh(Identity.layerFromKey(new Uint8Array(keyLength).fill(n + 1)))))
    )
    const { peerId } = Context.get(identity, Identity)
    let asked = 0
    const ear: Ear = { isUnheard: (peer) => isUnheard(peer, peerId), asked: () => void asked++ }
    const layer = Mesh.layer({ hubs: world.hub.url, networkName: "town", allowGlobalFallback: false }).pipe(
      Layer.provide(signaling(ear)),
      Layer.provide(world.edges(peerId)),
      Layer.provide(Layer.succeedContext(identity)),
      Layer.fresh
    )
    const mesh = Context.get(yield* Layer.buildWithScope(layer, scope), Mesh)
    yield* world.run(mesh.join)
    return { mesh, peerId, heard: new Map(), opened: () => 0, asked: () => asked } satisfies DeafCitizen as DeafCitizen
  })
  return { arrive }
})
