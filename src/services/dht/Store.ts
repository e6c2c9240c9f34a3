/**
 * The records that this peer keeps of its network, the newest version of each: bounded by number and bytes, together and
 * for each writer, and rid of what has ended.
 *
 * A record that ends before one that it replaced leaves a remnant until that has ended too: otherwise an old copy, from a
 * peer that was cut off, would be taken for new. Remnants count as records do.
 *
 * It is a part of the core and no port with several layers: copies at other peers are what makes records last, and a peer
 * that came back with those of its last session would be just such an owner of old copies.
 */
import {
  compareAge,
  expiresAt,
  forgottenAt,
  isSignedBy,
  maxTtl,
  ownerOf,
  remnantOf,
  sizeOf,
  type StoredRecord
} from "../../domain/DhtRecord.ts"
import { maxValueBytes } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Limits from "./Limits.ts"

/** What a store holds at most. @category models */
export interface Bounds {
  readonly records: number
  readonly bytes: number
  /** The share of both that one writer may have. */
  readonly writerShare: number
}

/** @category constants */
export const defaults: Bounds = {
  records: Limits.maxRecords,
  bytes: Limits.maxBytes,
  writerShare: Limits.writerShare
}

/** A record that is kept. @category models */
export interface Held {
  readonly record: StoredRecord
  /** The place of its key on the ring. */
  readonly position: PeerId
  /** What it counts for, in bytes. */
  readonly size: number
}

/** What a store makes of a record. @category models */
export type Verdict =
  /** It is kept now, as it is here, and was not before. */
  | { readonly _tag: "Kept"; readonly record: StoredRecord }
  /** It was kept already. */
  | { readonly _tag: "Known" }
  /** Another stands against it: a newer one, or, where none of the same version may be, any. */
  | { readonly _tag: "Older"; readonly than: StoredRecord }
  | { readonly _tag: "Full"; readonly problem: string }

/** @category models */
export interface Store {
  /**
   * The record of a key, a tombstone or a remnant, until it may be forgotten; with a value only before it has ended. `now` is
   * in milliseconds since 1970, here and below.
   */
  get(key: string, now: number): Held | undefined
  /** Keeps a record unless a newer one is there. An `exclusive` one gives way to any of the same version. */
  accept(record: StoredRecord, options: { readonly exclusive: boolean }, now: number): Verdict
  forget(key: string): void
  /** All that are kept. */
  entries(now: number): Iterable<Held>
  /** Removes what has ended, all or its value. */
  sweep(now: number): void
  readonly count: number
  readonly bytes: number
}

interface Account {
  count: number
  bytes: number
}

/** An empty store. `positionOf` says where a key belongs on the ring. @category constructors */
export const make = (positionOf: (key: string) => PeerId, bounds: Bounds = defaults): Store => {
  const held = new Map<string, Held>()
  const writers = new Map<PeerId, Account>()
  const whole: Account = { count: 0, bytes: 0 }

  const book = ({ record, size }: Held, sign: 1 | -1) => {
    const account = writers.get(record.writer) ?? { count: 0, bytes: 0 }
    for (const one of [account, whole]) {
      one.count += sign
      one.bytes += sign * size
    }
    if (account.count === 0) writers.delete(record.writer)
    else writers.set(record.writer, account)
  }

  const remove = (key: string) => {
    const old = held.get(key)
    if (old === undefined) return
    held.delete(key)
    book(old, -1)
  }

  const put = (record: StoredRecord, position: PeerId) => {
    const next = { record, position, size: weightOf(record) }
    remove(record.key)
    held.set(record.key, next)
    book(next, 1)
    return next
  }

  const get = (key: string, now: number) => {
    const found = held.get(key)
    if (found === undefined || expiresAt(found.record) > now) return found
    if (forgottenAt(found.record) > now) {
      return found.record.value === undefined ? found : put(remnantOf(found.record), found.position)
    }
    remove(key)
    return undefined
  }

  const sweep = (now: number) => {
    for (const key of Array.from(held.keys())) get(key, now)
  }

  const overflow = (record: StoredRecord, size: number, replaced: Held | undefined): string | undefined => {
    const fits = (account: Account, old: Held | undefined, share: number) =>
      account.count + (old === undefined ? 1 : 0) <= bounds.records * share &&
      account.bytes + size - (old?.size ?? 0) <= bounds.bytes * share
    if (!fits(whole, replaced, 1)) return `${whole.count} records with ${whole.bytes} bytes are kept already`
    const own = replaced?.record.writer === record.writer ? replaced : undefined
    return fits(writers.get(record.writer) ?? { count: 0, bytes: 0 }, own, bounds.writerShare)
      ? undefined
      : `too many of the records that are kept are of this writer`
  }

  return {
    get,
    accept: (record, { exclusive }, now) => {
      const old = get(record.key, now)
      if (old !== undefined) {
        if (compareAge(old.record, record) === 0) {
          // Copies may have replaced different ones.
          const guard = guardOf(old.record, record.guard)
          if (guard.guard !== old.record.guard) put({ ...old.record, ...guard }, old.position)
          return { _tag: "Known" }
        }
        const stands = exclusive
          ? old.record.version >= record.version
          : compareAge(old.record, record) >= 0
        if (stands) return { _tag: "Older", than: old.record }
      }
      const size = weightOf(record)
      let problem = overflow(record, size, old)
      if (problem !== undefined) {
        sweep(now)
        problem = overflow(record, size, old)
      }
      if (problem !== undefined) return { _tag: "Full", problem }
      const guard = old === undefined ? undefined : forgottenAt(old.record) - record.time
      const next = put({ ...record, ...guardOf(record, guard) }, old?.position ?? positionOf(record.key))
      return { _tag: "Kept", record: next.record }
    },
    forget: remove,
    entries: (now) => {
      sweep(now)
      return held.values()
    },
    sweep,
    get count() {
      return whole.count
    },
    get bytes() {
      return whole.bytes
    }
  }
}

/** The longer of its own guard and another, if that is any longer than the record lives. */
const guardOf = ({ guard = 0, ttl }: StoredRecord, other = 0): Pick<StoredRecord, "guard"> => {
  const longest = Math.min(Math.max(guard, other), maxTtl)
  return longest > ttl ? { guard: longest } : {}
}

/** What a record counts for, in bytes. @category getters */
export const weightOf = (record: StoredRecord): number =>
  (record.value === undefined ? 0 : sizeOf(record.value)) + record.key.length + Limits.recordOverhead

/** What speaks against keeping a record that somebody sent, if anything does. @category validation */
export const problemWith = (record: StoredRecord, now: number): string | undefined => {
  if (record.value !== undefined && sizeOf(record.value) > maxValueBytes) return "record: its value is too large"
  if (record.time > now + Limits.maxAhead) return "record: it is dated ahead of time"
  if (record.version > now + Limits.maxAhead) return "record: its version is ahead of time"
  if (forgottenAt(record) <= now) return "record: it has ended"
  const hasEnded = expiresAt(record) <= now
  if (hasEnded && record.value !== undefined) return "record: it has ended"
  if (!hasEnded && record.value === undefined && record.digest !== undefined) return "record: its value is missing"
  const owner = ownerOf(record.key)
  if (owner !== undefined && !isSignedBy(record, owner)) {
    return "record: its key belongs to a peer that has not signed it"
  }
  return undefined
}
