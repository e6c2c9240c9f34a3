/** A place of a test's own for profiles, in place of the person's. */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A directory of the test's own. */
export const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "homing-test-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** Where profiles are until the scope closes, for this process and those it starts. */
export const profiles = Effect.gen(function*() {
  const directory = yield* temporary
  const before = process.env["XDG_CONFIG_HOME"]
  process.env["XDG_CONFIG_HOME"] = directory
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (before === undefined) delete process.env["XDG_CONFIG_HOME"]
      else process.env["XDG_CONFIG_HOME"] = before
    })
  )
  return join(directory, "homing")
})
