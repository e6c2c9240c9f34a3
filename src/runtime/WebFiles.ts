/** Files as the web has them, blobs and writable streams, to send and to receive: in pages and on Node. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FileUnusable } from "../domain/Errors.ts"
import type { FileSource, FileTarget } from "../services/files/Ports.ts"

/** Bytes that are kept in the page's memory before the browser has them as a blob, which it may keep on disk. */
const pieceBytes = 4 * 1024 * 1024

const problemOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/**
 * A `File`, as an input gives it, or any `Blob`, which is read as it is sent. Default name: that of the file, or `file`.
 *
 * @category constructors
 */
export const source = (blob: Blob, name?: string): FileSource => {
  const called = name ?? ("name" in blob && typeof blob.name === "string" ? blob.name : "file")
  return {
    name: called,
    size: blob.size,
    ...(blob.type === "" ? {} : { type: blob.type }),
    read: (from) =>
      Stream.fromReadableStream({
        evaluate: () => blob.slice(from).stream(),
        onError: (cause) => new FileUnusable({ file: called, operation: "read", problem: problemOf(cause) })
      })
  }
}

/** Collects a file into a blob, which the browser keeps in memory or on disk as it sees fit. @category constructors */
export const blobTarget = (type?: string): FileTarget<Blob> => {
  let pieces: Array<Blob> = []
  let chunks: Array<Uint8Array<ArrayBuffer>> = []
  let bytes = 0
  const settle = () => {
    pieces.push(new Blob(chunks))
    chunks = []
    bytes = 0
  }
  return {
    write: (chunk) =>
      Effect.sync(() => {
        chunks.push(new Uint8Array(chunk))
        bytes += chunk.length
        if (bytes >= pieceBytes) settle()
      }),
    complete: Effect.sync(() => {
      settle()
      return new Blob(pieces, type === undefined ? {} : { type })
    }),
    discard: Effect.sync(() => {
      pieces = []
      chunks = []
    })
  }
}

/**
 * Writes a file to a stream, such as that of a file that the person chose (`showSaveFilePicker`) or of the page's own
 * (`navigator.storage.getDirectory`), whose `createWritable` makes one. It is closed in the end, or aborted.
 *
 * @category constructors
 */
export const writableTarget = (writable: WritableStream<Uint8Array>, name = "file"): FileTarget<void> => {
  const writer = writable.getWriter()
  const attempt = (operation: string, run: () => Promise<void>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => new FileUnusable({ file: name, operation, problem: problemOf(cause) })
    })
  return {
    write: (chunk) => attempt("write", () => writer.write(chunk)),
    complete: attempt("keep", () => writer.close()),
    discard: Effect.ignore(Effect.tryPromise(() => writer.abort("it did not come")))
  }
}
