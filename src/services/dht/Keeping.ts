/** What becomes of a record that comes to this peer: it is kept if nothing is against it, and then whoever watches is told. */
import { expiresAt, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Cache } from "./Cache.ts"
import type { Ground } from "./Ground.ts"
import type { Notices } from "./Notices.ts"
import * as Store from "./Store.ts"
import type { Subscriptions } from "./Subscriptions.ts"
import type { Sync } from "./Sync.ts"
import type { Writes } from "./Writes.ts"

/** @category models */
export interface Keeping {
  /** Keeps a record of which nothing is to be feared. An `exclusive` one gives way to any of the same version. */
  accept(record: StoredRecord, exclusive: boolean): Store.Verdict
  /** Keeps what a neighbour sent; `undefined` when it is no record to be kept. */
  take(from: PeerId, record: StoredRecord, exclusive: boolean): Store.Verdict | undefined
  /** Keeps what a neighbour hands over. */
  takeAll(from: PeerId, records: ReadonlyArray<StoredRecord>): void
}

/** @category constructors */
export const make = (
  ground: Ground,
  store: Store.Store,
  cache: Cache,
  writes: Writes,
  sync: Sync,
  subscriptions: Subscriptions,
  notices: Notices
): Keeping => {
  const accept: Keeping["accept"] = (record, exclusive) => {
    const now = ground.now()
    const verdict = store.accept(record, { exclusive }, now)
    if (verdict._tag === "Kept") {
      cache.forget(record.key)
      writes.kept(record, now)
      sync.kept(record.key, false)
      // The end of a value is no news.
      if (expiresAt(record) > now) {
        subscriptions.saw(verdict.record)
        notices.tell(verdict.record)
      }
    }
    return verdict
  }

  const take: Keeping["take"] = (from, record, exclusive) => {
    if (Store.problemWith(record, ground.now()) !== undefined) {
      ground.drop("malformed")
      return undefined
    }
    const verdict = accept(record, exclusive)
    if (verdict._tag === "Kept" || verdict._tag === "Known") sync.has(from, record)
    return verdict
  }

  return {
    accept,
    take,
    takeAll: (from, records) => {
      // What is new to us may be so to those behind us.
      for (const record of records) {
        if (take(from, record, false)?._tag === "Kept") sync.kept(record.key, true)
      }
    }
  }
}
