/** Running a peer from the command line. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Stdio } from "effect/Stdio"
import { decide, defaultSettings } from "../domain/NetworkHealth.ts"
import { Mesh } from "../runtime/Mesh.ts"
import type { MeshOptions } from "../runtime/MeshOptions.ts"
import * as Node from "../runtime/node.ts"
import { FallbackPolicy } from "../services/FallbackPolicy.ts"
import * as HealthSchedule from "../services/HealthSchedule.ts"
import * as Failure from "./Failure.ts"
import * as Lines from "./Lines.ts"
import { Output } from "./Output.ts"
import * as Chat from "./peer/Chat.ts"
import * as Program from "./peer/Program.ts"
import { Screen } from "./peer/Screen.ts"
import { maxLineBytes } from "./PeerProtocol.ts"

/** @category models */
export interface PeerOptions {
  /** For a program rather than a person. */
  readonly json: boolean
  readonly mesh: MeshOptions
  /** The name under which identity and preferences are kept. */
  readonly profile: string | undefined
  /** How long to be alone at home before falling back. */
  readonly grace: Duration.Duration | undefined
  /** The pause between two looks at the health. */
  readonly healthInterval: Duration.Duration | undefined
  /** What does WebRTC. */
  readonly engine: "werift" | "native"
}

/** The platform with an engine; the native one is loaded only for those who ask for it. */
const layerPlatform = ({ engine, profile }: Pick<PeerOptions, "engine" | "profile">) => {
  if (engine === "werift") return profile === undefined ? Node.layer : Node.layerProfile(profile)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../runtime/native.ts")),
      (Native) => profile === undefined ? Native.layer : Native.layerProfile(profile)
    )
  )
}

const layerPolicy = (grace: Duration.Duration) => {
  // The cap is for what failed returns lead to, and must not cut what was asked for.
  const settings = { ...defaultSettings, grace, graceCap: Duration.max(grace, defaultSettings.graceCap) }
  return Layer.succeed(FallbackPolicy, { decide: (health) => decide(health, settings) })
}

const layerSchedule = (interval: Duration.Duration) =>
  Layer.succeed(HealthSchedule.HealthSchedule, {
    ...HealthSchedule.defaults,
    checks: Schedule.jittered(Schedule.spaced(interval))
  })

/** A mesh as the flags want it. @category layers */
export const layerMesh = ({ grace, healthInterval, mesh, ...platform }: Omit<PeerOptions, "json">) =>
  Mesh.layer(mesh).pipe(
    Layer.provide(layerPlatform(platform)),
    Layer.provide(grace === undefined ? Layer.empty : layerPolicy(grace)),
    Layer.provide(healthInterval === undefined ? Layer.empty : layerSchedule(healthInterval))
  )

/** The peer ends when nobody hears it any more. */
const forProgram = Effect.fnUntraced(function*(options: PeerOptions) {
  const { stdin } = yield* Stdio
  const output = yield* Output
  yield* Program.run(Lines.split(maxLineBytes)(stdin)).pipe(
    Effect.provide(layerMesh(options)),
    Effect.tapError(Program.sayError),
    Effect.raceFirst(output.broken)
  )
}, Effect.provide(Output.layer))

const forPerson = Effect.fnUntraced(function*(options: PeerOptions) {
  const { stdinIsTerminal, stdoutIsTerminal } = yield* Stdio
  const screen = (yield* stdinIsTerminal) && (yield* stdoutIsTerminal)
    ? Screen.layerTerminal
    : Layer.provide(Screen.layerPlain, Output.layer)
  yield* Effect.flatMap(Screen, ({ broken }) => Effect.raceFirst(Chat.run, broken)).pipe(
    Effect.provide([layerMesh(options), screen])
  )
})

/**
 * Runs a peer until its input ends, it is told to leave, or it is interrupted; it leaves politely in any case. Fails when
 * an option cannot be used or no hub takes it.
 *
 * @category running
 */
export const run = (options: PeerOptions) => Failure.shown(options.json ? forProgram(options) : forPerson(options))
