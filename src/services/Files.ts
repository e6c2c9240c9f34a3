/**
 * Files between the peers of one network: over streams, with a checksum, and going on where a lost link cut them off.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { FileLost, FileRefused, FileUnusable, InvalidInput } from "../domain/Errors.ts"
import { FileHeader, safeName, streamName } from "../domain/FileOffer.ts"
import type { PeerId } from "../domain/PeerId.ts"
import * as Answers from "./files/Answers.ts"
import { FileSettings } from "./files/FileSettings.ts"
import type { FileOffer } from "./files/Offered.ts"
import type { FileSource } from "./files/Ports.ts"
import * as Receiving from "./files/Receiving.ts"
import * as Sending from "./files/Sending.ts"
import { SessionContext } from "./SessionContext.ts"
import { Streams } from "./Streams.ts"
import type { StreamRequest } from "./streams/Duplex.ts"

/** What can become of a file that is sent. @category errors */
export type SendError = FileRefused | FileLost | FileUnusable | InvalidInput

const decodeHeader = Schema.decodeUnknownResult(FileHeader)

/** @category services */
export class Files extends Context.Service<Files, {
  /**
   * Sends a file; succeeds once the peer has kept all of it and its checksum fits. A lost link is made anew, and what had
   * arrived is not sent again.
   */
  send(
    to: PeerId,
    source: FileSource,
    options?: Sending.SendFileOptions
  ): Effect.Effect<Sending.FileSent, SendError>
}>()("homing/Files") {
  static readonly layer = Layer.effect(
    Files,
    Effect.gen(function*() {
      const { emit, networkName } = yield* SessionContext
      const streams = yield* Streams
      const settings = yield* FileSettings
      /** Files that are being received: where their senders go on. */
      const receiving = new Map<string, Queue.Queue<StreamRequest>>()
      /** Files that were received, oldest first. */
      const received = new Set<string>()
      const over = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))

      const remember = (key: string) => {
        received.add(key)
        for (const oldest of received) {
          if (received.size <= settings.remembered) break
          received.delete(oldest)
        }
      }

      const offerOf = (request: StreamRequest, header: FileHeader, key: string): FileOffer => {
        const { peerId: from, networkName } = request
        const { size } = header
        const name = safeName(header.name)
        return {
          from,
          networkName,
          name,
          givenName: header.name,
          size,
          type: header.type,
          accept: (open, options = {}) =>
            Effect.gen(function*() {
              // The sender that comes again is the only one to wait for.
              const again = yield* Effect.acquireRelease(
                Effect.tap(Queue.sliding<StreamRequest>(1), (queue) => Effect.sync(() => receiving.set(key, queue))),
                (queue) => {
                  receiving.delete(key)
                  return Queue.shutdown(queue)
                }
              )
              const done = yield* Receiving.receive(
                { header, settings, streams: again, over: Deferred.await(over) },
                request,
                open,
                options
              )
              remember(key)
              return { ...done, from, networkName, name, size }
            }).pipe(Effect.scoped),
          refuse: request.refuse
        }
      }

      /** Its sender did not hear that it is here. */
      const confirm = (request: StreamRequest) =>
        request.accept.pipe(
          Effect.flatMap((duplex) => Effect.andThen(Answers.say(duplex, { is: "done" }), duplex.end)),
          Effect.scoped,
          Effect.ignore
        )

      yield* streams.serve(streamName, (request) =>
        Effect.suspend(() => {
          const header = decodeHeader(request.metadata)
          if (Result.isFailure(header)) return request.refuse("that is not how a file is offered")
          const key = `${request.peerId} ${header.success.transfer}`
          if (received.has(key)) return confirm(request)
          const again = receiving.get(key)
          if (again !== undefined) return Effect.asVoid(Queue.offer(again, request))
          return Effect.flatMap(
            emit({ _tag: "FileOffered", offer: offerOf(request, header.success, key) }),
            (heard) => heard ? Effect.void : request.refuse("nobody takes files there")
          )
        }))

      return Files.of({
        send: (to, source, options = {}) =>
          Sending.send(
            { networkName, settings, streams, isOver: () => Deferred.isDoneUnsafe(over) },
            to,
            source,
            options
          )
      })
    })
  )
}
