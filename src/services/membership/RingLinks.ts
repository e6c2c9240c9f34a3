/** Links to the nearest peers on both sides, or to everybody in a network that is small enough. */
import type { Dialling } from "./Dialling.ts"
import type { LettingGo } from "./LettingGo.ts"
import type { Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import type { Place } from "./Place.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface RingLinks {
  /** Dials the nearest that are not linked; says whether all are there. */
  link(): boolean
  /** Dials everybody. */
  linkAll(): void
  /** Whether a peer is one of those that we want ring links to. */
  isNear(known: Known): boolean
}

/** @category constructors */
export const make = (
  state: State,
  links: Links,
  timetable: Timetable,
  dialling: Dialling,
  lettingGo: LettingGo,
  place: Place
): RingLinks => {
  const { most, peers, shape: { ringPerSide } } = state
  const { underway } = links

  const isNear = (known: Known): boolean => {
    const { clockwise, counter } = peers.leaves(state.now, ringPerSide)
    return clockwise.includes(known) || counter.includes(known)
  }

  return {
    isNear,
    link() {
      let isWhole = true
      for (const step of [1, -1]) {
        let missing = ringPerSide
        const size = peers.around.length
        for (let i = 0; i < size && missing > 0; i++) {
          const known = peers.around[step === 1 ? i : size - 1 - i]
          if (known === undefined) continue
          const peer = known.position.id
          if (known.linked) {
            missing--
            continue
          }
          const under = underway.get(peer)
          if (under !== undefined) {
            if (state.now - under.since >= Rules.slowDial) continue
            missing--
            isWhole = false
            continue
          }
          if (!peers.isAlive(known, state.now) || !dialling.mayDial(known)) continue
          if (!lettingGo.makeRoom()) {
            timetable.later(state.now + Rules.rest)
            return false
          }
          dialling.dial(peer, "ring")
          missing--
          isWhole = false
        }
        if (missing > 0 && place.isFound) place.look()
      }
      return isWhole
    },
    linkAll() {
      // A copy, because giving up an attempt may forget a peer.
      for (const known of peers.around.slice()) {
        const peer = known.position.id
        if (known.linked || underway.has(peer) || !peers.isAlive(known, state.now) || !dialling.mayDial(known)) continue
        while (links.total >= most) if (!dialling.giveUpSlow()) return
        dialling.dial(peer, isNear(known) ? "ring" : "spare")
      }
    }
  }
}
