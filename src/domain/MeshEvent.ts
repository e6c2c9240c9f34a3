/** What an application hears from its mesh. */
import * as Schema from "effect/Schema"
import { Bridged } from "./Bridged.ts"
import { Content } from "./Content.ts"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"

/** Something to tell the application, told apart by `_tag`. @category schemas */
export const MeshEvent = Schema.TaggedUnion({
  /** A peer of the network said something, to everyone or to us. */
  Message: {
    kind: Schema.Literals(["broadcast", "direct"]),
    id: Schema.String,
    from: PeerId,
    content: Content,
    networkName: NetworkName,
    /** Links the message crossed; 1 from a neighbour. */
    hops: Schema.Natural,
    /** The sender's clock, in milliseconds since 1970. */
    timestamp: Schema.Finite,
    /**
     * Where a broadcast comes from that a bridge brought here from another network. That is the word of the bridge, which
     * is `from`: any peer can claim it, so believe it of bridges that you trust.
     */
    bridged: Schema.optionalKey(Bridged)
  },
  /** A link to a peer opened. */
  PeerConnected: { peerId: PeerId, networkName: NetworkName },
  /** A link to a peer closed. */
  PeerDisconnected: { peerId: PeerId, networkName: NetworkName, reason: Schema.String },
  /** The hub's or the network's state changed; `type` says which. */
  StatusChanged: {
    type: Schema.Literals(["hub", "network"]),
    message: Schema.String,
    networkName: NetworkName,
    /** With type `network`: the home. */
    originalNetworkName: Schema.optionalKey(NetworkName),
    /** With type `network`: whether this is another network than the home. */
    fallbackMode: Schema.optionalKey(Schema.Boolean)
  },
  /**
   * `count` events before this one are missing: this subscriber was too slow, and they were not kept for it; or messages did
   * not reach this peer while others kept them.
   */
  Missed: { count: Schema.Natural }
})
/** @category models */
export type MeshEvent = typeof MeshEvent.Type

/** A message to everyone in the network. @category models */
export type Broadcast = Extract<MeshEvent, { readonly _tag: "Message" }> & { readonly kind: "broadcast" }

/** Whether an event is a message to everyone. @category predicates */
export const isBroadcast = (event: MeshEvent): event is Broadcast =>
  event._tag === "Message" && event.kind === "broadcast"
