/** Flags that several commands have, and what their texts must be. */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { IceServer } from "../../services/WebRtc.ts"
import { parse } from "../Durations.ts"

/**
 * A flag, or else an environment variable, whose text is read by `parse`, which gives `undefined` when it is not
 * `expected`. What is set to nothing is not set. The error names both.
 *
 * @category flags
 */
export const setting = <A>(name: string, variable: string, options: {
  readonly metavar: string
  readonly description: string
  readonly expected: string
  readonly parse: (text: string) => A | undefined
}) =>
  Flag.String(name).pipe(
    Flag.withMetavar(options.metavar),
    Flag.withDescription(options.description),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault(""),
    Flag.mapEffect((text) => {
      if (text === "") return Effect.succeed(undefined)
      const value = options.parse(text)
      return value === undefined
        ? Effect.fail(
          new CliError.InvalidValue({
            option: name,
            value: text,
            expected: `${options.expected}, there or in the environment's ${variable}`,
            kind: "flag"
          })
        )
        : Effect.succeed(value)
    })
  )

/** Addresses with commas or blanks between them. @category flags */
export const addresses = (name: string, variable: string, metavar: string, description: string) =>
  setting(name, variable, {
    metavar,
    description: `${description} (${variable})`,
    expected: "addresses with commas between them",
    parse: (text) => text.split(/[\s,]+/).filter((address) => address !== "")
  })

/** One of some words. @category flags */
export const choice = <const Word extends string>(
  name: string,
  variable: string,
  words: ReadonlyArray<Word>,
  description: string
) =>
  setting(name, variable, {
    metavar: words.join("|"),
    description,
    expected: `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text.toLowerCase())
  })

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

const iceServer = (text: string): Effect.Effect<IceServer, CliError.InvalidValue> => {
  const [urls = "", username, ...credential] = text.split(",")
  return /^(stuns?|turns?):./.test(urls)
    ? Effect.succeed(
      username === undefined ? { urls } : { urls, username, credential: credential.join(",") }
    )
    : Effect.fail(
      new CliError.InvalidValue({
        option: "ice-server",
        value: text,
        expected: "stun:host:port, or turn:host:port,username,credential",
        kind: "flag"
      })
    )
}

/** `--ice-server`, which may be given several times. @category flags */
export const iceServers = Flag.String("ice-server").pipe(
  Flag.withMetavar("URL[,USERNAME,CREDENTIAL]"),
  Flag.withDescription("STUN or TURN server; may be given several times (default none)"),
  Flag.atLeast(0),
  Flag.mapEffect((servers) => Effect.forEach(servers, iceServer))
)

/** `--engine`. @category flags */
export const engine = Flag.Literals("engine", ["werift", "native"]).pipe(
  Flag.withDescription("What does WebRTC: werift (default), or native, which needs the package node-datachannel"),
  Flag.withDefault("werift")
)

/** Options that were given: what is left out is remembered, or has a default elsewhere. @category options */
export const given = <A, B extends object>(flag: Option.Option<A>, options: (value: A) => B): B | {} =>
  Option.match(flag, { onNone: () => ({}), onSome: options })
