/** Files of the file system, to send and to receive. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"
import { basename, extname, join } from "node:path"
import { FileUnusable } from "../../domain/Errors.ts"
import { safeName } from "../../domain/FileOffer.ts"
import type { FileSource, FileTarget } from "../../services/files/Ports.ts"

/** Bytes that are read at a time. */
const chunkBytes = 64 * 1024

/** Names that are tried when one is taken: `a.txt`, `a (1).txt` and so on. */
const maxNames = 1000

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

const problemOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

const attempt = <A>(file: string, operation: string, run: () => Promise<A>): Effect.Effect<A, FileUnusable> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new FileUnusable({ file, operation, problem: problemOf(cause) })
  })

/** A file to send, which is read as it is sent. Fails with `FileUnusable` when there is none. @category constructors */
export const source = (path: string): Effect.Effect<FileSource, FileUnusable> =>
  Effect.gen(function*() {
    const found = yield* attempt(path, "read", () => stat(path))
    if (!found.isFile()) {
      return yield* new FileUnusable({ file: path, operation: "read", problem: "it is not a file" })
    }
    return {
      name: basename(path),
      size: found.size,
      read: (from) =>
        Stream.suspend(() =>
          Stream.fromAsyncIterable(
            createReadStream(path, { start: from, highWaterMark: chunkBytes }),
            (cause) => new FileUnusable({ file: path, operation: "read", problem: problemOf(cause) })
          )
        )
    } satisfies FileSource as FileSource
  })

/** Takes the first name that is free, with an empty file that nobody else can take from then on. */
const reserve = async (directory: string, name: string): Promise<string> => {
  const ending = extname(name)
  const stem = name.slice(0, name.length - ending.length)
  for (let n = 0; n < maxNames; n++) {
    const path = join(directory, n === 0 ? name : `${stem} (${n})${ending}`)
    try {
      await (await open(path, "wx")).close()
      return path
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause
    }
  }
  throw new Error(`${maxNames} files of that name are there already`)
}

const writeAll = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
}

/**
 * A place for a file in a directory, under this name (made safe first) or the next one that is free; it completes with its
 * path. Until then it is a hidden file of another name, which is removed when the file does not come.
 *
 * @category constructors
 */
export const target = (directory: string, name: string): Effect.Effect<FileTarget<string>, FileUnusable, Scope.Scope> =>
  Effect.gen(function*() {
    const safe = safeName(name)
    const draft = join(directory, `.${randomUUID()}.part`)
    const handle = yield* Effect.acquireRelease(
      attempt(draft, "write", () => open(draft, "wx")),
      // Closed already, when all went well.
      (handle) => Effect.ignore(Effect.tryPromise(() => handle.close()))
    )
    return {
      write: (bytes) => attempt(draft, "write", () => writeAll(handle, bytes)),
      complete: attempt(safe, "keep", async () => {
        await handle.sync()
        await handle.close()
        const path = await reserve(directory, safe)
        await rename(draft, path)
        return path
      }),
      discard: Effect.ignore(Effect.tryPromise(async () => {
        // Some systems remove no file that is open.
        await handle.close()
        await rm(draft, { force: true })
      }))
    } satisfies FileTarget<string> as FileTarget<string>
  })
