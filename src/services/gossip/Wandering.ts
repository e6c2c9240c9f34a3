/**
 * Messages that nobody confirms, as PeerPigeon sends them: straight to their addressee where there is a link, towards it where
 * a way is known, and to everybody otherwise.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { MessageTooLarge } from "../../domain/Errors.ts"
import type { Gossip as Message } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import { Membership } from "../Membership.ts"
import type { Routes } from "./Routes.ts"

/** Sends a message on its way to one peer, but not back to whom it came from, and says over how many links. @category models */
export type Wander = (
  message: Message,
  to: PeerId,
  from: PeerId | undefined
) => Effect.Effect<number, MessageTooLarge>

/** @category constructors */
export const make = Effect.fnUntraced(function*(routes: Routes) {
  const pool = yield* ConnectionPool
  const membership = yield* Membership

  const wander: Wander = Effect.fnUntraced(function*(message, to, from) {
    const hasHandled = (peer: PeerId) => peer === from || message.path.includes(peer)
    for (const way of [() => to, () => membership.wayTo(to, hasHandled), () => routes.via(to)]) {
      const next = way()
      if (next === undefined || hasHandled(next) || pool.neighbour(next) === undefined) continue
      const sent = yield* Effect.result(pool.send(next, message))
      if (Result.isSuccess(sent)) return 1
      if (sent.failure._tag === "MessageTooLarge") return yield* sent.failure
    }
    return yield* pool.fanOut(message, hasHandled)
  })
  return wander
})
