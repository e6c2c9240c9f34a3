/**
 * Looks at a peer's health on a schedule and whenever there is news, asks the policy for a verdict, and has it carried
 * out. One actor; it fails with nobody and decides nothing itself.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type FallbackDecision, stay } from "../domain/NetworkHealth.ts"
import { FallbackPolicy } from "./FallbackPolicy.ts"
import { HealthSchedule } from "./HealthSchedule.ts"
import { type Health, HealthSource } from "./HealthSource.ts"
import { Supervisor } from "./Supervisor.ts"

/** What the supervisor watches over. @category models */
export interface Charge {
  /** What the mesh sees of its health itself. */
  readonly health: Health
  /** Carries a verdict out; what goes wrong is tried again at the next check. */
  carryOut(
    decision: Exclude<FallbackDecision, { readonly _tag: "Stay" }>
  ): Effect.Effect<void, { readonly message: string }>
}

/** Starts the supervisor in the scope. @category constructors */
export const make = Effect.fnUntraced(function*(charge: Charge) {
  const policy = yield* FallbackPolicy
  const { checks } = yield* HealthSchedule
  const source = yield* HealthSource
  const health = yield* source.observe(charge.health)
  const supervisor = yield* Supervisor

  const verdict = Effect.map(health.now, (facts) => facts === undefined ? undefined : policy.decide(facts)).pipe(
    // A policy or a source that fails is its author's; the peer stays where it is.
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError("the fallback policy failed", defect), stay("the policy failed"))
    )
  )

  const actor = yield* supervisor.spawn<"check", never, never>({
    path: "mesh/fallback",
    // One check answers all that came before it.
    capacity: 1,
    behaviour: Effect.fnUntraced(function*(self) {
      while (true) {
        yield* self.receive
        const decision = yield* verdict
        if (decision === undefined) {
          self.become("idle")
          continue
        }
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
  yield* Stream.runForEach(health.news, () => wake).pipe(Effect.forkScoped)
})
