/** What everything that belongs to being in one network shares. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HubMembership } from "./SignalingTransport.ts"
import type { IceServer } from "./WebRtc.ts"

/** @category services */
export class SessionContext extends Context.Service<SessionContext, {
  readonly self: PeerId
  readonly networkName: NetworkName
  /** The way to the network's other members while there is no link to them. */
  readonly hub: HubMembership
  readonly iceServers: ReadonlyArray<IceServer>
  /** Links below which every known peer is worth dialling. */
  readonly minPeers: number
  /** Links at which nobody else is dialled or let in. */
  readonly maxPeers: number
  /** Tells the application something; waits a moment for subscribers that are slow, and says whether one has it. */
  emit(event: MeshEvent): Effect.Effect<boolean>
  /** What was refused at receipt; whoever refuses counts it here. */
  readonly dropped: { foreignNetwork: number; malformed: number; duplicate: number }
}>()("homing/SessionContext") {}
