/**
 * What the overlay hears of the world, and what it asks of it.
 *
 * Whoever runs it gives it every event in order, carries out the commands in order, and gives it `Due` when its `dueAt` has
 * come. A `Dial` or `Accept` is followed by `LinkOpened` or `LinkFailed` of the same peer, sooner or later, unless a
 * `HangUp` of that peer comes first; after `HangUp` nothing more is heard of that link. How a peer is reached for an offer,
 * over a hub or with `Reach` over the mesh, is not the overlay's business.
 */
import * as Data from "effect/Data"
import type { Dialect } from "../../domain/Frame.ts"
import type { OverlayFrame, Signaled, Wish } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** What a link is dialled for: a wish, or `bridge`, to find out whether the other end is in a ring of its own. @category models */
export type Intent = Wish | "bridge"

/** What can happen to an overlay. `now` is in milliseconds since 1970. @category models */
export type Event = Data.TaggedEnum<{
  /** A hub, or somebody else that knows, says who is there. */
  Introduced: { readonly now: number; readonly peer: PeerId; readonly dialect: Dialect }
  /** A hub says that a peer has left it. Its links may stand all the same. */
  Departed: { readonly now: number; readonly peer: PeerId }
  /** A peer wants a link; what for is for us to find out, since it could claim anything. */
  Offered: { readonly now: number; readonly peer: PeerId; readonly dialect: Dialect }
  LinkOpened: { readonly now: number; readonly peer: PeerId; readonly dialect: Dialect }
  LinkClosed: { readonly now: number; readonly peer: PeerId }
  /** A link that was under way did not come about. `refused` comes from the peer itself, which is alive then. */
  LinkFailed: { readonly now: number; readonly peer: PeerId; readonly reason: "refused" | "unreachable" }
  FrameCame: { readonly now: number; readonly from: PeerId; readonly frame: OverlayFrame }
  /** A message of signaling is to be brought to a peer over the mesh. */
  Reach: { readonly now: number; readonly peer: PeerId; readonly signal: Signaled }
  /** `dueAt` has come. */
  Due: { readonly now: number }
  /** We leave the network. */
  Leave: { readonly now: number }
}>
/** @category constructors */
export const Event = Data.taggedEnum<Event>()

/** What the machine asks its shell to do, in this order. @category models */
export type Command = Data.TaggedEnum<{
  /** Make a link; the outcome comes back as an event. */
  Dial: { readonly peer: PeerId; readonly dialect: Dialect; readonly intent: Intent }
  /** Take the offer; the outcome comes back as an event. */
  Accept: { readonly peer: PeerId }
  Refuse: { readonly peer: PeerId; readonly reason: string }
  /** End a link, open or under way; a `LinkClosed` or `LinkFailed` may follow. */
  HangUp: { readonly peer: PeerId; readonly reason: string }
  Send: { readonly to: PeerId; readonly frame: OverlayFrame }
  /** A message of signaling came for us over the mesh. */
  Signaled: { readonly from: PeerId; readonly signal: Signaled }
  /** A message of signaling found no way to its peer. */
  Unreached: { readonly peer: PeerId }
  /** Nobody is left to turn to: ask a hub for introductions. */
  AskHub: {}
}>
/** @category constructors */
export const Command = Data.taggedEnum<Command>()
