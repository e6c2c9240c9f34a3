/** The last resort of a peer with no link, and none under way: it goes back to the hub, at growing intervals. */
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
  return {
    callIfAlone() {
      if (links.total > 0) return
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
