/**
 * A world in memory, for tests of what is built on a mesh: hubs and WebRTC on a simulated network, on virtual time
 * and seeded randomness. The public face of `homing/testing`.
 *
 * `World` is all that most tests need. Its parts are layers too, which run on any clock.
 */
export { SimulatedNetwork } from "./SimulatedNetwork.ts"
export * as SimulatedSignaling from "./SimulatedSignaling.ts"
export * as SimulatedWebRtc from "./SimulatedWebRtc.ts"
export type { Happening, Traced } from "./Trace.ts"
export type { Weather } from "./Weather.ts"
export { World } from "./World.ts"
export type { Hub, PeerOptions, WorldOptions } from "./World.ts"
