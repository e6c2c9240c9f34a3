/**
 * Brings a record to all who are to have a copy: the nearest peers that we know of, and then those that they know of and
 * those that were not reached, by other ways.
 */
import { amongDigits, maxTargets } from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Circle from "./Circle.ts"
import type { Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import type { Outcome, Spreads } from "./Spreads.ts"

/** @category models */
export interface Copies {
  /** Spreads a record that is kept here, and says what came of it in the end. */
  bring(record: StoredRecord, position: PeerId, exclusive: boolean, done: (outcome: Outcome) => void): void
}

/** @category constructors */
export const make = ({ self, ways }: Ground, spreads: Spreads): Copies => ({
  bring: (record, position, exclusive, done) => {
    const nearest = ways.nearest(position, Limits.copies)
    const spread = (targets: ReadonlyArray<PeerId>, all: ReadonlyArray<PeerId>, ttl: number, then: typeof done) => {
      const among = all.map((peer) => peer.slice(0, amongDigits))
      spreads.start({ record, targets, exclusive, ttl, from: undefined, among }, then)
    }
    const first = nearest.filter((peer) => peer !== self)
    spread(first, nearest, Limits.spreadDepth, (outcome) => {
      const missing = outcome.missing.filter((peer) => peer !== self)
      if (missing.length === 0 || outcome.newer !== undefined) return done(outcome)
      const all = Circle.sorted(position, new Set([...nearest, ...missing]))
      spread(
        missing,
        all.slice(0, maxTargets),
        Limits.secondDepth,
        (second) => done({ ...second, holders: outcome.holders + second.holders })
      )
    })
  }
})
