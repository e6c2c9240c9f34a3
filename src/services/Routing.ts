/**
 * The way to a place on the ring: which neighbour leads nearer to it, and who is nearest to it of all. `Membership` knows:
 * its ring holds neighbours' neighbours, and those who are near without being linked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { PeerId } from "../domain/PeerId.ts"
import { Membership } from "./Membership.ts"

/** The questions that routing answers at once. @category models */
export interface Ways {
  /**
   * The neighbour that leads nearer to the target than we are, itself or by one of its neighbours; `undefined` when, of
   * those left, we are the nearest.
   */
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
  static readonly layer = Layer.effect(
    Routing,
    Effect.map(
      Membership,
      ({ changes, detour, nearest, nextHop }) => Routing.of({ nextHop, detour, nearest, changes })
    )
  )
}
