/** `homing networks`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Flags from "./flags.ts"

/** @category commands */
export const networks = Command.make(
  "networks",
  {
    hubs: Flags.hubs("Hub to ask; give several to have others to turn to"),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON array instead of a table, for programs"),
      Flag.withDefault(false)
    )
  },
  (options) => Effect.promise(() => import("../networks.ts")).pipe(Effect.flatMap(({ run }) => run(options)))
).pipe(
  Command.withDescription("List a hub's networks: who is there, and who waits elsewhere for somebody to come"),
  Command.withExamples([
    { command: "homing networks --hub wss://hub.example.org", description: "The networks of that hub" }
  ])
)
