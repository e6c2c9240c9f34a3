/** A picture of a mesh at one moment. */
import * as Schema from "effect/Schema"
import { Dialect } from "./Frame.ts"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"

/** One long-lived part of the runtime. @category schemas */
export const ActorStatus = Schema.Struct({
  /** Unique in the tree; `/` separates a supervisor from its children. */
  path: Schema.String,
  state: Schema.String,
  /** Messages that wait. */
  mailbox: Schema.Natural,
  restarts: Schema.Natural
})
/** @category models */
export type ActorStatus = typeof ActorStatus.Type

/** Where the connection to a hub stands. @category schemas */
export const HubState = Schema.TaggedUnion({
  /** No network is joined or watched, so no hub is needed. */
  Idle: {},
  Connecting: { url: Schema.String, attempt: Schema.Natural },
  Connected: { url: Schema.String, since: Schema.Finite },
  /** All hubs were tried; the next try is at `retryAt` (milliseconds since 1970). */
  Waiting: { url: Schema.String, problem: Schema.String, retryAt: Schema.Finite },
  /** A newer connection of the same peer took over; this one comes back when a network is joined anew. */
  TakenOver: { url: Schema.String, problem: Schema.String }
})
/** @category models */
export type HubState = typeof HubState.Type

/** Where a link stands. @category schemas */
export const LinkState = Schema.Literals(["idle", "awaiting", "offering", "connecting", "open", "resting", "closed"])
/** @category models */
export type LinkState = typeof LinkState.Type

/** One link. @category schemas */
export const LinkStatus = Schema.Struct({
  peerId: PeerId,
  state: LinkState,
  dialect: Schema.optionalKey(Dialect),
  /** Milliseconds since 1970 at which the link opened. */
  openSince: Schema.optionalKey(Schema.Finite),
  /** The last round trip, in milliseconds. */
  rttMillis: Schema.optionalKey(Schema.Finite),
  /** Frames that wait to be sent. */
  queued: Schema.Natural
})
/** @category models */
export type LinkStatus = typeof LinkStatus.Type

/** What was refused, or given up, since the network was joined. @category schemas */
export const Dropped = Schema.Struct({
  /** Frames and signals of another network. */
  foreignNetwork: Schema.Natural,
  /** Frames that are not messages of the protocol. */
  malformed: Schema.Natural,
  /** Messages that had come before. */
  duplicate: Schema.Natural,
  /** Frames that came over a link faster than they were handled. */
  refused: Schema.Natural,
  /** Messages that a neighbour was not told of, since too many waited for its slow link: it may miss them. */
  unannounced: Schema.Natural
})
/** @category models */
export type Dropped = typeof Dropped.Type

/** Nothing yet. @category constants */
export const noneDropped: Dropped = { foreignNetwork: 0, malformed: 0, duplicate: 0, refused: 0, unannounced: 0 }

/** Everything there is to see of a mesh. @category schemas */
export const MeshStatus = Schema.Struct({
  peerId: PeerId,
  state: Schema.Literals(["idle", "joining", "joined", "leaving"]),
  /** The network that the mesh is in. */
  networkName: NetworkName,
  /** The network that it wants to be in: its home. */
  originalNetworkName: NetworkName,
  isInFallbackMode: Schema.Boolean,
  allowGlobalFallback: Schema.Boolean,
  hub: HubState,
  links: Schema.Array(LinkStatus),
  /** Open links. */
  connectedCount: Schema.Natural,
  /** Other members of the network that are known, linked or not. */
  knownCount: Schema.Natural,
  minPeers: Schema.Natural,
  maxPeers: Schema.Natural,
  dropped: Dropped,
  /** The supervision tree, parents before children. */
  actors: Schema.Array(ActorStatus)
})
/** @category models */
export type MeshStatus = typeof MeshStatus.Type
