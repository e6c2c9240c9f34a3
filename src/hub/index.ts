/**
 * A hub to run inside a program of one's own. The public face of `homing/hub`.
 */
export { AlreadyRunning } from "./AlreadyRunning.ts"
export type { HubView } from "./backplane/Backplane.ts"
export { createHub } from "./createHub.ts"
export type { HubClient, HubReport } from "./createHub.ts"
export type { HubStats } from "./exchange/Traffic.ts"
export { HubCannotListen } from "./http/Listener.ts"
export { CertificateUnusable } from "./http/Tls.ts"
export { Hub, type HubError } from "./Hub.ts"
export { HubOptions } from "./Options.ts"
