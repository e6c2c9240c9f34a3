/** Checks that a value is refused, and that the message names the field and says why. */
import { assert } from "@effect/vitest"
import * as Result from "effect/Result"

/** Asserts that `result` failed with a message that holds each of `parts`. */
export const assertRefused = (
  result: Result.Result<unknown, { readonly message: string }>,
  ...parts: ReadonlyArray<string>
): void => {
  if (Result.isSuccess(result)) assert.fail(`accepted ${JSON.stringify(result.success)}`)
  for (const part of parts) assert.include(result.failure.message, part)
}
