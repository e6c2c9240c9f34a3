/**
 * Our branch of the tree in which a record is spread: we keep it if we are to have it, pass it on to those of whom we were
 * told, and say what came of both, and who should be among them and is not.
 */
import { amongDigits, maxTargets, type Spread } from "../../domain/DhtFrame.ts"
import { compareAge, type StoredRecord } from "../../domain/DhtRecord.ts"
import { PeerId } from "../../domain/PeerId.ts"
import type { Cache } from "./Cache.ts"
import * as Circle from "./Circle.ts"
import { type Ground, placeOf } from "./Ground.ts"
import type { Keeping } from "./Keeping.ts"
import * as Limits from "./Limits.ts"
import * as Spreads from "./Spreads.ts"
import * as Store from "./Store.ts"
import * as Writes from "./Writes.ts"

/** @category models */
export interface Branch {
  onSpread(from: PeerId, frame: Spread): void
}

/** @category constructors */
export const make = (
  ground: Ground,
  store: Store.Store,
  cache: Cache,
  writes: Writes.Writes,
  keeping: Keeping,
  spreads: Spreads.Spreads
): Branch => {
  const { networkName, self, ways } = ground

  /**
   * Peers that should be among those to whom a record is spread, and are not, as far as we see: of them alone who would be
   * sure of their copies.
   */
  const missingOf = (position: PeerId, among: Spread["among"]): ReadonlyArray<PeerId> => {
    const farthest = among?.at(-1)
    if (among === undefined || farthest === undefined) return []
    const have = new Set(among)
    const edge = among.length < Limits.copies ? undefined : PeerId.make(farthest.padEnd(position.length, "0"))
    return ways.nearest(position, edge === undefined ? Limits.copies : Limits.innerCopies).filter((peer) =>
      peer !== self && !have.has(peer.slice(0, amongDigits)) &&
      (edge === undefined || Circle.isNearer(position, peer, edge))
    )
  }

  /** Keeps a record that is for us, unless its write was done here long ago. */
  const take = (from: PeerId, record: StoredRecord, exclusive: boolean): Spreads.Outcome => {
    const done = writes.of(record.write, ground.now())
    const held = store.get(record.key, ground.now())?.record
    if (done !== undefined && held !== undefined && Writes.isRepeated(record, done)) {
      return { ...Spreads.nothing, newer: held, done: done.version }
    }
    const verdict = keeping.take(from, record, exclusive)
    switch (verdict?._tag) {
      case "Kept":
      case "Known":
        return { ...Spreads.nothing, holders: 1 }
      case "Older":
        return { ...Spreads.nothing, newer: verdict.than }
      default:
        return Spreads.nothing
    }
  }

  return {
    onSpread: (from, { among, exclusive, id, record, targets, ttl }) => {
      const isForUs = targets.includes(self)
      if (!isForUs && Store.problemWith(record, ground.now()) !== undefined) return ground.drop("malformed")
      const own = isForUs ? take(from, record, exclusive) : Spreads.nothing
      cache.forget(record.key)
      const rest = targets.filter((target) => target !== self)
      spreads.start({ record, targets: rest, exclusive, ttl, from, among }, ({ done, holders, missing, newer }) => {
        const newest = own.newer === undefined || (newer !== undefined && compareAge(newer, own.newer) > 0)
          ? newer
          : own.newer
        const lacking = new Set([...missing, ...missingOf(placeOf(ground, record.key), among)])
        const before = Math.max(done ?? 0, own.done ?? 0)
        ground.send(from, {
          type: "dht-spreaded",
          networkName,
          id,
          holders: own.holders + holders,
          ...(newest === undefined ? {} : { newer: newest }),
          ...(before === 0 ? {} : { done: before }),
          ...(lacking.size === 0 ? {} : { missing: Array.from(lacking).slice(0, maxTargets) })
        })
      })
    }
  }
}
