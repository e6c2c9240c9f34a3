/**
 * Links beside the overlay, made, kept and ended for those who want them: a stream goes to a peer over a link to it, whether
 * the overlay would have one or not. The overlay is told of such a link when it, or the other end's, wants it for itself.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { PeerId } from "../../domain/PeerId.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import type { OpenLink } from "../link/OpenLink.ts"
import * as Aside from "./Aside.ts"
import type { Mail } from "./MembershipMail.ts"
import type { Offer, PoolLinks } from "./PoolLinks.ts"

/** How often a link is dialled anew for those who hold it, whose end came in between. */
const maxDials = 3

/** @category models */
export interface AsideLinks {
  /** Whether the link to a peer, open or under way, is beside the overlay. */
  has(peer: PeerId): boolean
  hasRoom(): boolean
  /** The link is over, or the overlay's from now on. */
  drop(peer: PeerId): void
  /** Whether a link that the overlay does not want is kept for somebody else. */
  mayHave(peer: PeerId): boolean
  /** Takes an offer that the overlay would refuse. */
  accept(offer: Offer): Effect.Effect<void>
  /** Gives the overlay a link: it wants it, or its other end does. */
  takeIn(peer: PeerId): Effect.Effect<void>
  /** Keeps a link that the overlay lets go; the other end's overlay is told to let it go, too. */
  setAside(peer: PeerId): Effect.Effect<void>
  /** Keeps a link for a while that the other end's overlay has let go, for a stream that may be about to come. */
  keepReleased(peer: PeerId): Effect.Effect<void>
  /** Ends a link that nobody wants, after a while. */
  linger(peer: PeerId): Effect.Effect<void>
  onWanted(peer: PeerId): Effect.Effect<void>
  onUnwanted(peer: PeerId): Effect.Effect<void>
  /** As in `Membership`. */
  keep(peer: PeerId): Effect.Effect<void, never, Scope.Scope>
  /** As in `Membership`. */
  hold(peer: PeerId): Effect.Effect<OpenLink | string, never, Scope.Scope>
}

/** What the membership does for them. @category models */
export interface AsideOptions {
  readonly links: PoolLinks
  /** Tells the overlay what became of the link to a peer. */
  readonly meet: (peer: PeerId) => Effect.Effect<void>
  /** Puts mail into the membership's own mailbox. */
  readonly tell: (mail: Mail) => Effect.Effect<void>
}

/** None yet; they end with the scope. @category constructors */
export const make = Effect.fnUntraced(function*({ links, meet, tell }: AsideOptions) {
  const { ending, held, met } = links
  const pool = yield* ConnectionPool
  const aside = Aside.make()
  const lingering = yield* FiberMap.make<PeerId, void>()
  let isOver = false
  yield* Effect.addFinalizer(() => Effect.sync(() => void (isOver = true)))

  const linger = (peer: PeerId) =>
    Effect.asVoid(
      FiberMap.run(lingering, peer, Effect.delay(Effect.suspend(() => tell({ _tag: "Unwanted", peer })), Aside.linger))
    )

  const keep = (peer: PeerId) =>
    Effect.acquireRelease(
      Effect.sync(() => aside.want(peer)),
      () => {
        aside.unwant(peer)
        // Who held it may be told later than we are that this is over.
        return isOver || aside.isWanted(peer) ? Effect.void : linger(peer)
      }
    )

  const linkTo = Effect.fnUntraced(function*(peer: PeerId) {
    const news = yield* pool.news
    for (let attempt = 0;; attempt++) {
      const link = pool.neighbour(peer)
      if (link !== undefined) return link
      if (!aside.hasRoom() && !aside.has(peer)) return `there are ${Aside.most} links for streams already`
      yield* tell({ _tag: "Wanted", peer })
      const outcome = yield* PubSub.take(news).pipe(
        Effect.repeat({ until: (news) => news.peerId === peer && news._tag !== "Closed" })
      )
      // The end of a link that was there before is no answer.
      if (outcome._tag === "Ended" && (outcome.refused || attempt === maxDials)) {
        return `no link to it came about: ${outcome.reason}`
      }
    }
  }, Effect.scoped)

  return {
    has: aside.has,
    hasRoom: aside.hasRoom,
    drop: aside.drop,
    mayHave: (peer) => aside.isWanted(peer) && (aside.has(peer) || aside.hasRoom()),
    accept: (offer) => {
      aside.put(offer.fromPeerId)
      return links.acceptNow(offer)
    },
    takeIn: (peer) => {
      aside.drop(peer)
      return meet(peer)
    },
    setAside: (peer) => {
      const link = pool.neighbour(peer)
      // What is under way is told to the core, as a link that it did not ask for, once it is open.
      if (link === undefined) return Effect.void
      met.delete(peer)
      aside.put(peer)
      return link.dialect === "homing" ? links.send(peer, { type: "release", leaving: false, prefer: [] }) : Effect.void
    },
    keepReleased: (peer) => {
      met.delete(peer)
      aside.put(peer)
      return linger(peer)
    },
    linger,
    onWanted: Effect.fnUntraced(function*(peer) {
      if (held.has(peer) || ending.has(peer) || !aside.isWanted(peer)) return
      aside.put(peer)
      held.add(peer)
      yield* pool.dial(peer, { dialect: "homing", aside: true })
    }),
    onUnwanted: (peer) => {
      if (!aside.has(peer) || aside.isWanted(peer)) return Effect.void
      ending.set(peer, {})
      aside.drop(peer)
      return links.hangUp(peer, "not needed any more")
    },
    keep,
    hold: (peer) => Effect.andThen(keep(peer), linkTo(peer))
  } satisfies AsideLinks as AsideLinks
})
