/** Streams and files of the promise API. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FileUnusable, type InvalidInput } from "../../domain/Errors.ts"
import type { FileProgress } from "../../domain/FileOffer.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { FileOffer, FileReceived } from "../../services/files/Offered.ts"
import type { FileSource, FileTarget } from "../../services/files/Ports.ts"
import type { FileSent } from "../../services/files/Sending.ts"
import type { StreamOptions } from "../../services/Streams.ts"
import type { Duplex, StreamFacts, StreamRequest } from "../../services/streams/Duplex.ts"
import type { Audience } from "../Audience.ts"
import type { FileLimits } from "../FileOffers.ts"
import type { Mesh } from "../Mesh.ts"
import * as WebFiles from "../WebFiles.ts"

/**
 * An open stream of bytes: what is written to `writable` comes out of the other end's `readable`, with backpressure. It is
 * over once both are at their ends. A reader whose stream is not whole hears of it as an error.
 *
 * @category models
 */
export interface ClientStream extends StreamFacts {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
  /** Ends what was not ended, and reads no more. */
  close(): Promise<void>
}

/** A stream that a peer wants to open. @category models */
export interface ClientStreamRequest extends StreamFacts {
  accept(): Promise<ClientStream>
  refuse(reason: string): Promise<void>
}

/** How to send or receive a file. @category models */
export interface FileOptions {
  /** Called now and then with the bytes so far; must not throw. */
  readonly onProgress?: (progress: FileProgress) => void
  /** Gives it up when it aborts. */
  readonly signal?: AbortSignal
}

/** What can be sent: a `File` or other `Blob`, a path (on Node), or a source of your own. @category models */
export type FileInput = string | Blob | FileSource

/**
 * Where a file goes: into a directory (on Node), into a stream, which is closed in the end, or into a `Blob` when there is
 * no place.
 *
 * @category models
 */
export type FilePlace = string | WritableStream<Uint8Array> | undefined

/** A file that was received; `saved` is its path, nothing, or the `Blob`, as its place was. @category models */
export type ClientFileReceived<Place extends FilePlace> = FileReceived<
  Place extends string ? string : Place extends undefined ? Blob : void
>

/** A file that a peer wants to send. @category models */
export interface ClientFileOffer extends Omit<FileOffer, "accept" | "refuse"> {
  /**
   * Receives it, and resolves once all of it is kept and its checksum fits; rejects with `ChecksumMismatch`, `FileLost` or
   * `FileUnusable`, and then nothing is kept.
   */
  accept(place?: undefined, options?: FileOptions): Promise<ClientFileReceived<undefined>>
  accept(place: string, options?: FileOptions): Promise<ClientFileReceived<string>>
  accept(
    place: WritableStream<Uint8Array>,
    options?: FileOptions
  ): Promise<ClientFileReceived<WritableStream<Uint8Array>>>
  refuse(reason: string): Promise<void>
}

/** What of the promise API is here. @category models */
export interface Transfers {
  /**
   * Opens a stream to a peer; resolves once that has accepted, and rejects with `StreamRefused` when it does not, cannot be
   * linked, or knows no streams.
   */
  openStream(to: string, options?: StreamOptions & Audience): Promise<ClientStream>
  /**
   * Calls a function for every stream that a peer wants to open, from now on, to accept or to refuse; what it throws is
   * logged. Returns how to stop.
   */
  onStream(handler: (request: ClientStreamRequest) => void | Promise<void>): () => void
  /**
   * Sends a file to a peer; resolves once all of it is kept there and its SHA-256 fits. Goes on where it was when the link is
   * lost and made anew. Rejects with `FileRefused`, `FileLost` or `FileUnusable`.
   */
  sendFile(to: string, file: FileInput, options?: FileOptions & Audience): Promise<FileSent>
  /**
   * Calls a function for every file that a peer wants to send, from now on, to accept or to refuse; what is beyond the limits
   * (default: 1 GiB, 4 at a time) is refused. What it throws is logged. Returns how to stop.
   */
  onFile(handler: (offer: ClientFileOffer) => void | Promise<void>, limits?: FileLimits): () => void
}

/** Files of the platform's file system, where it has one. @category models */
export interface FileSystem {
  readonly source: (path: string) => Effect.Effect<FileSource, FileUnusable>
  readonly target: (directory: string, name: string) => Effect.Effect<FileTarget<string>, FileUnusable, Scope.Scope>
}

/** Where there is none. @category constructors */
export const noFileSystem: FileSystem = {
  source: (file) =>
    Effect.fail(new FileUnusable({ file, operation: "read", problem: "pages have no paths; give a File" })),
  target: (file) =>
    Effect.fail(new FileUnusable({ file, operation: "write", problem: "pages have no directories; give a stream" }))
}

/** How effects of a mesh are run. */
interface Runner {
  runPromise<A, E>(effect: Effect.Effect<A, E>, options?: { readonly signal?: AbortSignal }): Promise<A>
  runFork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, unknown>
}

const signalOf = (options: FileOptions | undefined) => options?.signal === undefined ? {} : { signal: options.signal }

