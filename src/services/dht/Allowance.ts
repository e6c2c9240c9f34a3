/** How much each neighbour may ask of us: frames, and bytes of records, at a time. */
import type { DhtFrame } from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Limits from "./Limits.ts"
import * as Rate from "./Rate.ts"
import * as Store from "./Store.ts"

/** @category models */
export interface Allowance {
  /** Takes a frame from what a neighbour may send; `false` when it has sent that already. `now` is in milliseconds since 1970. */
  take(from: PeerId, frame: DhtFrame, now: number): boolean
  /** A neighbour is gone. */
  forget(peer: PeerId): void
}

/** Nobody has sent anything yet. @category constructors */
export const make = (): Allowance => {
  const frames = Rate.make(Limits.frameRate)
  const bytes = Rate.make(Limits.byteRate)
  return {
    take: (from, frame, now) =>
      isAnswer(frame) || (frames.take(from, 1, now) &&
        bytes.take(from, recordsIn(frame).reduce((sum, record) => sum + Store.weightOf(record), 0), now)),
    forget: (peer) => {
      frames.forget(peer)
      bytes.forget(peer)
    }
  }
}

/** An answer was asked for; everything else has its measure. */
const isAnswer = ({ type }: DhtFrame): boolean =>
  type === "dht-reply" || type === "dht-spreaded" || type === "dht-taken"

const recordsIn = (frame: DhtFrame): ReadonlyArray<StoredRecord> => {
  switch (frame.type) {
    case "dht-records":
      return frame.records
    case "dht-spread":
    case "dht-notice":
      return [frame.record]
    default:
      return []
  }
}
