/** A picture of a bridge between two networks at one moment. */
import * as Schema from "effect/Schema"
import { MeshStatus } from "./MeshStatus.ts"
import { NetworkName } from "./NetworkName.ts"

/** One direction of a bridge. All counts are of messages to everyone, since the bridge was built. @category schemas */
export const WayStatus = Schema.Struct({
  from: NetworkName,
  into: NetworkName,
  /** What the bridge heard. It is the sum of the counts below, and of what waits. */
  heard: Schema.Natural,
  /** What it said on the other side. */
  relayed: Schema.Natural,
  /** What the filter refused. */
  refused: Schema.Natural,
  /** What the other side had had already: it came from there, or another bridge was faster. */
  known: Schema.Natural,
  /** What came faster than the rate allows, or than the filter and the other side can take it. */
  dropped: Schema.Natural,
  /** What the filter failed on, and what could not be sent. */
  failed: Schema.Natural,
  /** What waits for the filter or for the other side. */
  waiting: Schema.Natural,
  /** Events that came too fast to be looked at; whether they were messages is not known, and they are not in `heard`. */
  missed: Schema.Natural
})
/** @category models */
export type WayStatus = typeof WayStatus.Type

/** Everything there is to see of a bridge. @category schemas */
export const BridgeStatus = Schema.Struct({
  /** The bridge as a peer of each of the two networks. */
  meshes: Schema.Tuple([MeshStatus, MeshStatus]),
  /** From the first network into the second, and back. */
  ways: Schema.Tuple([WayStatus, WayStatus])
})
/** @category models */
export type BridgeStatus = typeof BridgeStatus.Type
