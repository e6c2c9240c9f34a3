/** Files in memory, for tests. */
import { Effect, Stream } from "effect"
import type { FileSource, FileTarget } from "../../src/services/files/Ports.ts"

/** Bytes that `seed` determines. */
export const noise = (length: number, seed = 1) => {
  const bytes = new Uint8Array(length)
  for (let at = 0, x = seed; at < length; at++) {
    x = Math.imul(x, 1103515245) + 12345 | 0
    bytes[at] = x >>> 16
  }
  return bytes
}

/** A file of these bytes, and from where it was read. */
export const source = (name: string, bytes: Uint8Array) => {
  const reads: Array<number> = []
  return {
    name,
    size: bytes.length,
    reads,
    read: (from) => {
      reads.push(from)
      const chunks: Array<Uint8Array> = []
      for (let at = from; at < bytes.length; at += 50_000) chunks.push(bytes.subarray(at, at + 50_000))
      return Stream.fromIterable(chunks)
    }
  } satisfies FileSource & { readonly reads: Array<number> }
}

/** Keeps what comes in memory; each write takes `millis`. */
export const target = (millis = 0) => {
  const chunks: Array<Uint8Array> = []
  let discarded = false
  return {
    written: () => chunks.reduce((sum, { length }) => sum + length, 0),
    discarded: () => discarded,
    write: (bytes) => Effect.delay(Effect.sync(() => void chunks.push(new Uint8Array(bytes))), millis),
    complete: Effect.sync(() => new Uint8Array(Buffer.concat(chunks))),
    discard: Effect.sync(() => void (discarded = true))
  } satisfies FileTarget<Uint8Array> & { written(): number; discarded(): boolean }
}
