/** Flags that several commands have, and what their texts must be. */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { parse } from "../Durations.ts"

/** Where a hub on this machine is unless told otherwise. */
const defaultHub = "ws://localhost:3000"

/** `--hub`, which may be given several times. @category flags */
export const hubs = (description: string) =>
  Flag.String("hub").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(`${description} (default ${defaultHub})`),
    Flag.atLeast(0),
    Flag.map((hubs) => hubs.length === 0 ? [defaultHub] : hubs)
  )

/** A duration such as `500ms`, `5s` or `2m`, between two others. @category flags */
export const duration = (name: string, least: Duration.Duration, most: Duration.Duration) =>
  Flag.String(name).pipe(
    Flag.withMetavar("DURATION"),
    Flag.mapEffect((text) =>
      Effect.fromResult(Result.mapError(
        parse(text, least, most),
        (expected) => new CliError.InvalidValue({ option: name, value: text, expected, kind: "flag" })
      ))
    )
  )
