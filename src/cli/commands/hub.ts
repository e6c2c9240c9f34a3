/** `homing hub`: its flags. What it does is loaded when it is run. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

/** A whole number from a flag or else from the environment. */
const wholeNumber = (flag: string, variable: string, value: number) =>
  Flag.String(flag).pipe(
    Flag.withMetavar("integer"),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault(String(value)),
    Flag.mapEffect((text) =>
      /^\d{1,15}$/.test(text)
        ? Effect.succeed(Number(text))
        : Effect.fail(
          new CliError.InvalidValue({
            option: flag,
            value: text,
            expected: `a whole number, there or in the environment's ${variable}`,
            kind: "flag"
          })
        )
    )
  )

/** @category commands */
export const hub = Command.make(
  "hub",
  {
    port: wholeNumber("port", "PORT", 3000).pipe(
      Flag.withAlias("p"),
      Flag.withDescription("Port to listen at, 0 for any; if taken, the next free one of ten (PORT, default 3000)")
    ),
    host: Flag.String("host").pipe(
      Flag.withDescription("Name or address to listen at; 0.0.0.0 is all of them (HOST, default localhost)"),
      Flag.withFallbackConfig(Config.String("HOST")),
      Flag.withDefault("localhost")
    ),
    maxConnections: wholeNumber("max-connections", "MAX_CONNECTIONS", 1000).pipe(
      Flag.withDescription("Most peers at a time (MAX_CONNECTIONS, default 1000)")
    ),
    maxMessageBytes: wholeNumber("max-message-bytes", "MAX_MESSAGE_BYTES", 1024 * 1024).pipe(
      Flag.withDescription("Most bytes of one signal (MAX_MESSAGE_BYTES, default 1048576)")
    ),
    corsOrigin: Flag.String("cors-origin").pipe(
      Flag.withDescription("Origin of the pages that may ask for /health and the like (CORS_ORIGIN, default *)"),
      Flag.withFallbackConfig(Config.String("CORS_ORIGIN")),
      Flag.withDefault("*")
    )
  },
  (options) => Effect.promise(() => import("../hub.ts")).pipe(Effect.flatMap(({ run }) => run(options)))
).pipe(
  Command.withDescription("Run a hub: where peers meet before they talk to each other directly"),
  Command.withExamples([
    { command: "homing hub", description: "For peers on this machine" },
    { command: "homing hub --host 0.0.0.0 --port 8080", description: "For everyone who can reach this machine" }
  ])
)
