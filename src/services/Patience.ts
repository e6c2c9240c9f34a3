/** Waiting where nothing can be interrupted: in finalizers. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Waits until an effect is done, but no longer than `patience`, and then gives it up.
 *
 * A finalizer runs uninterruptibly, and often in a fiber that is interrupted already, where a time-out
 * would either not work or strike at once. A fiber of its own has neither problem.
 *
 * @category combinators
 */
export const waitAtMost = (patience: Duration.Duration) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void> =>
  effect.pipe(
    Effect.timeoutOption(patience),
    Effect.interruptible,
    Effect.forkDetach({ startImmediately: true }),
    Effect.flatMap(Fiber.await),
    Effect.asVoid
  )
