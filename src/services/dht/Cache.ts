/** Copies of records that passed by, for a moment: so many askers of one key do not all burden its holders. */
import type { StoredRecord } from "../../domain/DhtRecord.ts"

/** @category models */
export interface Cache {
  /** Keeps a copy. `now` is in milliseconds since 1970, here and below. */
  keep(record: StoredRecord, now: number): void
  get(key: string, now: number): StoredRecord | undefined
  forget(key: string): void
  size(): number
}

/** An empty cache of up to `capacity` copies; the oldest give way. @category constructors */
export const make = (capacity: number, livesMillis: number): Cache => {
  // Insertion order is order of age, so the oldest are always the first.
  const kept = new Map<string, { readonly record: StoredRecord; readonly until: number }>()
  return {
    keep: (record, now) => {
      kept.delete(record.key)
      kept.set(record.key, { record, until: Math.min(now + livesMillis, record.time + record.ttl) })
      for (const oldest of kept.keys()) {
        if (kept.size <= capacity) break
        kept.delete(oldest)
      }
    },
    get: (key, now) => {
      const found = kept.get(key)
      if (found !== undefined && found.until > now) return found.record
      kept.delete(key)
      return undefined
    },
    forget: (key) => void kept.delete(key),
    size: () => kept.size
  }
}
