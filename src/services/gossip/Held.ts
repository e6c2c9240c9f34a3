/**
 * Messages kept for a while after they came, for neighbours that turn out to lack them. Bounded in age, number and
 * bytes; the oldest give way.
 */
import type { Gossip as Message } from "../../domain/Frame.ts"

/** A message as it goes on from here. @category models */
export interface Entry {
  /** What tells it apart. */
  readonly name: string
  readonly message: Message
  /** About how large its content is. */
  readonly bytes: number
  /** When the network had it, as far as is known here: on the clock, in milliseconds. */
  readonly born: number
}

/** @category models */
export interface Limits {
  /** Milliseconds. */
  readonly age: number
  readonly messages: number
  readonly bytes: number
}

/** @category models */
export interface Held {
  put(entry: Entry, now: number): void
  get(name: string): Entry | undefined
  drop(name: string): void
  /** Lets go of what is too old. */
  expire(now: number): void
  /** The newest ones that were born at `from` or later, oldest first, at most so many. */
  since(from: number, most: number): ReadonlyArray<Entry>
  /** When the oldest one will be too old. */
  nextExpiry(): number
  size(): number
  bytes(): number
}

interface Kept extends Entry {
  readonly at: number
}

/** Nothing yet. @category constructors */
export const make = (limits: Limits): Held => {
  // Insertion order is order of arrival.
  const entries = new Map<string, Kept>()
  let bytes = 0

  const drop = (id: string) => {
    const kept = entries.get(id)
    if (kept === undefined) return
    entries.delete(id)
    bytes -= kept.bytes
  }

  const expire = (now: number) => {
    for (const [id, { at }] of entries) {
      if (entries.size <= limits.messages && bytes <= limits.bytes && at + limits.age > now) break
      drop(id)
    }
  }

  return {
    put: (entry, now) => {
      entries.set(entry.name, { ...entry, at: now })
      bytes += entry.bytes
      expire(now)
    },
    get: (id) => entries.get(id),
    drop,
    expire,
    since: (from, most) => {
      const found: Array<Entry> = []
      for (const entry of entries.values()) if (entry.born >= from) found.push(entry)
      return found.length > most ? found.slice(-most) : found
    },
    nextExpiry: () => {
      for (const { at } of entries.values()) return at + limits.age
      return Number.POSITIVE_INFINITY
    },
    size: () => entries.size,
    bytes: () => bytes
  }
}