const progressOf = (options: FileOptions | undefined) => {
  const onProgress = options?.onProgress
  return onProgress === undefined
    ? {}
    : { onProgress: (progress: FileProgress) => Effect.sync(() => onProgress(progress)) }
}

/** Over a mesh. @category constructors */
export const make = (
  mesh: Mesh["Service"],
  runner: Runner,
  files: FileSystem,
  peerIdFrom: (to: string) => Effect.Effect<PeerId, InvalidInput>
): Transfers => {
  const untilStopped = (effect: Effect.Effect<unknown>) => {
    const fiber = runner.runFork(effect)
    return () => void runner.runFork(Fiber.interrupt(fiber))
  }

  /** Calls a listener, and does not wait for it: it may take as long as what it takes. */
  const called = (what: string, call: () => void | Promise<void>) =>
    Effect.tryPromise({ try: async () => call(), catch: (cause) => cause }).pipe(
      Effect.catch((cause) => Effect.logWarning(`a listener for ${what} failed`, cause)),
      Effect.forkChild({ startImmediately: true })
    )

  /** An open stream, which lets go of everything once both of its directions are over. */
  const toStream = (duplex: Duplex, scope: Scope.Closeable): ClientStream => {
    let [isRead, isWritten] = [false, false]
    const settle = (exit: Exit.Exit<void, unknown>) => runner.runPromise(Scope.close(scope, exit))
    const settleOnce = async () => {
      if (isRead && isWritten) await settle(Exit.void)
    }
    const giveUp = (reason: unknown) =>
      runner.runPromise(Effect.andThen(duplex.abort(`given up: ${String(reason)}`), Scope.close(scope, Exit.void)))
    const { metadata, name, networkName, peerId } = duplex
    return {
      peerId,
      networkName,
      name,
      metadata,
      readable: new ReadableStream<Uint8Array>({
        async pull(controller) {
          const chunks = await runner.runPromise(Effect.catchIf(duplex.read, Cause.isDone, () => Effect.undefined))
          if (chunks !== undefined) {
            for (const chunk of chunks) controller.enqueue(chunk)
            return
          }
          controller.close()
          isRead = true
          await settleOnce()
        },
        cancel: giveUp
      }, { highWaterMark: 0 }),
      writable: new WritableStream<Uint8Array>({
        write: (chunk) => runner.runPromise(duplex.write(chunk)),
        async close() {
          await runner.runPromise(duplex.end)
          isWritten = true
          await settleOnce()
        },
        abort: giveUp
      }),
      close: () => settle(Exit.void)
    }
  }

  /** Runs what opens a stream, in a scope that the stream takes along. */
  const opened = <E>(open: Effect.Effect<Duplex, E, Scope.Scope>) =>
    runner.runPromise(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const duplex = yield* open.pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
      )
      return toStream(duplex, scope)
    }))

  const toRequest = (request: StreamRequest): ClientStreamRequest => ({
    ...request,
    accept: () => opened(request.accept),
    refuse: (reason) => runner.runPromise(request.refuse(reason))
  })

  const sourceOf = (file: FileInput): Effect.Effect<FileSource, FileUnusable> =>
    typeof file === "string"
      ? files.source(file)
      : Effect.succeed(file instanceof Blob ? WebFiles.source(file) : file)

  const toOffer = (offer: FileOffer): ClientFileOffer => {
    function accept(place?: undefined, options?: FileOptions): Promise<ClientFileReceived<undefined>>
    function accept(place: string, options?: FileOptions): Promise<ClientFileReceived<string>>
    function accept(
      place: WritableStream<Uint8Array>,
      options?: FileOptions
    ): Promise<ClientFileReceived<WritableStream<Uint8Array>>>
    function accept(place: FilePlace, options?: FileOptions): Promise<FileReceived<unknown>> {
      const target: Effect.Effect<FileTarget, FileUnusable, Scope.Scope> = place === undefined
        ? Effect.succeed(WebFiles.blobTarget(offer.type))
        : typeof place === "string"
        ? files.target(place, offer.name)
        : Effect.sync(() => WebFiles.writableTarget(place, offer.name))
      return runner.runPromise(offer.accept(target, progressOf(options)), signalOf(options))
    }
    return { ...offer, accept, refuse: (reason) => runner.runPromise(offer.refuse(reason)) }
  }

  return {
    openStream: (to, options) => opened(Effect.flatMap(peerIdFrom(to), (peerId) => mesh.openStream(peerId, options))),
    onStream: (handler) =>
      untilStopped(Stream.runForEach(mesh.streams, (request) => called("streams", () => handler(toRequest(request))))),
    sendFile: (to, file, options) =>
      runner.runPromise(
        Effect.gen(function*() {
          const source = yield* sourceOf(file)
          return yield* mesh.sendFile(yield* peerIdFrom(to), source, {
            ...(options?.audience === undefined ? {} : { audience: options.audience }),
            ...progressOf(options)
          })
        }),
        signalOf(options)
      ),
    onFile: (handler, limits) =>
      untilStopped(
        Stream.runForEach(mesh.receiveFiles(limits), (offer) => called("files", () => handler(toOffer(offer))))
      )
  }
}
