/** Running a peer from the command line. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Stdio } from "effect/Stdio"
import { Mesh } from "../runtime/Mesh.ts"
import type { MeshOptions } from "../runtime/MeshOptions.ts"
import * as Node from "../runtime/node.ts"
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
}

const layerMesh = (options: MeshOptions) => Mesh.layer(options).pipe(Layer.provide(Node.layer))

/** The peer ends when nobody hears it any more. */
const forProgram = Effect.fnUntraced(function*(options: MeshOptions) {
  const { stdin } = yield* Stdio
  const output = yield* Output
  yield* Program.run(Lines.split(maxLineBytes)(stdin)).pipe(
    Effect.provide(layerMesh(options)),
    Effect.tapError(Program.sayError),
    Effect.raceFirst(output.broken)
  )
}, Effect.provide(Output.layer))

const forPerson = Effect.fnUntraced(function*(options: MeshOptions) {
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
export const run = ({ json, mesh }: PeerOptions) => Failure.shown(json ? forProgram(mesh) : forPerson(mesh))
