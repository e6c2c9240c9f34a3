/** Attempts to link a peer: when one may be made, how it is begun, and when it is given up. */
import type { Dialect } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import { Command, type Intent } from "./OverlayEvent.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface Dialling {
  /** Whether a peer does not rest; if it does, it is looked at again then. */
  mayDial(known: Known): boolean
  dial(peer: PeerId, intent: Intent, dialect?: Dialect): void
  /** Looks again when an attempt of ours has become slow. */
  watchSlow(): void
  /** Gives up one attempt that takes long, so that another peer can be dialled; says whether there was one. */
  giveUpSlow(): boolean
  /** Gives up all that will not come any more. */
  giveUpOld(): void
}

/** Nobody dialled yet. @category constructors */
export const make = (state: State, links: Links, hearsay: Hearsay, timetable: Timetable): Dialling => {
  const { underway } = links

  const giveUp = (peer: PeerId) => {
    underway.delete(peer)
    state.commands.push(Command.HangUp({ peer, reason: "took too long" }))
    hearsay.failed(peer, "unreachable")
  }

  return {
    mayDial({ restsUntil }) {
      if (state.now >= restsUntil) return true
      timetable.later(restsUntil)
      return false
    },
    dial(peer, intent, dialect = "homing") {
      underway.set(peer, { since: state.now, intent, ours: true, dialect })
      state.commands.push(Command.Dial({ peer, dialect, intent }))
      timetable.later(state.now + Rules.slowDial)
    },
    watchSlow() {
      for (const { ours, since } of underway.values()) {
        if (ours && state.now - since < Rules.slowDial) timetable.later(since + Rules.slowDial)
      }
    },
    giveUpSlow() {
      for (const [peer, { ours, since }] of underway) {
        if (!ours || state.now - since < Rules.slowDial) continue
        giveUp(peer)
        return true
      }
      return false
    },
    giveUpOld() {
      for (const [peer, { since }] of underway) if (state.now - since >= Rules.dialLives) giveUp(peer)
    }
  }
}
