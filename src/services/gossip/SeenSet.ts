/** Which messages have been seen, bounded in number and age. */

/** @category models */
export interface SeenSet {
  /** Remembers an id; `false` when it was remembered already. `now` is in milliseconds and never goes back. */
  add(id: string, now: number): boolean
  /** Whether an id is remembered. */
  has(id: string): boolean
  size(): number
}

/** A set that remembers the last `capacity` ids of the last `windowMillis`. @category constructors */
export const make = (capacity: number, windowMillis: number): SeenSet => {
  // Insertion order is order of age, so the oldest are always the first.
  const seen = new Map<string, number>()
  return {
    add: (id, now) => {
      for (const [oldest, at] of seen) {
        if (seen.size < capacity && now - at < windowMillis) break
        seen.delete(oldest)
      }
      if (seen.has(id)) return false
      seen.set(id, now)
      return true
    },
    has: (id) => seen.has(id),
    size: () => seen.size
  }
}
