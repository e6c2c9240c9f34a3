/**
 * Which writes were kept here lately, so that none takes place twice. A write whose answer is late is asked for again, by
 * another way, and may come to another peer when the first has long been answered, and others have written since: done
 * again, it would undo what they wrote.
 *
 * A write that meets a newer record is tried again under a new name, its own and the number of the try: `name/1`.
 */
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import * as Limits from "./Limits.ts"

/** A write that was kept: in which of its tries, and as which version. @category models */
export interface Done {
  readonly attempt: number
  readonly version: number
}

/** @category models */
export interface Writes {
  /** A record is kept here. `now` is in milliseconds since 1970, here and below. */
  kept(record: Pick<StoredRecord, "write" | "version">, now: number): void
  /** What became of a write here, if it was kept. */
  of(write: string, now: number): Done | undefined
}

const tries = /\/(\d{1,2})$/

/** The longest name that leaves room for the number of a try. */
const longest = 60

/** The name of a write, whichever try of it this is. @category getters */
export const nameOf = (write: string): string => write.replace(tries, "").slice(0, longest)

/** Which try of a write this is; 0: the first. @category getters */
export const attemptOf = (write: string): number => Number(tries.exec(write)?.[1] ?? 0)

/** The name of another try. @category constructors */
export const again = (write: string): string => `${nameOf(write)}/${attemptOf(write) + 1}`

/** Whether a record comes of a write that was done before, and is not the one that came of it then. @category predicates */
export const isRepeated = (record: Pick<StoredRecord, "write" | "version">, done: Done): boolean => {
  const attempt = attemptOf(record.write)
  return attempt < done.attempt || (attempt === done.attempt && record.version !== done.version)
}

/** None yet. Up to `Limits.maxWrites` are remembered for `Limits.writeLives`; the oldest give way. @category constructors */
export const make = (): Writes => {
  // Insertion order is order of age, so the oldest are always the first.
  const all = new Map<string, Done & { readonly until: number }>()
  return {
    kept: ({ version, write }, now) => {
      const name = nameOf(write)
      const attempt = attemptOf(write)
      const before = all.get(name)
      if (before !== undefined && before.until > now && before.attempt > attempt) return
      all.delete(name)
      all.set(name, { attempt, version, until: now + Limits.writeLives })
      for (const [oldest, { until }] of all) {
        if (all.size <= Limits.maxWrites && until > now) break
        all.delete(oldest)
      }
    },
    of: (write, now) => {
      const done = all.get(nameOf(write))
      return done !== undefined && done.until > now ? done : undefined
    }
  }
}
