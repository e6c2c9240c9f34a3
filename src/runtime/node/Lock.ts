/**
 * A directory for one process at a time.
 *
 * Everybody first puts up a file that says which process they are, then looks whether the file of another living process
 * is there, and takes their own down again if so. Of two, at least the second to put up its file sees the other's: it
 * may be that neither gets the directory, and never that both do. A file belongs to one process and is never written
 * twice, so that anybody may clear it away once that process is gone.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import { open, readdir, readFile, rename, rm } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import process from "node:process"

/** A process, as it can be recognised by another. @category schemas */
export const Owner = Schema.Struct({
  pid: Schema.Int,
  /** The machine's name: elsewhere the pid says nothing. */
  host: Schema.String,
  /** When it started, in a form that only this system understands; pids are given out again. */
  started: Schema.optionalKey(Schema.String)
})
/** @category models */
export type Owner = typeof Owner.Type

/** Somebody else has the directory. @category models */
export interface Taken {
  /** Their file; to be removed by hand if they are known to be gone and we cannot see it. */
  readonly file: string
  /** `undefined` when the file cannot be read. */
  readonly owner: Owner | undefined
}

const prefix = "lock-"
const draftPrefix = "lock.draft-"

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Owner))

/** Those who met another that took its file down again try again: whoever is there to stay is met again. */
const contention = Schedule.max([Schedule.jittered(Schedule.spaced("150 millis")), Schedule.recurs(3)])

/** When a process started, as Linux tells: the boot, and the clock ticks since. Undefined elsewhere, or if it is gone. */
const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8")
    const stat = await readFile(`/proc/${pid}/stat`, "utf8")
    // proc(5): field 22; the second is the program's name in parentheses, and may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return `${boot.trim()} ${fields[19] ?? ""}`
  } catch {
    return undefined
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // Not ours to signal, but there.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/** Whether a process may still be there; when in doubt it is. */
const mayLive = async ({ host, pid, started }: Owner): Promise<boolean> => {
  if (host !== hostname()) return true
  if (!isRunning(pid)) return false
  const now = started === undefined ? undefined : await startOf(pid)
  return now === undefined || now === started
}

/**
 * Keeps the directory, which must be there, for this process until the scope closes. Fails with `Taken` when another
 * mesh of this or another process has it, and with what the file system says when that does not work.
 *
 * @category constructors
 */
export const acquire = Effect.fnUntraced(function*(directory: string) {
  // Not from Effect's Random: two processes with the same seed must not meet under one name.
  const unique = `${process.pid}-${randomUUID()}`
  const own = `${prefix}${unique}`
  const draft = join(directory, `${draftPrefix}${unique}`)

  /** Whole at once: a file that is half written would look like one that nobody can read. */
  const putUp = async () => {
    const started = await startOf(process.pid)
    const owner: Owner = { pid: process.pid, host: hostname(), ...(started === undefined ? {} : { started }) }
    try {
      const file = await open(draft, "wx", 0o600)
      await file.writeFile(JSON.stringify(owner)).finally(() => file.close())
      await rename(draft, join(directory, own))
    } catch (cause) {
      await rm(draft, { force: true })
      throw cause
    }
  }

  const takeDown = () => rm(join(directory, own), { force: true })

  /** The first of the others that may live; clears away those that do not. */
  const another = async (): Promise<Taken | undefined> => {
    for (const file of await readdir(directory)) {
      if (!file.startsWith(prefix) || file === own) continue
      const path = join(directory, file)
      const text = await readFile(path, "utf8").catch(() => undefined)
      // Taken down since.
      if (text === undefined) continue
      const owner = decode(text)
      if (Result.isFailure(owner)) return { file: path, owner: undefined }
      if (await mayLive(owner.success)) return { file: path, owner: owner.success }
      await rm(path, { force: true })
    }
    return undefined
  }

  const attempt = Effect.tryPromise({
    try: async () => {
      await putUp()
      let other: Taken | undefined
      let isOurs = false
      try {
        other = await another()
        isOurs = other === undefined
      } finally {
        if (!isOurs) await takeDown()
      }
      return other
    },
    catch: (cause) => ({ _tag: "Failed", cause }) as const
  }).pipe(
    Effect.flatMap((other) => other === undefined ? Effect.void : Effect.fail({ _tag: "Taken", ...other } as const))
  )

  yield* Effect.acquireRelease(
    Effect.retry(attempt, { schedule: contention, while: ({ _tag }) => _tag === "Taken" }),
    () => Effect.promise(() => takeDown().catch(() => undefined))
  )
})
