/** What the supervisor reads a peer's health from. Anybody can put another in its place, or look over its shoulder. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { NetworkHealth } from "../domain/NetworkHealth.ts"

/** How a peer's networks are, and when to look again. @category models */
export interface Health {
  /** The facts now; `undefined` while there is nothing to decide, since no network is joined. */
  readonly now: Effect.Effect<NetworkHealth | undefined>
  /** Something changed that a verdict may depend on: the supervisor looks at once. */
  readonly news: Stream.Stream<unknown>
}

/** @category models */
export interface HealthSource {
  /**
   * What the supervisor of one mesh reads, made from what that mesh sees itself: its links, its whereabouts and its
   * hub's counts. Lives as long as the mesh.
   */
  observe(own: Health): Effect.Effect<Health, never, Scope.Scope>
}

/** The source in force; what the mesh sees itself unless provided otherwise. @category references */
export const HealthSource = Context.Reference<HealthSource>("homing/HealthSource", {
  defaultValue: () => ({ observe: Effect.succeed })
})
