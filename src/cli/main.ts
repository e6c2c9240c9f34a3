#!/usr/bin/env node
/** The `homing` command. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Runtime from "effect/Runtime"
import { waitAtMost } from "../services/Patience.ts"
import * as Arguments from "./Arguments.ts"
import { receive, send } from "./commands/files.ts"
import { hub, server } from "./commands/hub.ts"
import { hubNetwork } from "./commands/hubNetwork.ts"
import { networks } from "./commands/networks.ts"
import { peer } from "./commands/peer.ts"
import * as Insistence from "./Insistence.ts"
import * as Package from "./Package.ts"
import { presenter } from "./Presenter.ts"

const homing = Command.make("homing").pipe(
  Command.withDescription("Peer-to-peer networks over WebRTC, and the hubs where peers meet"),
  Command.withSubcommands([hub, hubNetwork, networks, peer, receive, send, server])
)

/** Standard output belongs to results. */
const logging = Layer.mergeAll(
  Logger.layer([Logger.consolePretty()]),
  Layer.succeed(Logger.LogToStderr, true),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** Long enough for whoever reads at all. */
const flushPatience = Duration.seconds(1)

/** Ends the process, open input or not, once what was written is out; does not wait for one who does not read. */
const leave = (code: number) =>
  void Effect.callback<void>((resume) => void process.stdout.write("", () => resume(Effect.void))).pipe(
    waitAtMost(flushPatience),
    Effect.ensuring(Effect.sync(() => process.exit(code))),
    Effect.runFork
  )

/** To be told to stop is how a hub and a peer end well. */
const teardown: Runtime.Teardown = (exit) =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? leave(0) : Runtime.defaultTeardown(exit, leave)

Insistence.heed()
Package.version.pipe(
  Effect.flatMap((version) => Command.runWith(homing, { version })(Arguments.normalise(process.argv.slice(2)))),
  Effect.provide([NodeServices.layer, CliOutput.layerPresenter(presenter), logging]),
  NodeRuntime.runMain({ teardown })
)
