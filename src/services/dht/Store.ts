/**
 * The records that this peer keeps of its network, the newest version of each: bounded by number and bytes, together and
 * for each writer, and rid of what has ended.
 */
import { compareAge, expiresAt, sizeOf, type StoredRecord } from "../../domain/DhtRecord.ts"
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
  /** It is kept now, and was not before. */
  | { readonly _tag: "Kept" }
  /** It was kept already. */
  | { readonly _tag: "Known" }
  /** Another stands against it: a newer one, or, where none of the same version may be, any. */
  | { readonly _tag: "Older"; readonly than: StoredRecord }
  | { readonly _tag: "Full"; readonly problem: string }

/** @category models */
export interface Store {
  /** The record of a key, unless it has ended. `now` is in milliseconds since 1970, here and below. */
  get(key: string, now: number): Held | undefined
  /** Keeps a record unless a newer one is there. An `exclusive` one gives way to any of the same version. */
  accept(record: StoredRecord, options: { readonly exclusive: boolean }, now: number): Verdict
  forget(key: string): void
  /** All that are kept, ended or not. */
  entries(): Iterable<Held>
  /** Removes what has ended. */
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

  const get = (key: string, now: number) => {
    const found = held.get(key)
    if (found === undefined || expiresAt(found.record) > now) return found
    remove(key)
    return undefined
  }

  const sweep = (now: number) => {
    for (const { record } of held.values()) if (expiresAt(record) <= now) remove(record.key)
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
        if (old.record.write === record.write && old.record.version === record.version) return { _tag: "Known" }
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
      const next: Held = { record, position: old?.position ?? positionOf(record.key), size }
      remove(record.key)
      held.set(record.key, next)
      book(next, 1)
      return { _tag: "Kept" }
    },
    forget: remove,
    entries: () => held.values(),
    sweep,
    get count() {
      return whole.count
    },
    get bytes() {
      return whole.bytes
    }
  }
}

/** What a record counts for, in bytes. @category getters */
export const weightOf = (record: StoredRecord): number =>
  (record.value === undefined ? 0 : sizeOf(record.value)) + record.key.length + Limits.recordOverhead

/** What speaks against keeping a record that somebody sent, if anything does. @category validation */
export const problemWith = (record: StoredRecord, now: number): string | undefined => {
  if (record.value !== undefined && sizeOf(record.value) > maxValueBytes) return "record: its value is too large"
  if (record.time > now + Limits.maxAhead) return "record: it is dated ahead of time"
  if (record.version > now + Limits.maxAhead) return "record: its version is ahead of time"
  if (expiresAt(record) <= now) return "record: it has ended"
  return undefined
}
