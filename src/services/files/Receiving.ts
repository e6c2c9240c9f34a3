/** Receiving one file, over as many links as it takes. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { ChecksumMismatch, FileLost, FileUnusable } from "../../domain/Errors.ts"
import { digestBytes, type FileHeader, type FileProgress } from "../../domain/FileOffer.ts"
import { reasonFrom } from "../../domain/StreamFrame.ts"
import type { Duplex, StreamRequest } from "../streams/Duplex.ts"
import * as Answers from "./Answers.ts"
import type { FileSettings } from "./FileSettings.ts"
import type { FileTarget } from "./Ports.ts"

/** How to receive a file. @category models */
export interface ReceiveFileOptions {
  /** Called as bytes are written; the next ones wait until it is done. */
  readonly onProgress?: (progress: FileProgress) => Effect.Effect<void>
}

/** What receiving goes by. @category models */
export interface ReceivingOptions {
  readonly header: FileHeader
  readonly settings: FileSettings
  /** Streams over which the sender goes on, the first one among them. */
  readonly streams: Queue.Dequeue<StreamRequest>
  /** Waits until this peer leaves the network. */
  readonly over: Effect.Effect<void>
}

/** What arrived and was kept. @category models */
export interface Received<A> {
  /** What the target says of it. */
  readonly saved: A
  /** In hexadecimal digits. */
  readonly sha256: string
  /** Links that it took; 1 when none was lost. */
  readonly links: number
}

/** What can become of a file. @category errors */
export type ReceiveError = FileLost | FileUnusable | ChecksumMismatch

/** Receives a file into a target, and says to its sender what became of it. @category running */
export const receive = Effect.fnUntraced(function*<A, E, R>(
  { header, over, settings, streams }: ReceivingOptions,
  first: StreamRequest,
  open: Effect.Effect<FileTarget<A>, E, R>,
  { onProgress }: ReceiveFileOptions
): Effect.fn.Return<Received<A>, ReceiveError | E, R | Scope.Scope> {
  const { name, size } = header
  const hash = sha256.create()
  /** Bytes that were written. */
  let written = 0
  let links = 0
  let finished = false

  const lost = (problem: string) =>
    new FileLost({ peerId: first.peerId, networkName: first.networkName, file: name, arrived: written, problem })

  const target = yield* Effect.acquireRelease(
    Effect.tapError(open, () => first.refuse("it cannot be kept there")),
    (target) => finished ? Effect.void : target.discard
  )

  /** Keeps the next bytes; all or nothing of it is done when another link takes over. */
  const keep = (bytes: Uint8Array) =>
    Effect.uninterruptible(Effect.andThen(
      target.write(bytes),
      Effect.sync(() => {
        hash.update(bytes)
        written += bytes.length
      })
    ))

  const conclude = Effect.fnUntraced(function*(duplex: Duplex, digest: Uint8Array) {
    const [expected, actual] = [bytesToHex(digest), bytesToHex(hash.clone().digest())]
    if (expected !== actual) return yield* new ChecksumMismatch({ file: name, expected, actual })
    const saved = yield* Effect.uninterruptible(
      Effect.tap(target.complete, () => Effect.sync(() => void (finished = true)))
    )
    // It is here, whether its sender hears so or asks again.
    yield* Effect.ignore(Effect.andThen(Answers.say(duplex, { is: "done" }), duplex.end))
    return { saved, sha256: actual, links } satisfies Received<A>
  })

  /** As much as comes over one link. */
  const take = Effect.fnUntraced(function*(request: StreamRequest) {
    const duplex = yield* request.accept
    links++
    const transfer = Effect.gen(function*() {
      yield* Answers.say(duplex, { is: "at", bytes: written })
      const digest = new Uint8Array(digestBytes)
      let digested = 0
      while (digested < digestBytes) {
        for (const chunk of yield* duplex.read) {
          const part = chunk.subarray(0, size - written)
          if (part.length > 0) {
            yield* keep(part)
            if (onProgress !== undefined) yield* onProgress({ bytes: written, size })
          }
          const rest = chunk.subarray(part.length)
          if (digested + rest.length > digestBytes) return yield* lost("more came than was announced")
          digest.set(rest, digested)
          digested += rest.length
        }
      }
      return yield* conclude(duplex, digest)
    }).pipe(Effect.catchIf(Cause.isDone, () => Effect.fail(lost("its sender ended it early"))))
    return yield* Effect.tapError(transfer, (error) =>
      error._tag === "StreamLost"
        ? Effect.void
        : Effect.ignore(Effect.andThen(
          Answers.say(duplex, { is: "failed", reason: reasonFrom(error.message) }),
          duplex.end
        )))
  }, Effect.scoped)

  let current = first
  while (true) {
    // A sender that comes again has lost the link before us.
    const again = Effect.map(Queue.take(streams), (request) => ({ _tag: "Again", request }) as const)
    const outcome = yield* Effect.raceFirst(
      Effect.map(Effect.result(take(current)), (result) => ({ _tag: "Over", result }) as const),
      again
    )
    if (outcome._tag === "Again") {
      current = outcome.request
      continue
    }
    const { result } = outcome
    if (Result.isSuccess(result)) return result.success
    if (result.failure._tag !== "StreamLost") return yield* result.failure
    const { byPeer, problem } = result.failure
    if (byPeer) return yield* lost(problem)
    const next = yield* again.pipe(
      Effect.timeoutOption(settings.resumeWithin),
      Effect.raceFirst(Effect.as(over, Option.none()))
    )
    if (Option.isNone(next)) {
      return yield* lost(`${problem}, and nothing came within ${Duration.format(settings.resumeWithin)}`)
    }
    current = next.value.request
  }
})
