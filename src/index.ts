/**
 * Homing: named networks of peers over WebRTC, as Effect layers.
 */
export { Content } from "./domain/Content.ts"
export * from "./domain/Errors.ts"
export { MeshEvent } from "./domain/MeshEvent.ts"
export { ActorStatus, HubState, LinkState, LinkStatus, MeshStatus } from "./domain/MeshStatus.ts"
export * as NetworkHealth from "./domain/NetworkHealth.ts"
export * as NetworkName from "./domain/NetworkName.ts"
export * as PeerId from "./domain/PeerId.ts"
export { Mesh } from "./runtime/Mesh.ts"
export type { MeshOptions } from "./runtime/MeshOptions.ts"
export { FallbackPolicy } from "./services/FallbackPolicy.ts"
export { HealthSchedule } from "./services/HealthSchedule.ts"
export { Identity } from "./services/Identity.ts"
export { LinkSettings } from "./services/link/LinkSettings.ts"
export { SignalingTransport } from "./services/SignalingTransport.ts"
export { WebRtc } from "./services/WebRtc.ts"
export type { IceServer } from "./services/WebRtc.ts"
