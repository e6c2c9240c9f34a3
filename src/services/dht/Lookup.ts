/** Whether what this peer has of a key answers who asks for it: its copy, or one that passed by. */
import type { Answer, Ask } from "../../domain/DhtFrame.ts"
import { compareAge, isSignedBy, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Cache } from "./Cache.ts"
import type { Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import type { Store } from "./Store.ts"
import type { Sync } from "./Sync.ts"

/** A request for a record. @category models */
export type Get = Extract<Ask, { readonly op: "get" }>

/** @category models */
export interface Lookup {
  /** What can be answered wherever on the way we are. `isLast`: the nearest peer has nothing, so any copy will do. */
  known(key: string, ask: Get, isLast: boolean): Answer | undefined
  /** What the nearest peer, which we are, has to say. */
  kept(key: string, ask: Get): Answer | undefined
  /** Somebody's answer, or ours where that is newer. */
  newest(key: string, ask: Get, answer: Answer): Answer
}

/** A record is an answer unless another signature is asked for. @category predicates */
export const isAnswerTo = (record: StoredRecord, { signedBy }: Get): boolean =>
  signedBy === undefined || isSignedBy(record, signedBy)

const answering = (record: StoredRecord | undefined, ask: Get): Answer | undefined =>
  record === undefined || !isAnswerTo(record, ask) ? undefined : { is: "record", record }

/** @category constructors */
export const make = ({ now, self, ways }: Ground, store: Store, cache: Cache, sync: Sync): Lookup => {
  /**
   * Whether every write of a key comes here: only then is a copy an answer before the nearest peer is asked. The leaf sets
   * of those at the edge of the twelve do not reach over all of them, so they do not know whether they are in; and while
   * the peers around us change, the others may not know of us.
   */
  const isSure = (position: PeerId): boolean => {
    if (!sync.isSettled) return false
    const nearest = ways.nearest(position, Limits.copies + 1)
    const rank = nearest.indexOf(self)
    return rank >= 0 && (rank < Limits.innerCopies || nearest.length <= Limits.copies)
  }

  return {
    known: (key, ask, isLast) => {
      if (ask.fresh) return undefined
      const held = store.get(key, now())
      if (held !== undefined) return isLast || isSure(held.position) ? answering(held.record, ask) : undefined
      return answering(cache.get(key, now()), ask)
    },
    kept: (key, ask) => answering(store.get(key, now())?.record, ask),
    newest: (key, ask, answer) => {
      if (answer.is !== "record" && answer.is !== "none") return answer
      const held = store.get(key, now())?.record
      const isNewer = held !== undefined && (answer.is === "none" || compareAge(held, answer.record) > 0)
      return (isNewer ? answering(held, ask) : undefined) ?? answer
    }
  }
}
