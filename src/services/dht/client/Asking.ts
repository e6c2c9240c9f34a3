/** Asking the hash table, once there is somebody to ask, and what is made of answers that no operation hopes for. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Answer } from "../../../domain/DhtFrame.ts"
import { DhtTimeout, StoreFull } from "../../../domain/Errors.ts"
import { ConnectionPool } from "../../ConnectionPool.ts"
import { Membership } from "../../Membership.ts"
import { SessionContext } from "../../SessionContext.ts"
import type { DhtActor } from "../DhtActor.ts"
import * as Limits from "../Limits.ts"
import type { Wanted } from "../NodeEvent.ts"

/** How long a peer that has just joined waits for its first link before it asks, if it knows of somebody. @category constants */
export const settlingPatience = Duration.seconds(5)

/** How long it waits to hear of somebody. @category constants */
export const introductionPatience = Duration.seconds(1)

/** @category models */
export interface Asking {
  /** Asks for an application, whose `operation` it is. */
  ask(operation: string, key: string, wanted: Wanted): Effect.Effect<Answer, DhtTimeout>
  /** Waits until there is somebody to ask: whoever asks before it has a link hears only itself. */
  readonly settled: Effect.Effect<void>
  /** The answer, if there is one. */
  inTime(operation: string, key: string, answer: Answer | undefined): Effect.Effect<Answer, DhtTimeout>
  /** An answer that the operation did not expect, as the failure that it is. */
  unexpected(operation: string, key: string, answer: Answer): DhtTimeout | StoreFull
}

/** @category constructors */
export const make = Effect.fnUntraced(function*(actor: DhtActor, joinedAt: number) {
  const { networkName } = yield* SessionContext
  const pool = yield* ConnectionPool
  const membership = yield* Membership

  const settled: Effect.Effect<void> = Effect.gen(function*() {
    while (true) {
      if (Array.from(pool.neighbours()).length > 0) return
      const since = (yield* Clock.currentTimeMillis) - joinedAt
      if (since >= Duration.toMillis(settlingPatience)) return
      const knowsSomebody = Array.from(membership.known()).length > 0
      if (!knowsSomebody && since >= Duration.toMillis(introductionPatience)) return
      yield* Effect.sleep(Duration.millis(50))
    }
  })

  const inTime: Asking["inTime"] = (operation, key, answer) =>
    answer === undefined
      ? Effect.fail(
        new DhtTimeout({
          key,
          networkName,
          operation,
          problem: `no answer came within ${Limits.requestLives / 1000} s, or this peer left`
        })
      )
      : Effect.succeed(answer)

  return {
    settled,
    inTime,
    ask: (operation, key, wanted) =>
      settled.pipe(
        Effect.andThen(actor.ask(key, wanted)),
        Effect.flatMap((answer) => inTime(operation, key, answer))
      ),
    unexpected: (operation, key, answer) => {
      if (answer.is !== "refused") {
        return new DhtTimeout({ key, networkName, operation, problem: `the answer was "${answer.is}"` })
      }
      return answer.why === "full"
        ? new StoreFull({ key, networkName, problem: answer.problem })
        : new DhtTimeout({ key, networkName, operation, problem: answer.problem })
    }
  } satisfies Asking as Asking
})
