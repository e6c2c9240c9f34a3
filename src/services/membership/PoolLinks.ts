/**
 * The pool's links as the membership sees them, a step behind: which are open or under way, which are about to end, and what
 * is done with them. A peer whose link we hang up cannot be linked anew before that has ended.
 */
import * as Effect from "effect/Effect"
import type { Dialect } from "../../domain/Frame.ts"
import type { OverlayFrame } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerSignal } from "../../domain/Signal.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import type { OpenLink } from "../link/OpenLink.ts"

/** @category models */
export type Offer = Extract<PeerSignal, { readonly type: "offer" }>

/** What waits for the end of a link. @category models */
export interface Next {
  readonly dial?: Dialect
  readonly offer?: Offer
}

/** @category models */
export interface PoolLinks {
  /** Links that the core knows to be open. */
  readonly met: Map<PeerId, OpenLink>
  /** Links open or under way, as far as the pool's news have been taken. */
  readonly held: Set<PeerId>
  /** Links that we hang up and whose end is still to come. The core wants to hear no more of them. */
  readonly ending: Map<PeerId, Next>
  /** Makes a link, now or after the end of the one before. */
  dial(peer: PeerId, dialect: Dialect): Effect.Effect<void>
  /** Takes an offer, likewise. */
  accept(offer: Offer): Effect.Effect<void>
  /** Takes an offer, whatever is about to end. */
  acceptNow(offer: Offer): Effect.Effect<void>
  /** A link has ended that we hung up: what has waited for that is done. */
  goOn(peer: PeerId, next: Next): Effect.Effect<void>
  /** Ends a link without waiting for it. */
  hangUp(peer: PeerId, reason: string): Effect.Effect<void>
  /** Sends a frame; what finds no room waits for it aside. */
  send(to: PeerId, frame: OverlayFrame): Effect.Effect<void>
}

/** No links yet. What waits aside ends with the scope. @category constructors */
export const make = Effect.gen(function*() {
  const pool = yield* ConnectionPool
  const scope = yield* Effect.scope
  const held = new Set<PeerId>()
  const ending = new Map<PeerId, Next>()

  const dialNow = Effect.fnUntraced(function*(peerId: PeerId, dialect: Dialect) {
    held.add(peerId)
    yield* pool.dial(peerId, { dialect })
  })

  const acceptNow = Effect.fnUntraced(function*(offer: Offer) {
    held.add(offer.fromPeerId)
    yield* pool.receive(offer)
  })

  return {
    met: new Map(),
    held,
    ending,
    dial: (peer, dialect) =>
      ending.has(peer)
        ? Effect.sync(() => void ending.set(peer, { ...ending.get(peer), dial: dialect }))
        : dialNow(peer, dialect),
    accept: (offer) => {
      const peer = offer.fromPeerId
      return ending.has(peer)
        ? Effect.sync(() => void ending.set(peer, { ...ending.get(peer), offer }))
        : acceptNow(offer)
    },
    acceptNow,
    goOn: Effect.fnUntraced(function*(peer, next) {
      if (next.offer !== undefined) yield* acceptNow(next.offer)
      if (next.dial !== undefined) yield* dialNow(peer, next.dial)
    }),
    hangUp: (peer, reason) => Effect.asVoid(Effect.forkIn(pool.hangUp(peer, reason), scope)),
    send: Effect.fnUntraced(function*(to, frame) {
      const { full } = yield* pool.post(frame, [to])
      for (const { put } of full) yield* Effect.forkIn(Effect.ignore(put), scope)
    }, (effect) => Effect.ignore(effect))
  } satisfies PoolLinks as PoolLinks
})
