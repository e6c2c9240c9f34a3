/**
 * What peers signal to us to link us, over a hub or over the mesh, and what we signal over the mesh. A hub knows who speaks;
 * those who pass on a signal may say anything, so over the mesh it is signed.
 */
import * as Effect from "effect/Effect"
import type { Dialect } from "../../domain/Frame.ts"
import { type Signaled, signedBytes } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { HubSignal, PeerSignal } from "../../domain/Signal.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import { Identity } from "../Identity.ts"
import { SessionContext } from "../SessionContext.ts"
import type { AsideLinks } from "./AsideLinks.ts"
import { Event } from "./OverlayEvent.ts"
import type { Offer, PoolLinks } from "./PoolLinks.ts"

/** @category models */
export interface PeerSignals {
  /** A hub says something. */
  onSignal(signal: HubSignal): Effect.Effect<void>
  /** A peer's signal came over the mesh; it is taken if its sender has signed it. */
  onSignaled(from: PeerId, signed: Signaled): Effect.Effect<void>
  /** Signs a signal and sends it to a peer over the mesh. */
  reach(peer: PeerId, signal: Signaled): Effect.Effect<void>
  /** The offer of a peer that the overlay is judging. */
  offerOf(peer: PeerId): Offer | undefined
  /** Says no to a peer that wants a link. */
  refuse(peer: PeerId, details: string): Effect.Effect<void>
}

/** What the membership does for them. @category models */
export interface SignalsOptions {
  readonly links: PoolLinks
  readonly aside: AsideLinks
  /** Gives the overlay an event. */
  readonly feed: (event: Event) => Effect.Effect<void>
  /** In whole milliseconds since 1970. */
  readonly now: () => number
}

const dialectBy = (mark: unknown): Dialect => mark === undefined ? "pigeon" : "homing"

/** Nothing signalled yet. @category constructors */
export const make = Effect.fnUntraced(function*({ aside, feed, links, now }: SignalsOptions) {
  const { dropped, networkName, self } = yield* SessionContext
  const identity = yield* Identity
  const pool = yield* ConnectionPool
  /** Offers that the core is judging. */
  const offers = new Map<PeerId, Offer>()

  const onPeerSignal = (signal: PeerSignal): Effect.Effect<void> => {
    const peer = signal.fromPeerId
    switch (signal.type) {
      case "offer": {
        const isNew = !links.held.has(peer) && !links.ending.has(peer)
        if (signal.data.homing?.aside === true && isNew && aside.hasRoom()) {
          return Effect.andThen(aside.accept(signal), aside.linger(peer))
        }
        offers.set(peer, signal)
        return Effect.ensuring(
          feed(Event.Offered({ now: now(), peer, dialect: dialectBy(signal.data.homing) })),
          Effect.sync(() => void offers.delete(peer))
        )
      }
      case "goodbye":
        return Effect.andThen(feed(Event.Departed({ now: now(), peer })), pool.receive(signal))
      default:
        return pool.receive(signal)
    }
  }

  return {
    onSignal: (signal) => {
      switch (signal.type) {
        case "peer-discovered": {
          const { homing, peerId } = signal.data
          if (peerId === self) return Effect.void
          return feed(Event.Introduced({ now: now(), peer: peerId, dialect: dialectBy(homing) }))
        }
        case "peer-disconnected":
          return feed(Event.Departed({ now: now(), peer: signal.data.peerId }))
        case "goodbye":
        case "offer":
        case "answer":
        case "ice-candidate":
        case "connection-rejected":
          return onPeerSignal(signal)
        default:
          return Effect.void
      }
    },
    onSignaled: Effect.fnUntraced(function*(from, signed) {
      const { signature, ...signal } = signed
      const bytes = signedBytes(networkName, from, self, signed)
      const claim = { peerId: from, purpose: "signal", bytes } as const
      if (signature !== undefined && (yield* identity.verify({ ...claim, signature }))) {
        return yield* onPeerSignal({ ...signal, fromPeerId: from })
      }
      dropped.malformed++
    }),
    reach: (peer, signal) =>
      identity.sign("signal", signedBytes(networkName, self, peer, signal)).pipe(
        Effect.flatMap((signature) => feed(Event.Reach({ now: now(), peer, signal: { ...signal, signature } })))
      ),
    offerOf: (peer) => offers.get(peer),
    refuse: (peer, details) => {
      const mark = offers.get(peer)?.data.homing
      return Effect.ignore(pool.signal({
        type: "connection-rejected",
        targetPeerId: peer,
        data: { reason: "max_peers_reached", details, ...(mark === undefined ? {} : { homing: mark }) }
      }))
    }
  } satisfies PeerSignals as PeerSignals
})
