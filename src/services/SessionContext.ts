/** What everything that belongs to being in one network shares. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Content } from "../domain/Content.ts"
import type { MessageTooLarge, PeerUnreachable } from "../domain/Errors.ts"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import type { Dropped } from "../domain/MeshStatus.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { FileOffer } from "./files/Offered.ts"
import type { SeenSet } from "./gossip/SeenSet.ts"
import type { HubMembership } from "./SignalingTransport.ts"
import type { StreamRequest } from "./streams/Duplex.ts"
import type { IceServer } from "./WebRtc.ts"

/** What a peer answers, or why it does not. @category models */
export type Answer =
  | { readonly _tag: "Answered"; readonly content: Content }
  | { readonly _tag: "Declined"; readonly problem: string }

/** A peer asks us something. @category models */
export interface Asked {
  readonly _tag: "Asked"
  readonly id: string
  readonly from: PeerId
  readonly content: Content
  readonly networkName: NetworkName
  /** Sends the answer; succeeds once the asker has it. */
  answer(answer: Answer): Effect.Effect<void, PeerUnreachable | MessageTooLarge>
}

/** Somebody said something on a channel. @category models */
export interface Posted {
  readonly _tag: "Posted"
  readonly channel: string
  readonly id: string
  readonly from: PeerId
  readonly content: Content
  readonly networkName: NetworkName
  /** Links the message crossed; 1 from a neighbour. */
  readonly hops: number
  /** The sender's clock, in milliseconds since 1970. */
  readonly timestamp: number
}

/** A peer wants to open a stream; nobody takes it when this is told to nobody. @category models */
export interface StreamOffered {
  readonly _tag: "StreamOffered"
  readonly request: StreamRequest
}

/** A peer wants to send a file; nobody takes it when this is told to nobody. @category models */
export interface FileOffered {
  readonly _tag: "FileOffered"
  readonly offer: FileOffer
}

/** What a session tells the mesh. @category models */
export type SessionEvent = MeshEvent | Asked | Posted | StreamOffered | FileOffered

/** Messages that named another network than that of the link they came over. @category metrics */
export const foreign = Metric.counter("homing_messages_foreign", {
  description: "Messages from neighbours that named another network, and were dropped",
  incremental: true
})

/** What was refused, given up or had before, by number. @category models */
export type DroppedCounts = { -readonly [What in keyof Dropped]: number }

/** @category services */
export class SessionContext extends Context.Service<SessionContext, {
  readonly self: PeerId
  readonly networkName: NetworkName
  /** The way to the network's other members while there is no link to them. */
  readonly hub: HubMembership
  /** The STUN and TURN servers for the next connection or ICE restart: our own, and those that the hub offers at the moment. */
  readonly iceServers: Effect.Effect<ReadonlyArray<IceServer>>
  /** Links below which every known peer is worth dialling. */
  readonly minPeers: number
  /** Links at which nobody else is dialled or let in. */
  readonly maxPeers: number
  /** Tells the application something; waits a moment for subscribers that are slow, and says whether one has it. */
  emit(event: SessionEvent): Effect.Effect<boolean>
  /** Direct messages that the application has had, in this session or an earlier one of this network. */
  readonly received: SeenSet
  /** What was refused at receipt; whoever refuses counts it here. */
  readonly dropped: DroppedCounts
}>()("homing/SessionContext") {}
