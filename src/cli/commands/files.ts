/** `homing send` and `homing receive`: their flags. What they do is loaded when they are run. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PeerId } from "../../domain/PeerId.ts"
import * as Flags from "./flags.ts"

const common = {
  hubs: Flags.hubs("Hub to meet at; give several to have others to turn to"),
  networkName: Flag.String("network").pipe(
    Flag.withAlias("n"),
    Flag.withMetavar("NAME"),
    Flag.withDescription("Network that both are in (default: the profile's, or global)"),
    Flag.optional
  ),
  profile: Flag.String("profile").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Keep id and network under this name, for one peer at a time (default: nothing is kept)"),
    Flag.optional
  ),
  iceServers: Flags.iceServers,
  engine: Flags.engine,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON lines, for programs (docs/streams.md)"),
    Flag.withDefault(false)
  )
}

/** @category commands */
export const send = Command.make(
  "send",
  {
    file: Argument.String("file").pipe(Argument.withDescription("The file to send")),
    to: Flag.String("to").pipe(
      Flag.withMetavar("PEER"),
      Flag.withDescription("Id of the peer that is to have it, as its receive says"),
      Flag.withSchema(PeerId)
    ),
    ...common
  },
  ({ networkName, profile, ...options }) =>
    Effect.promise(() => import("../files.ts")).pipe(
      Effect.flatMap(({ send }) =>
        send({
          ...options,
          profile: Option.getOrUndefined(profile),
          networkName: Option.getOrUndefined(networkName)
        })
      )
    )
).pipe(
  Command.withDescription("Send a file to a peer that takes it; ends once all of it is there"),
  Command.withExamples([
    { command: "homing send photo.jpg --to 0f3c... --network gaming", description: "To who runs homing receive" }
  ])
)

/** @category commands */
export const receive = Command.make(
  "receive",
  {
    directory: Argument.String("directory").pipe(
      Argument.withDescription("Where files are put, none over another (default: here)"),
      Argument.withDefault(".")
    ),
    from: Flag.String("from").pipe(
      Flag.withMetavar("PEER"),
      Flag.withDescription("Take files of this peer only; may be given several times (default: of everyone)"),
      Flag.withSchema(PeerId),
      Flag.atLeast(0)
    ),
    maxBytes: Flag.Int("max-bytes").pipe(
      Flag.withDescription("Most bytes of one file (default 1073741824)"),
      Flag.withDefault(1024 ** 3)
    ),
    count: Flag.Int("count").pipe(
      Flag.withDescription("End after so many files (default: when told to)"),
      Flag.optional
    ),
    ...common
  },
  ({ count, networkName, profile, ...options }) =>
    Effect.promise(() => import("../files.ts")).pipe(
      Effect.flatMap(({ receive }) =>
        receive({
          ...options,
          count: Option.getOrUndefined(count),
          profile: Option.getOrUndefined(profile),
          networkName: Option.getOrUndefined(networkName)
        })
      )
    )
).pipe(
  Command.withDescription("Take the files that peers send, from everyone or from some"),
  Command.withExamples([
    { command: "homing receive downloads --network gaming", description: "Into the directory downloads" },
    { command: "homing receive --count 1", description: "One file of the network global, into this directory" }
  ])
)
