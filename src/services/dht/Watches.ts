/**
 * Who watches which key, as a holder knows it: for as long as the lease lasts, and in bounded numbers. The holder nearest
 * to the key tells the changes; those next to it know of the subscription to take its place.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Limits from "./Limits.ts"

/** @category models */
export interface Watches {
  /** Notes a subscriber until its lease ends, at `until`; `false` when there is no room. */
  add(key: string, subscriber: PeerId, until: number): boolean
  remove(key: string, subscriber: PeerId): void
  /** Who watches a key. `now` is in milliseconds since 1970, here and below. */
  of(key: string, now: number): ReadonlyArray<{ readonly subscriber: PeerId; readonly until: number }>
  keys(): Iterable<string>
  /** Forgets those whose lease has ended. */
  sweep(now: number): void
  readonly size: number
}

/** Nobody watches. @category constructors */
export const make = (): Watches => {
  const keys = new Map<string, Map<PeerId, number>>()

  const prune = (key: string, now: number) => {
    const subscribers = keys.get(key)
    if (subscribers === undefined) return
    for (const [subscriber, until] of subscribers) if (until <= now) subscribers.delete(subscriber)
    if (subscribers.size === 0) keys.delete(key)
  }

  return {
    add: (key, subscriber, until) => {
      const subscribers = keys.get(key) ?? new Map<PeerId, number>()
      const isNew = !subscribers.has(subscriber)
      if (isNew && subscribers.size >= Limits.maxSubscribers) return false
      if (subscribers.size === 0 && keys.size >= Limits.maxWatchedKeys) return false
      keys.set(key, subscribers.set(subscriber, until))
      return true
    },
    remove: (key, subscriber) => {
      const subscribers = keys.get(key)
      subscribers?.delete(subscriber)
      if (subscribers?.size === 0) keys.delete(key)
    },
    of: (key, now) => {
      prune(key, now)
      return Array.from(keys.get(key) ?? [], ([subscriber, until]) => ({ subscriber, until }))
    },
    keys: () => keys.keys(),
    sweep: (now) => {
      for (const key of keys.keys()) prune(key, now)
    },
    get size() {
      return keys.size
    }
  }
}
