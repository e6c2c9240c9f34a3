/** The neighbours over whom something goes on, and back where it came from. */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Link, Links } from "./Links.ts"
import * as Routing from "./Routing.ts"
import type { State } from "./State.ts"

/** What is left of a way that is gone back, from a neighbour on it. @category models */
export interface WayBack {
  readonly to: PeerId
  readonly path: ReadonlyArray<PeerId>
}

/** @category models */
export interface Ways {
  /** The best next hop to a place. */
  best(target: Ring.Position, visited: Routing.Visited): Routing.Hop<Link> | undefined
  /** The neighbour through whom a peer is reached. */
  wayTo(peer: PeerId, visited: ReadonlyArray<PeerId>): PeerId | undefined
  /** The neighbour nearest to the start of a way that is to be gone back. */
  back(path: ReadonlyArray<PeerId>): WayBack | undefined
  /** Any link, of those that are fit. */
  anyLink(isFit?: (link: Link) => boolean): Link | undefined
}

/** @category constructors */
export const make = (state: State, links: Links): Ways => {
  const best = (target: Ring.Position, visited: Routing.Visited) => Routing.best(target, links.ordered, visited)
  return {
    best,
    wayTo(peer, visited) {
      if (links.open.has(peer)) return peer
      for (const { pigeons, position } of links.ordered) {
        if (pigeons.includes(peer) && !visited.includes(position.id)) return position.id
      }
      return best(Ring.position(peer), visited)?.via.position.id
    },
    back(path) {
      const index = path.findIndex((peer) => links.open.has(peer))
      const to = path[index]
      return to === undefined ? undefined : { to, path: path.slice(0, index) }
    },
    anyLink(isFit = () => true) {
      const fit = links.ordered.filter(isFit)
      return fit[Math.floor(state.random() * fit.length)]
    }
  }
}
