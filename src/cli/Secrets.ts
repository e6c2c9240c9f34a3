/**
 * Secrets, which are no flags, since everybody on a machine sees those: an environment variable, or the file that a
 * second one names, as containers and systemd hand them over.
 */
import * as CliError from "effect/cli/CliError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readFile } from "node:fs/promises"

const given = (variable: string) =>
  Config.String(variable).pipe(
    Config.option,
    Effect.orDie,
    // What is set to nothing is not set.
    Effect.map(Option.filter((value) => value !== ""))
  )

const wrong = (userMessage: string, cause?: unknown) => new CliError.UserError({ cause, userMessage })

/**
 * The secret in `variable`, or in the file that `variable_FILE` names, without the line's end; `undefined` when neither is
 * set. Fails when both are, and when the file cannot be read or is empty.
 *
 * @category reading
 */
export const read = Effect.fnUntraced(function*(variable: string) {
  const value = Option.getOrUndefined(yield* given(variable))
  const path = Option.getOrUndefined(yield* given(`${variable}_FILE`))
  if (path === undefined) return value
  if (value !== undefined) {
    return yield* wrong(`${variable} and ${variable}_FILE are both set: expected the secret, or the file it is in`)
  }
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => wrong(`${variable}_FILE: expected a file that can be read, and ${path} cannot be`, cause)
  })
  const secret = text.replace(/\r?\n$/, "")
  return secret === "" ? yield* wrong(`${variable}_FILE: expected a secret in ${path}, and it is empty`) : secret
})
