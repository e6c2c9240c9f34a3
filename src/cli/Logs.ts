/** What a service logs: for people on a terminal, and otherwise for whatever collects it, one JSON object a line. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { InvalidInput } from "../domain/Errors.ts"

/** How a line looks. @category models */
export type Format = "pretty" | "json" | "logfmt"

/** The formats, for those who choose. @category constants */
export const formats = ["pretty", "json", "logfmt"] as const satisfies ReadonlyArray<Format>

/** The words that `--log-level` takes. */
const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  all: "All",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  warning: "Warn",
  error: "Error",
  fatal: "Fatal",
  none: "None"
}

/** The level that `LOG_LEVEL` names, if it is set; fails when that is no level. @category reading */
export const levelFromEnvironment: Effect.Effect<LogLevel.LogLevel | undefined, InvalidInput> = Effect.gen(function*() {
  const name = Option.getOrElse(yield* Effect.orDie(Config.option(Config.String("LOG_LEVEL"))), () => "")
  if (name === "") return undefined
  return levels[name.toLowerCase()] ??
    (yield* new InvalidInput({ field: "LOG_LEVEL", problem: `expected one of ${Object.keys(levels).join(", ")}` }))
})

const loggerOf = (format: Format) => {
  switch (format) {
    case "pretty":
      return Logger.consolePretty()
    case "json":
      return Logger.withConsoleError(Logger.formatJson)
    case "logfmt":
      return Logger.withConsoleError(Logger.formatLogFmt)
  }
}

/** How to log; what is left out depends on who reads. @category models */
export interface LogOptions {
  /** Default: `pretty` on a terminal, `json` otherwise. */
  readonly format?: Format | undefined
  /** Default: `warn` on a terminal, where a person is told what matters anyway, and `info` otherwise. */
  readonly level?: LogLevel.LogLevel | undefined
}

/**
 * Writes logs to standard error, since standard output belongs to results. `terminal` says whether a person reads them.
 *
 * @category layers
 */
export const layer = ({ format, level }: LogOptions, terminal: boolean): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([loggerOf(format ?? (terminal ? "pretty" : "json"))]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, level ?? (terminal ? "Warn" : "Info"))
  )
