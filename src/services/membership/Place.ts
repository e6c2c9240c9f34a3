/** Finding our own place on the ring, by looking for it from somewhere else: who is there should be our neighbours. */
import type { Link, Links } from "./Links.ts"
import type { Requests } from "./Requests.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Ways } from "./Ways.ts"

/** @category models */
export interface Place {
  /** It was found once: those around us are the nearest. */
  readonly isFound: boolean
  found(): void
  /** Looks for it, through any link or a given one, unless that was done just now. */
  look(through?: Link): void
}

/** Nowhere yet. @category constructors */
export const make = (state: State, links: Links, ways: Ways, requests: Requests): Place => {
  let isFound = false
  let lookedAt = -Infinity
  return {
    get isFound() {
      return isFound
    },
    found() {
      isFound = true
    },
    look(through) {
      if (state.now - lookedAt < Rules.selfRoutePause) return
      const via = through ?? ways.anyLink((link) => !links.isOurRing(link)) ?? ways.anyLink()
      if (via === undefined) return
      lookedAt = state.now
      requests.send("place", state.self, via)
    }
  }
}
