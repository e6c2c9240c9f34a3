/** What others read of the overlay: links, the way to a place, who is near it, and who is there at all. */
import type { Dialect } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import * as Routing from "./Routing.ts"
import { estimatedSize, type State } from "./State.ts"
import type { Ways } from "./Ways.ts"

/** @category models */
export interface View {
  /** The neighbour to send a message for a place to, and whether that leads nearer to it than we are. */
  nextHop(
    target: PeerId,
    visited: Routing.Visited
  ): { readonly peer: PeerId; readonly nearest: PeerId; readonly isNearer: boolean } | undefined
  /** The nearest peers alive on each side, nearest first. */
  leafSet(now: number): { readonly clockwise: ReadonlyArray<PeerId>; readonly counter: ReadonlyArray<PeerId> }
  /** The peers alive that are nearest to a place, nearest first, ourselves among them. */
  nearest(target: PeerId, count: number, now: number): ReadonlyArray<PeerId>
  /** A neighbour that has an open link to a PeerPigeon peer, which no place on the ring leads to. */
  pigeonVia(peer: PeerId, except: (peer: PeerId) => boolean): PeerId | undefined
  /** Whom a neighbour has open links to, as it said last. */
  neighboursOf(peer: PeerId): ReadonlyArray<PeerId> | undefined
  /** How many peers the network has, judged by the leaf set. */
  estimatedSize(now: number): number
  /** Everybody known, PeerPigeon peers included. */
  known(): ReadonlyArray<PeerId>
  /** Of those, who was not said or found to be gone since. */
  members(): ReadonlyArray<PeerId>
  memberCount(): number
  dialectOf(peer: PeerId): Dialect | undefined
}

/** Whether a peer was said, or found, to be gone since it was heard of last. */
const isGone = ({ heardAt, linked, lostAt }: Known): boolean => !linked && heardAt <= lostAt

const idOf = ({ position }: { readonly position: Ring.Position }): PeerId => position.id

/** @category constructors */
export const make = (state: State, links: Links, ways: Ways): View => {
  const { peers, pigeons } = state
  return {
    nextHop(target, visited) {
      const position = Ring.position(target)
      const hop = ways.best(position, visited)
      return hop === undefined ? undefined : {
        peer: hop.via.position.id,
        nearest: hop.nearest.id,
        isNearer: Routing.isNearer(hop, position, peers.self)
      }
    },
    leafSet(now) {
      const { clockwise, counter } = peers.leaves(now)
      return { clockwise: clockwise.map(idOf), counter: counter.map(idOf) }
    },
    nearest(target, count, now) {
      const position = Ring.position(target)
      return [peers.self, ...peers.around.filter((known) => peers.isAlive(known, now)).map((known) => known.position)]
        .toSorted((a, b) => Ring.compareDistance(position, a, b))
        .slice(0, count)
        .map(({ id }) => id)
    },
    pigeonVia: (peer, except) =>
      links.ordered.find(({ pigeons, position }) => pigeons.includes(peer) && !except(position.id))?.position.id,
    neighboursOf: (peer) => links.open.get(peer)?.links.map(({ id }) => id),
    estimatedSize: (now) => estimatedSize(state, now),
    known: () => [...peers.around, ...pigeons.around].map(idOf),
    members: () => [...peers.around, ...pigeons.around].filter((known) => !isGone(known)).map(idOf),
    memberCount() {
      let count = 0
      for (const { around } of [peers, pigeons]) for (const known of around) if (!isGone(known)) count++
      return count
    },
    dialectOf: (peer) =>
      peers.get(peer) !== undefined ? "homing" : pigeons.get(peer) !== undefined ? "pigeon" : undefined
  }
}
