/** Requests of others, which are passed on, walked on from here, or answered; and answers on their way back. */
import type { Route, Routed } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import { type Hearsay, leavesOf } from "./Hearsay.ts"
import type { Link } from "./Links.ts"
import type { LongLinks } from "./LongLinks.ts"
import { Command } from "./OverlayEvent.ts"
import * as Routing from "./Routing.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Ways } from "./Ways.ts"

/** @category models */
export interface Relay {
  /** Takes a request that came from a neighbour. */
  take(from: PeerId, route: Route): void
  /** Brings an answer to a request of somebody else a step back. */
  back(answer: Routed): void
}

/** @category constructors */
export const make = (state: State, hearsay: Hearsay, ways: Ways, longLinks: LongLinks): Relay => {
  const { peers, self } = state

  const answer = (route: Route, accepted: boolean) => {
    const way = ways.back(route.path)
    if (way === undefined) return
    const near = new Set(peers.nearest(Ring.position(route.target), state.now))
    const leaves = leavesOf(near, state.now)
    state.commands.push(Command.Send({
      to: way.to,
      frame: { type: "routed", id: route.id, path: way.path, found: self, accepted, ...leaves }
    }))
  }

  const forward = (route: Route, via: Link, walked: number) => {
    state.commands.push(Command.Send({
      to: via.position.id,
      frame: {
        ...route,
        walked,
        ttl: route.ttl - 1,
        path: [...route.path, self],
        visited: [...route.visited, self]
      }
    }))
  }

  return {
    take(from, route) {
      if (route.origin === self) return
      const target = Ring.position(route.target)
      if (from === route.origin || route.purpose === "place") hearsay.hear(route.origin, state.now)
      if (route.purpose === "find" && Ring.isSame(target, peers.self)) return answer(route, true)
      if (route.walked === 0 && route.ttl > 0) {
        const hop = ways.best(target, route.visited)
        if (hop !== undefined && Routing.isNearer(hop, target, peers.self)) return forward(route, hop.via, 0)
      }
      if (route.purpose !== "draw") return answer(route, route.purpose === "place")
      // The point is not reached, and the answer would not be what was drawn.
      if (route.walked === 0 && route.ttl === 0) return
      if (longLinks.promise(route.origin)) return answer(route, true)
      const next = route.walked < Rules.walkSteps && route.ttl > 0
        ? ways.anyLink(({ links, position }) =>
          !route.visited.includes(position.id) && !links.some(({ id }) => id === route.origin)
        )
        : undefined
      if (next === undefined) answer(route, false)
      else forward(route, next, route.walked + 1)
    },
    back(answer) {
      const way = ways.back(answer.path)
      if (way !== undefined) state.commands.push(Command.Send({ to: way.to, frame: { ...answer, path: way.path } }))
    }
  }
}
