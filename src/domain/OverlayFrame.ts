/**
 * What linked peers say to keep their network in one piece: who is linked to whom, who lets a link go and whom to link
 * instead, and requests that find their own way. PeerPigeon peers ignore these types, and are never sent any.
 */
import * as Schema from "effect/Schema"
import * as CanonicalJson from "./CanonicalJson.ts"
import { guardFor } from "./FrameGroup.ts"
import type { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"
import { Answer, Candidate, Offer, Rejection } from "./Signal.ts"
import { Signature } from "./Signature.ts"

/** The most links that a neighbour may list: as many as a peer may have. @category constants */
export const maxLinks = 64

/** The most peers of a leaf set that a neighbour may list. @category constants */
export const maxLeaves = 16

/** The most peers that a request may have passed: its hops and its origin. @category constants */
export const maxVisited = 65

/** The most hops that a request may have left. @category constants */
export const maxTtl = 64

const peers = (most: number) => Schema.Array(PeerId).check(Schema.isMaxLength(most))

/** A request's name: unique for its origin. */
const Id = Schema.String.check(Schema.isBetweenLength(1, 64))

const Seconds = Schema.Natural

/**
 * Why a peer wants, or keeps, a link. `ring`: the other is among its nearest. `long`: it drew the link, to keep paths
 * short. `spare`: it does not need the link, and keeps it while there is room.
 *
 * @category schemas
 */
export const Wish = Schema.Literals(["ring", "long", "spare"])
/** @category models */
export type Wish = typeof Wish.Type

/** Peers, each with the seconds since somebody last had an open link to it. @category schemas */
const Leaves = {
  leaves: peers(maxLeaves),
  /** In the order of `leaves`; what is missing is unknown, and old. */
  ages: Schema.Array(Seconds).check(Schema.isMaxLength(maxLeaves))
}

/**
 * What a neighbour knows, told on change and once a round.
 *
 * @category schemas
 */
export const Neighbours = Schema.Struct({
  type: Schema.tag("neighbours"),
  /** What the sender has this link for. */
  wish: Wish,
  /** Peers that the sender has an open link to. */
  links: peers(maxLinks),
  /** PeerPigeon peers that the sender has an open link to. */
  pigeons: peers(maxLinks),
  /** The nearest peers on the ring that the sender knows, linked or not. */
  ...Leaves,
  /** Peers that the sender lost, or heard to be lost, since it last said so. */
  lost: peers(maxLeaves),
  /** In the order of `lost`: how many milliseconds ago. Word that somebody has a link to the peer since then is better. */
  lostAges: Schema.optionalKey(Schema.Array(Schema.Natural).check(Schema.isMaxLength(maxLeaves))),
  /** The smallest id that is known to be alive and linked, directly or over others: the name of the component. */
  label: PeerId,
  /** When the peer that the label names last said so, by its own clock: seconds since 1970. */
  epoch: Seconds
})
/** @category models */
export type Neighbours = typeof Neighbours.Type

/** A neighbour is about to close this link. @category schemas */
export const Release = Schema.Struct({
  type: Schema.tag("release"),
  /** It leaves the network, and should be forgotten. */
  leaving: Schema.Boolean,
  /** Peers to link instead. */
  prefer: peers(maxLeaves)
})
/** @category models */
export type Release = typeof Release.Type

/**
 * What a request looks for. `place`: the peer nearest to the target. `draw`: the same, or one a few random steps on, with
 * room for a long link. `find`: the target itself.
 *
 * @category schemas
 */
export const Purpose = Schema.Literals(["place", "draw", "find"])
/** @category models */
export type Purpose = typeof Purpose.Type

/** A request on its way. @category schemas */
export const Route = Schema.Struct({
  type: Schema.tag("route"),
  id: Id,
  origin: PeerId,
  /** A place on the ring, where a peer may be or not. */
  target: PeerId,
  purpose: Purpose,
  /** Random steps taken; only a `draw` walks. */
  walked: Schema.Natural,
  /** Hops that are left. */
  ttl: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxTtl })),
  /** The way back: the origin first, the sender last. */
  path: peers(maxVisited),
  /** Everyone who has handled the request. */
  visited: peers(maxVisited)
})
/** @category models */
export type Route = typeof Route.Type

/** The answer to a request, on its way back. @category schemas */
export const Routed = Schema.Struct({
  type: Schema.tag("routed"),
  id: Id,
  /** The rest of the way: the origin first. */
  path: peers(maxVisited),
  /** Who answers. */
  found: PeerId,
  /** Whether it is what was looked for: the target itself, a peer with room; always, for a `place`. */
  accepted: Schema.Boolean,
  /** The nearest peers to the target that the answerer knows. */
  ...Leaves
})
/** @category models */
export type Routed = typeof Routed.Type

/** The sender's, of `signedBytes`: a hub says who sent a signal, and over the mesh anybody on the way could. */
const signature = Schema.optionalKey(Signature)

/** A message of signaling, as it travels over the mesh. @category schemas */
export const Signaled = Schema.Union([
  Schema.Struct({ type: Schema.tag("offer"), data: Offer, signature }),
  Schema.Struct({ type: Schema.tag("answer"), data: Answer, signature }),
  Schema.Struct({ type: Schema.tag("ice-candidate"), data: Candidate, signature }),
  Schema.Struct({ type: Schema.tag("connection-rejected"), data: Rejection, signature })
]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type Signaled = typeof Signaled.Type

const utf8 = new TextEncoder()

/** What the sender of a signal signs: who says what to whom, in which network. @category encoding */
export const signedBytes = (
  networkName: NetworkName,
  from: PeerId,
  to: PeerId,
  { data, type }: Signaled
): Uint8Array => utf8.encode(CanonicalJson.stringify([networkName, from, to, type, data]))

/** A message of signaling on its way to one peer, which goes back and around where the way ends. @category schemas */
export const Signal = Schema.Struct({
  type: Schema.tag("signal"),
  id: Id,
  from: PeerId,
  to: PeerId,
  signal: Signaled,
  ttl: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxTtl })),
  path: peers(maxVisited),
  visited: peers(maxVisited)
})
/** @category models */
export type Signal = typeof Signal.Type

/** A message of signaling found no way; on its way back to who sent it. @category schemas */
export const Unreached = Schema.Struct({
  type: Schema.tag("unreached"),
  id: Id,
  to: PeerId,
  path: peers(maxVisited)
})
/** @category models */
export type Unreached = typeof Unreached.Type

/** The overlay's frames, for the union of all frames. @category schemas */
export const members = [Neighbours, Release, Route, Routed, Signal, Unreached] as const

/** @category schemas */
export const OverlayFrame = Schema.Union(members).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type OverlayFrame = typeof OverlayFrame.Type

/** The types of all of them. @category constants */
export const kinds: ReadonlyArray<OverlayFrame["type"]> = OverlayFrame.discriminants

/** Whether a frame is one of them. @category guards */
export const isOverlayFrame = guardFor(kinds)
