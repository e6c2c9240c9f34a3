/** What can be done to a network, by name. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { World } from "../../../src/testing/World.ts"
import type { Run, Scenario } from "../Plan.ts"
import type { Samples } from "../Samples.ts"
import { churn } from "./churn.ts"
import { formation } from "./formation.ts"
import { loss } from "./loss.ts"

export const all: Readonly<
  Record<Scenario, (run: Run, say: (what: string) => void) => Effect.Effect<Samples, unknown, World | Scope.Scope>>
> = {
  formation,
  loss: loss({ share: 0.3, hubless: false }),
  hubless: loss({ share: 0.3, hubless: true }),
  half: loss({ share: 0.5, hubless: false }),
  churn
}
