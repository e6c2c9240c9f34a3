/**
 * The last resort of a peer that has no link, and none that may open any moment: it goes back to the hub, at growing
 * intervals. What takes long is most often an attempt to reach somebody who is gone.
 */
import type { Links } from "./Links.ts"
import { Command } from "./OverlayEvent.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface HubCall {
  /** Calls when there is nobody else to turn to and it is time. */
  callIfAlone(): void
  /** A link opened. */
  linked(): void
}

/** @category constructors */
export const make = (state: State, links: Links, timetable: Timetable): HubCall => {
  let pause = Rules.hubPause
  let at = state.now + pause
  const isAboutToOpen = () => {
    for (const { since } of links.underway.values()) if (state.now - since < Rules.slowDial) return true
    return false
  }
  return {
    callIfAlone() {
      if (links.open.size > 0 || isAboutToOpen()) return
      if (state.now >= at) {
        state.commands.push(Command.AskHub())
        at = state.now + pause * (0.75 + state.random() / 2)
        pause = Math.min(Rules.restCap, pause * 2)
      }
      timetable.later(at)
    },
    linked() {
      pause = Rules.hubPause
      at = state.now + pause
    }
  }
}
