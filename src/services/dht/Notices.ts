/** Word that a record is another, on its way from the peer nearest to the key to those who watch it. */
import type { Notice } from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { type Ground, placeOf } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import * as Store from "./Store.ts"
import type { Subscriptions } from "./Subscriptions.ts"
import type { Watches } from "./Watches.ts"

/** @category models */
export interface Notices {
  /** Tells whoever watches a record that is kept here, if that is for us to do. */
  tell(record: StoredRecord): void
  /** Takes a notice that is for us, and passes on one that is not. */
  onNotice(from: PeerId, notice: Notice): void
}

/** @category constructors */
export const make = (ground: Ground, watches: Watches, subscriptions: Subscriptions): Notices => {
  const { linked, networkName, self, ways } = ground

  const pass = (notice: Notice, from?: PeerId) => {
    const next = linked.has(notice.to) ? notice.to : ways.nextHop(notice.to, (peer) => peer === from)
    if (next !== undefined && notice.ttl > 0) ground.send(next, { ...notice, ttl: notice.ttl - 1 })
  }

  return {
    tell: (record) => {
      // The nearest tells. The others know of the watchers in case it is gone.
      if (ways.nextHop(placeOf(ground, record.key), nobody) !== undefined) return
      for (const { subscriber } of watches.of(record.key, ground.now())) {
        if (subscriber !== self) pass({ type: "dht-notice", networkName, to: subscriber, record, ttl: Limits.hops })
      }
    },
    onNotice: (from, notice) => {
      if (Store.problemWith(notice.record, ground.now()) !== undefined) return ground.drop("malformed")
      return notice.to === self ? subscriptions.saw(notice.record) : pass(notice, from)
    }
  }
}

const nobody = () => false
