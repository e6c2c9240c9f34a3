/**
 * Looks at a peer's health on a schedule and whenever there is news, asks the policy for a verdict, and has it carried
 * out. One actor; it fails with nobody and decides nothing itself.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { FallbackDecision, NetworkHealth } from "../domain/NetworkHealth.ts"
import { FallbackPolicy } from "./FallbackPolicy.ts"
import { HealthSchedule } from "./HealthSchedule.ts"
import { Supervisor } from "./Supervisor.ts"

/** What the supervisor watches over. @category models */
export interface Charge {
  /** The facts now; `undefined` while there is nothing to decide, since no network is joined. */
  readonly health: Effect.Effect<NetworkHealth | undefined>
  /** Wakes the supervisor at once. */
  readonly news: Stream.Stream<unknown>
  /** Carries a verdict out; what goes wrong is tried again at the next check. */
  carryOut(
    decision: Exclude<FallbackDecision, { readonly _tag: "Stay" }>
  ): Effect.Effect<void, { readonly message: string }>
}

/** Starts the supervisor in the scope. @category constructors */
export const make = Effect.fnUntraced(function*(charge: Charge) {
  const policy = yield* FallbackPolicy
  const { checks } = yield* HealthSchedule
  const supervisor = yield* Supervisor

  const actor = yield* supervisor.spawn<"check", never, never>({
    path: "mesh/fallback",
    // One check answers all that came before it.
    capacity: 1,
    behaviour: Effect.fnUntraced(function*(self) {
      while (true) {
        yield* self.receive
        const health = yield* charge.health
        if (health === undefined) {
          self.become("idle")
          continue
        }
        const decision = policy.decide(health)
        self.become(`${decision._tag}: ${decision.reason}`)
        if (decision._tag === "Stay") continue
        yield* charge.carryOut(decision).pipe(
          Effect.catch((error) => Effect.logWarning(`could not change the network: ${error.message}`))
        )
      }
    })
  })
  const wake = Effect.sync(() => void actor.tellUnsafe("check"))
  yield* wake.pipe(Effect.repeat(checks), Effect.forkScoped)
  yield* Stream.runForEach(charge.news, () => wake).pipe(Effect.forkScoped)
})
