/**
 * The way to a place on the ring: which neighbour leads nearer to it, and who is nearest to it of all.
 *
 * The first layer knows our neighbours and nothing else, which is all there is to know as long as everyone is linked to
 * everyone.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { PeerId } from "../domain/PeerId.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import * as Circle from "./dht/Circle.ts"
import { SessionContext } from "./SessionContext.ts"

/** The questions that routing answers at once. @category models */
export interface Ways {
  /** The neighbour on the way that is nearer to the target than we are; `undefined` when, of those left, we are the nearest. */
  nextHop(target: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** The best neighbour of those left, be it nearer than we are or not: for going around what is broken. */
  detour(target: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** The known live peers that are nearest to a target, nearest first, ourselves among them. */
  nearest(target: PeerId, count: number): ReadonlyArray<PeerId>
}

/** @category services */
export class Routing extends Context.Service<
  Routing,
  Ways & {
    /** A word whenever the peers around us are others, from the moment of subscription. */
    readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
  }
>()("homing/Routing") {
  /** Over the pool's neighbours, by their distance on the ring. PeerPigeon peers are nobody's way. */
  static readonly layerPool = Layer.effect(
    Routing,
    Effect.gen(function*() {
      const { self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const changes = yield* PubSub.sliding<void>(1)
      const news = yield* pool.news
      yield* PubSub.take(news).pipe(
        Effect.flatMap(({ _tag }) => _tag === "Ended" ? Effect.void : PubSub.publish(changes, undefined)),
        Effect.forever,
        Effect.forkScoped
      )
      const neighbours = () =>
        Array.from(pool.neighbours()).filter((peer) => pool.neighbour(peer)?.dialect === "homing")
      const detour = (target: PeerId, except: (peer: PeerId) => boolean) =>
        Circle.nearestOf(target, neighbours().filter((peer) => !except(peer)))
      return Routing.of({
        nextHop: (target, except) => {
          const best = detour(target, except)
          return best !== undefined && Circle.isNearer(target, best, self) ? best : undefined
        },
        detour,
        nearest: (target, count) => Circle.sorted(target, [self, ...neighbours()]).slice(0, count),
        changes: PubSub.subscribe(changes)
      })
    })
  )
}
