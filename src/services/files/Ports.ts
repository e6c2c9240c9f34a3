/**
 * Where files come from and go to. A platform brings its own: `homing/node` the file system, `homing/browser` blobs and
 * whatever can be written to.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { FileUnusable } from "../../domain/Errors.ts"

/** A file to send. @category models */
export interface FileSource {
  /** What the receiver is told; at most 255 characters. */
  readonly name: string
  /** Bytes. It must not change meanwhile. */
  readonly size: number
  /** The media type, such as `image/png`. */
  readonly type?: string
  /** Its bytes from an offset on, in chunks of any size; run again when a link was lost. */
  read(from: number): Stream.Stream<Uint8Array, FileUnusable>
}

/**
 * A place for a file that is received. Of `complete` and `discard` one is called, once.
 *
 * @category models
 */
export interface FileTarget<A = unknown> {
  /** Appends bytes; they count as arrived once it succeeds. */
  write(bytes: Uint8Array): Effect.Effect<void, FileUnusable>
  /** All bytes are there and their checksum fits: makes the file what it is to be, and says what that is. */
  readonly complete: Effect.Effect<A, FileUnusable>
  /** It is not to be: leaves nothing behind. */
  readonly discard: Effect.Effect<void>
}
