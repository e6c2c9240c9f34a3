/**
 * The package this command belongs to, found from the command's own place, be that `src/cli` or `dist/cli`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = new URL("../../", import.meta.url)

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.NonEmptyString }))
const decode = Schema.decodeUnknownEffect(Manifest)

/** The version in package.json. @category getters */
export const version: Effect.Effect<string> = Effect.suspend(() =>
  decode(readFileSync(new URL("package.json", root), "utf8"))
).pipe(Effect.map((manifest) => manifest.version), Effect.orDie)

/** The directory of the page that a hub serves; undefined where it was not built. @category getters */
export const page = (): string | undefined => {
  const directory = new URL("dist/console/", root)
  return existsSync(new URL("index.html", directory)) ? fileURLToPath(directory) : undefined
}

/**
 * How a person runs a subcommand: `homing peer` where the package is installed, `npm run peer --` in its sources.
 *
 * @category formatting
 */
export const invocation = (subcommand: string): string =>
  import.meta.url.endsWith(".ts") ? `npm run ${subcommand} --` : `homing ${subcommand}`
