/**
 * Links between hubs that need no socket: WebRTC, on the hubs' own network. Those who are in it were admitted by some hub
 * of the federation, for nobody else gets in.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PeerId } from "../../domain/PeerId.ts"
import type { House } from "../backplane/Backplane.ts"

/** A link to another hub. @category models */
export interface FabricLink {
  /** Hands a text over, a single line; what is sent arrives in order. `false` when it takes no more. Never throws. */
  send(text: string): boolean
  /** Reads no more: what the other sends waits, at its end in the end. */
  pause(): void
  /** Reads on. */
  resume(): void
}

/** What a fabric tells. All of it returns at once. @category models */
export interface FabricEvents {
  /** A link to a peer of the hubs' network stands. */
  linked(peer: PeerId, link: FabricLink): void
  /** A link is there no more. What it took may not have been sent: those are the last of it, or may not be. */
  lost(peer: PeerId, unsent: ReadonlyArray<string>): void
  heard(peer: PeerId, text: string): void
}

/** @category services */
export class Fabric extends Context.Service<Fabric, {
  /** This hub's id among the peers of the hubs' network. */
  readonly peerId: PeerId
  /** Links with some of the others, until the scope closes. */
  weave(events: FabricEvents, visit: House["visit"]): Effect.Effect<void, never, Scope.Scope>
}>()("homing/hub/Fabric") {}
