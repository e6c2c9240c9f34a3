/**
 * Copies of records that passed by, for a moment: so many askers of one key do not all burden its holders.
 *
 * What is written meanwhile does not reach them, so they answer only where it is needed: for a key that many ask for within
 * their lifetime.
 */
import { compareAge, type StoredRecord } from "../../domain/DhtRecord.ts"

/** @category models */
export interface Cache {
  /** Keeps a copy. `now` is in milliseconds since 1970, here and below. */
  keep(record: StoredRecord, now: number): void
  /** The copy for somebody who asks, if enough have asked. */
  get(key: string, now: number): StoredRecord | undefined
  forget(key: string): void
  size(): number
}

interface Copy {
  readonly record: StoredRecord
  readonly until: number
  /** Those who asked since a time; a copy that comes in place of another goes on counting. */
  readonly since: number
  asked: number
}

/**
 * An empty cache of up to `capacity` copies; the oldest give way. A copy answers all who ask within its life but the first
 * `hotReads`.
 *
 * @category constructors
 */
export const make = (capacity: number, livesMillis: number, hotReads: number): Cache => {
  // Insertion order is order of age, so the oldest are always the first.
  const kept = new Map<string, Copy>()
  return {
    keep: (record, now) => {
      const before = kept.get(record.key)
      if (before !== undefined && before.until > now && compareAge(before.record, record) > 0) return
      const counts = before !== undefined && now - before.since < livesMillis ? before : { since: now, asked: 0 }
      kept.delete(record.key)
      kept.set(record.key, {
        record,
        until: Math.min(now + livesMillis, record.time + record.ttl),
        since: counts.since,
        asked: counts.asked
      })
      for (const oldest of kept.keys()) {
        if (kept.size <= capacity) break
        kept.delete(oldest)
      }
    },
    get: (key, now) => {
      const found = kept.get(key)
      if (found !== undefined && found.until > now) return ++found.asked > hotReads ? found.record : undefined
      kept.delete(key)
      return undefined
    },
    forget: (key) => void kept.delete(key),
    size: () => kept.size
  }
}
