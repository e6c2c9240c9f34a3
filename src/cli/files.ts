/** Sending and receiving files from the command line. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { FileProgress } from "../domain/FileOffer.ts"
import { type PeerId, short } from "../domain/PeerId.ts"
import { Mesh } from "../runtime/Mesh.ts"
import * as Node from "../runtime/node.ts"
import type { FileOffer } from "../services/files/Offered.ts"
import type { IceServer } from "../services/WebRtc.ts"
import * as Failure from "./Failure.ts"
import { Output } from "./Output.ts"
import { invocation } from "./Package.ts"
import { layerMesh } from "./peer.ts"

/** What both commands have. @category models */
export interface FilesOptions {
  readonly hubs: ReadonlyArray<string>
  readonly networkName: string | undefined
  readonly profile: string | undefined
  readonly iceServers: ReadonlyArray<IceServer>
  readonly engine: "werift" | "native"
  /** For a program rather than a person. */
  readonly json: boolean
}

/** @category models */
export interface SendOptions extends FilesOptions {
  readonly file: string
  readonly to: PeerId
}

/** @category models */
export interface ReceiveOptions extends FilesOptions {
  readonly directory: string
  /** Of whom files are taken; of everyone when it is empty. */
  readonly from: ReadonlyArray<PeerId>
  readonly maxBytes: number
  /** After how many files to end. */
  readonly count: number | undefined
}

/** A mesh that stays in its network: a file is for whoever is there. */
const layerOf = ({ engine, hubs, iceServers, networkName, profile }: FilesOptions) =>
  layerMesh({
    engine,
    profile,
    grace: undefined,
    healthInterval: undefined,
    mesh: { hubs, iceServers, allowGlobalFallback: false, ...(networkName === undefined ? {} : { networkName }) }
  })

/** Says something to a person or to a program. */
const speaker = (json: boolean) =>
  Effect.map(
    Output,
    (output) => (event: object, sentence: string) => output.line(json ? JSON.stringify(event) : sentence)
  )

/** Says how far a file is, at every tenth of it. */
const tenths = (say: (event: object, sentence: string) => Effect.Effect<void>, file: string) => {
  let told = 0
  return {
    onProgress: ({ bytes, size }: FileProgress) => {
      const tenth = Math.floor(10 * bytes / Math.max(1, size))
      if (tenth <= told || tenth === 10) return Effect.void
      told = tenth
      return say({ event: "progress", file, bytes, size }, `${file}: ${10 * tenth} %`)
    }
  }
}

/**
 * Sends a file, and ends once its receiver has it. Fails when it cannot be read, is refused or does not get through.
 *
 * @category running
 */
export const send = (options: SendOptions) =>
  Effect.gen(function*() {
    const say = yield* speaker(options.json)
    const source = yield* Node.fileSource(options.file)
    const mesh = yield* Mesh
    yield* mesh.join
    const { name, sha256, size } = yield* mesh.sendFile(options.to, source, tenths(say, source.name))
    yield* say(
      { event: "sent", to: options.to, file: name, bytes: size, sha256 },
      `${name} is there: ${size} bytes, SHA-256 ${sha256}`
    )
  }).pipe(Effect.provide(layerOf(options)), Effect.provide(Output.layer), Failure.shown)

/**
 * Takes files until it is told to stop, or has as many as wanted. Fails when no hub takes it.
 *
 * @category running
 */
export const receive = (options: ReceiveOptions) =>
  Effect.gen(function*() {
    const say = yield* speaker(options.json)
    const mesh = yield* Mesh

    const take = Effect.fnUntraced(function*(offer: FileOffer) {
      const { from, name, size } = offer
      if (options.from.length > 0 && !options.from.includes(from)) {
        return yield* Effect.as(offer.refuse("files of this peer are not taken there"), false)
      }
      const file = { from, file: name, bytes: size }
      yield* say({ event: "offer", ...file }, `${name}, ${size} bytes, comes from ${short(from)}`)
      return yield* offer.accept(Node.fileTarget(options.directory, name), tenths(say, name)).pipe(
        Effect.flatMap(({ saved, sha256 }) =>
          say({ event: "received", ...file, path: saved, sha256 }, `${saved} is here: SHA-256 ${sha256}`)
        ),
        Effect.as(true),
        Effect.catch(({ _tag, message }) =>
          Effect.as(say({ event: "failed", ...file, error: { _tag, message } }, message), false)
        )
      )
    })

    const received = mesh.receiveFiles({ maxBytes: options.maxBytes }).pipe(
      Stream.mapEffect(take, { concurrency: "unbounded", unordered: true }),
      Stream.filter((isHere) => isHere)
    )
    const files = yield* Effect.forkChild(
      Stream.runDrain(options.count === undefined ? received : Stream.take(received, options.count)),
      { startImmediately: true }
    )
    yield* mesh.join
    const networkName = yield* mesh.networkName
    yield* say(
      { event: "ready", peerId: mesh.peerId, networkName },
      `Ready in ${networkName}. To send here: ${invocation("send")} FILE --to ${mesh.peerId} --network ${networkName}`
    )
    yield* Fiber.join(files)
  }).pipe(Effect.provide(layerOf(options)), Effect.provide(Output.layer), Failure.shown)
