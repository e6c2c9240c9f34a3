/** Sending one file, over as many links as it takes. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { FileLost, FileRefused, FileUnusable, type StreamLost } from "../../domain/Errors.ts"
import { type FileHeader, type FileProgress, maxNameLength, streamName } from "../../domain/FileOffer.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Streams } from "../Streams.ts"
import type { Duplex } from "../streams/Duplex.ts"
import * as Answers from "./Answers.ts"
import type { FileSettings } from "./FileSettings.ts"
import type { FileSource } from "./Ports.ts"

/** How to send a file. @category models */
export interface SendFileOptions {
  /** Called as bytes are on their way; the next ones wait until it is done. */
  readonly onProgress?: (progress: FileProgress) => Effect.Effect<void>
}

/** A file that arrived. @category models */
export interface FileSent {
  readonly to: PeerId
  readonly networkName: NetworkName
  readonly name: string
  readonly size: number
  /** In hexadecimal digits. */
  readonly sha256: string
  /** Links that it took; 1 when none was lost. */
  readonly links: number
}

/** What sending goes by. @category models */
export interface SendingOptions {
  readonly networkName: NetworkName
  readonly settings: FileSettings
  readonly streams: Streams["Service"]
  /** Whether this peer has left the network. */
  readonly isOver: () => boolean
}

const newTransfer = Effect.map(
  Effect.all(Array.from({ length: 4 }, () => Random.nextIntBetween(0, 0xffffffff))),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

/** Sends a file. @category running */
export const send = Effect.fnUntraced(function*(
  { isOver, networkName, settings, streams }: SendingOptions,
  to: PeerId,
  source: FileSource,
  { onProgress }: SendFileOptions
) {
  const { size } = source
  const name = source.name.slice(0, maxNameLength) || "file"
  const header: FileHeader = {
    transfer: yield* newTransfer,
    name,
    size,
    ...(source.type === undefined ? {} : { type: source.type.slice(0, 255) })
  }
  const hash = sha256.create()
  /** Bytes in the hash. */
  let hashed = 0
  /** Bytes that the receiver is known to have. */
  let arrived = 0
  let links = 0

  const unusable = (problem: string) => new FileUnusable({ file: name, operation: "send", problem })
  const refused = (problem: string) => new FileRefused({ peerId: to, networkName, file: name, problem })
  const lost = (problem: string) => new FileLost({ peerId: to, networkName, file: name, arrived, problem })

  /** Takes into the hash what of a chunk is not in it. */
  const digest = (at: number, chunk: Uint8Array) => {
    if (at + chunk.length <= hashed) return
    hash.update(chunk.subarray(hashed - at))
    hashed = at + chunk.length
  }

  /** Sends what the receiver does not have, and the checksum. */
  const sendFrom = Effect.fnUntraced(function*(duplex: Duplex, start: number) {
    // The hash needs every byte once, whether this link carries it or an earlier one of another sender's life did.
    let at = Math.min(start, hashed)
    yield* source.read(at).pipe(Stream.runForEach((chunk): Effect.Effect<void, StreamLost | FileUnusable> => {
      digest(at, chunk)
      const fresh = chunk.subarray(Math.max(0, start - at))
      at += chunk.length
      if (at > size) return Effect.fail(unusable(`it has more than the ${size} bytes that were announced`))
      if (fresh.length === 0) return Effect.void
      return Effect.andThen(duplex.write(fresh), onProgress?.({ bytes: at, size }) ?? Effect.void)
    }))
    if (at < size) return yield* unusable(`it has only ${at} of the ${size} bytes that were announced`)
    yield* duplex.write(hash.clone().digest())
    yield* duplex.end
  })

  /** Once, over one link; succeeds once all of it is there. */
  const attempt = Effect.gen(function*() {
    const duplex = yield* streams.open(to, { name: streamName, metadata: header })
    links++
    const next = Answers.reader(duplex)
    const first = yield* next
    if (first.is === "done") return
    if (first.is === "failed") return yield* refused(first.reason)
    if (first.bytes > size) return yield* lost("the receiver says that it has more than there is")
    arrived = Math.max(arrived, first.bytes)
    const last = yield* Effect.forkScoped(next)
    const outcome = Effect.flatMap(Fiber.join(last), (answer) =>
      answer.is === "done"
        ? Effect.void
        : Effect.fail(answer.is === "failed" ? refused(answer.reason) : lost("the receiver answered out of turn")))
    // Who will not take the rest says so meanwhile.
    yield* Effect.raceFirst(Effect.andThen(sendFrom(duplex, first.bytes), outcome), outcome)
  }).pipe(Effect.scoped)

  let tries = 0
  let since = yield* Clock.currentTimeMillis
  while (true) {
    const [linksBefore, arrivedBefore] = [links, arrived]
    const done = yield* Effect.result(attempt)
    if (Result.isSuccess(done)) break
    const error = done.failure
    if (error._tag === "Malformed") return yield* lost(error.message)
    if (error._tag === "StreamRefused" && error.declined) return yield* refused(error.problem)
    if (error._tag !== "StreamRefused" && error._tag !== "StreamLost") return yield* error
    if (error._tag === "StreamLost" && error.byPeer) return yield* lost(error.problem)
    // Who was never reached is not there; who was may be so again.
    if (links === 0) return yield* lost(error.problem)
    if (isOver()) return yield* lost("this peer left the network")
    const now = yield* Clock.currentTimeMillis
    if (links > linksBefore) since = now
    tries = arrived > arrivedBefore ? 1 : tries + 1
    if (tries >= settings.attempts || now - since >= Duration.toMillis(settings.resumeWithin)) {
      return yield* lost(`${error.problem} (tried ${tries} times)`)
    }
    const pause = Duration.times(settings.retryBase, 2 ** (tries - 1))
    yield* Effect.sleep(Duration.min(pause, settings.retryCap))
  }
  return {
    to,
    networkName,
    name,
    size,
    sha256: bytesToHex(hash.clone().digest()),
    links
  } satisfies FileSent as FileSent
})
