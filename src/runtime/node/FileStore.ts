/**
 * A store in a directory of its own, a file for each key, readable by its owner alone.
 *
 * A value is written to a file beside the old one, which it then replaces: whatever happens meanwhile, one of the two is
 * there, whole. Effect's own `layerFileSystem` writes in place and leaves the modes to the process.
 */
import * as Effect from "effect/Effect"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { randomUUID } from "node:crypto"
import { open, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"

const valueEnd = ".json"
const draftEnd = ".draft"

/** File names are the keys, with whatever is no letter, digit, `.`, `_` or `-` as percent codes of its bytes. */
const fileOf = (key: string) =>
  encodeURIComponent(key).replaceAll(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`) +
  valueEnd

const keysOf = (file: string): ReadonlyArray<string> => {
  if (!file.endsWith(valueEnd)) return []
  try {
    return [decodeURIComponent(file.slice(0, -valueEnd.length))]
  } catch {
    return []
  }
}

const isMissing = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** A store in a directory, which must be there and used by nobody else. @category constructors */
export const make = Effect.fnUntraced(function*(directory: string) {
  const attempt = <A>(method: string, key: string, run: () => Promise<A>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => new KeyValueStore.KeyValueStoreError({ method, key, message: `${method} failed`, cause })
    })

  const pathOf = (key: string) => join(directory, fileOf(key))

  const write = async (path: string, draft: string, value: string) => {
    try {
      const file = await open(draft, "wx", 0o600)
      try {
        await file.writeFile(value)
        // Renaming can reach the disk before the content does, and a power cut between them would leave nothing.
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, path)
    } catch (cause) {
      await rm(draft, { force: true })
      throw cause
    }
  }

  const keys = attempt("keys", "", () => readdir(directory)).pipe(Effect.map((files) => files.flatMap(keysOf)))
  const remove = (key: string) => attempt("remove", key, () => rm(pathOf(key), { force: true }))

  // What a process that was killed while it wrote has left.
  yield* attempt("clear", "", async () => {
    for (const file of await readdir(directory)) {
      if (file.endsWith(draftEnd)) await rm(join(directory, file), { force: true })
    }
  })

  return KeyValueStore.makeStringOnly({
    get: (key) =>
      attempt("get", key, () =>
        readFile(pathOf(key), "utf8").catch((cause: unknown) => {
          if (isMissing(cause)) return undefined
          throw cause
        })),
    set: (key, value) =>
      attempt("set", key, () => write(pathOf(key), `${pathOf(key)}.${randomUUID()}${draftEnd}`, value)),
    remove,
    clear: Effect.flatMap(keys, Effect.forEach(remove, { discard: true })),
    keys,
    size: Effect.map(keys, (keys) => keys.length)
  })
})
