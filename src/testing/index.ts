/**
 * A world in memory, for tests of what is built on a mesh: hubs and WebRTC on a simulated network, on Effect's clock
 * and its seeded randomness. The public face of `homing/testing`.
 */
export { SimulatedNetwork } from "./SimulatedNetwork.ts"
export type { Weather } from "./SimulatedNetwork.ts"
export * as SimulatedSignaling from "./SimulatedSignaling.ts"
export * as SimulatedWebRtc from "./SimulatedWebRtc.ts"
