/**
 * One beat for all links of a pool: what every link does now and then costs one timer and one fiber, however many links
 * there are.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"

/** What happens at every beat. @category models */
export interface Beater {
  /** Gets the time, in milliseconds since 1970. Must not wait. */
  beat(now: number): void
  /** The beat threw: it gets no further one. */
  failed(): void
}

/** @category models */
export interface Pulse {
  /** Beats once at once, and then with the others until the scope closes. */
  join(beater: Beater): Effect.Effect<void, never, Scope.Scope>
}

/** Starts to beat in the scope. @category constructors */
export const make = Effect.fnUntraced(function*(interval: Duration.Duration) {
  const beaters = new Set<Beater>()

  const beat = (beater: Beater, now: number): Effect.Effect<void> | undefined => {
    const done = Result.try(() => beater.beat(now))
    if (Result.isSuccess(done)) return undefined
    beaters.delete(beater)
    beater.failed()
    return Effect.logError("a link cannot be looked after and is let go", done.failure)
  }

  yield* Effect.sleep(interval).pipe(
    Effect.andThen(Clock.currentTimeMillis),
    Effect.flatMap((now) => {
      let problem: Effect.Effect<void> = Effect.void
      for (const beater of beaters) problem = beat(beater, now) ?? problem
      return problem
    }),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    join: Effect.fnUntraced(function*(beater) {
      yield* Effect.acquireRelease(
        Effect.sync(() => beaters.add(beater)),
        () => Effect.sync(() => beaters.delete(beater))
      )
      yield* beat(beater, yield* Clock.currentTimeMillis) ?? Effect.void
    })
  } satisfies Pulse as Pulse
})
