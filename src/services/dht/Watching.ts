/**
 * What holders do with those who watch a key: the nearest notes them, and tells the next ones, who take its place when it is
 * gone.
 */
import type { Answer, Watch } from "../../domain/DhtFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { type Ground, placeOf } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import type { Store } from "./Store.ts"
import type { Watches } from "./Watches.ts"

/** @category models */
export interface Watching {
  /** Registers a subscriber at the nearest peer, which we are, or lets it go. */
  watch(key: string, position: PeerId, subscriber: PeerId, isOn: boolean): Answer
  /** The nearest peer, or one that was, tells of a subscriber. */
  onWatch(frame: Watch): void
  /** Tells the neighbours near to each key who watches it: one of them may have come just now. */
  tellAll(): void
}

/** @category constructors */
export const make = (ground: Ground, store: Store, watches: Watches): Watching => {
  const { linked, networkName, ways } = ground

  const tell = (key: string, nearest: ReadonlyArray<PeerId>, subscriber: PeerId, lease: number) => {
    for (const peer of nearest) {
      if (linked.has(peer) && peer !== subscriber) {
        ground.send(peer, { type: "dht-watch", networkName, key, subscriber, lease })
      }
    }
  }

  return {
    watch: (key, position, subscriber, isOn) => {
      const nearest = () => ways.nearest(position, Limits.watchCopies)
      if (!isOn) {
        watches.remove(key, subscriber)
        tell(key, nearest(), subscriber, 0)
        return { is: "watching" }
      }
      if (!watches.add(key, subscriber, ground.now() + Limits.lease)) {
        return { is: "refused", why: "full", problem: "too many watch already" }
      }
      tell(key, nearest(), subscriber, Limits.lease)
      const record = store.get(key, ground.now())?.record
      return record === undefined ? { is: "watching" } : { is: "watching", record }
    },
    onWatch: ({ key, lease, subscriber }) => {
      if (lease > Limits.lease) return ground.drop("malformed")
      if (lease === 0) return watches.remove(key, subscriber)
      watches.add(key, subscriber, ground.now() + lease)
    },
    tellAll: () => {
      const now = ground.now()
      for (const key of watches.keys()) {
        const nearest = ways.nearest(placeOf(ground, key), Limits.watchCopies)
        for (const { subscriber, until } of watches.of(key, now)) {
          tell(key, nearest, subscriber, Math.max(1, until - now))
        }
      }
    }
  }
}
