/** Our own requests that find their way over the mesh, from when they are sent until they are answered or too late. */
import type { Route, Routed } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Link } from "./Links.ts"
import { Command } from "./OverlayEvent.ts"
import * as Rules from "./Rules.ts"
import { newId, type State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"
import type { Ways } from "./Ways.ts"

/** What was asked. @category models */
export interface Request {
  readonly purpose: Route["purpose"]
  readonly target: PeerId
  /** In milliseconds since 1970. */
  readonly since: number
}

/** @category models */
export interface Requests {
  /** Requests for long links that are not answered yet. */
  readonly drawing: number
  /** Sends a request on its way, through the best neighbour or a given one. */
  send(purpose: Route["purpose"], target: PeerId, through?: Link): void
  /** The request that an answer is for, which is then done with. */
  answered(answer: Routed): Request | undefined
  /** Takes out the requests whose answer does not come any more. */
  overdue(): ReadonlyArray<Request>
}

/** Nothing asked yet. @category constructors */
export const make = (state: State, ways: Ways, timetable: Timetable): Requests => {
  const pending = new Map<string, Request>()
  return {
    get drawing() {
      let drawing = 0
      for (const { purpose } of pending.values()) if (purpose === "draw") drawing++
      return drawing
    },
    send(purpose, target, through) {
      const via = through ?? ways.best(Ring.position(target), [state.self])?.via
      if (via === undefined) return
      const id = newId(state)
      pending.set(id, { purpose, target, since: state.now })
      timetable.later(state.now + Rules.routeLives)
      state.commands.push(Command.Send({
        to: via.position.id,
        frame: {
          type: "route",
          id,
          origin: state.self,
          target,
          purpose,
          walked: 0,
          ttl: Rules.ttl,
          path: [state.self],
          visited: [state.self]
        }
      }))
    },
    answered({ id }) {
      const request = pending.get(id)
      pending.delete(id)
      return request
    },
    overdue() {
      const found: Array<Request> = []
      for (const [id, request] of pending) {
        if (state.now - request.since < Rules.routeLives) continue
        pending.delete(id)
        found.push(request)
      }
      return found
    }
  }
}
