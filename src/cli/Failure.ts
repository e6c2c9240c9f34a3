/** Failures as a person should see them: one message, no stack trace. */
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"

/**
 * Turns an expected failure into one that the command line shows by its message alone before it exits with 1.
 *
 * @category combinators
 */
export const shown = <A, E extends Error, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (cause) => new CliError.UserError({ cause, userMessage: cause.message }))
