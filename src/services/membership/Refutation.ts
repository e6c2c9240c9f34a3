/**
 * Word that a peer is gone is contradicted by those who still have a link to it: its other neighbours, who probe it all the
 * time, are asked in this way before everybody believes that it died, when it was only one link that broke.
 *
 * Not at once, because whoever is gone is noticed by all its neighbours within a moment.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import type { Links } from "./Links.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface Refutation {
  /** A neighbour says that these are gone. */
  dispute(peers: Iterable<PeerId>): void
  /** Tells all neighbours of those to whom the links still stand. */
  settle(): void
}

/** Nothing disputed. @category constructors */
export const make = (state: State, links: Links, timetable: Timetable): Refutation => {
  /** Until when our own link may still turn out to be dead. */
  const disputed = new Map<PeerId, number>()
  return {
    dispute(peers) {
      for (const peer of peers) {
        if (links.open.get(peer)?.dialect !== "homing" || disputed.has(peer)) continue
        disputed.set(peer, state.now + Rules.refuteAfter)
      }
    },
    settle() {
      for (const [peer, at] of disputed) {
        if (state.now < at) timetable.later(at)
        else {
          disputed.delete(peer)
          if (links.open.has(peer)) timetable.changed(true)
        }
      }
    }
  }
}
