/** Decides where a peer should be. Anybody can compose another. */
import * as Context from "effect/Context"
import { decide, type FallbackDecision, type NetworkHealth } from "../domain/NetworkHealth.ts"

/** Reads the facts and says what to do; the same facts always lead to the same verdict. @category models */
export interface FallbackPolicy {
  decide(health: NetworkHealth): FallbackDecision
}

/** The policy in force; `NetworkHealth.decide` with its defaults unless provided otherwise. @category references */
export const FallbackPolicy = Context.Reference<FallbackPolicy>("homing/FallbackPolicy", {
  defaultValue: () => ({ decide: (health) => decide(health) })
})
