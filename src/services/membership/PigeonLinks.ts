/**
 * Links to PeerPigeon peers, which know nothing of the ring: the two of us nearest to such a peer link it as a leaf, and
 * nothing is counted on it.
 */
import * as Ring from "../../domain/Ring.ts"
import type { Dialling } from "./Dialling.ts"
import type { Links } from "./Links.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"

/** @category models */
export interface PigeonLinks {
  /** Dials those that we are expected to link. */
  link(): void
  /** Whether there is a place for one more. */
  hasRoom(): boolean
}

/** How many of us are expected to link a PeerPigeon peer. */
const linkers = 2

/** @category constructors */
export const make = (state: State, links: Links, dialling: Dialling): PigeonLinks => {
  const { maxPeers, peers, pigeons } = state

  const count = () => {
    let count = links.open.size - links.ordered.length
    for (const { dialect } of links.underway.values()) if (dialect === "pigeon") count++
    return count
  }

  /** Whether fewer than two of us are nearer to it. */
  const mustLink = (pigeon: Ring.Position): boolean => {
    let nearer = 0
    for (const known of peers.around) {
      if (peers.isAlive(known, state.now) && Ring.compareDistance(pigeon, known.position, peers.self) < 0) {
        if (++nearer >= linkers) return false
      }
    }
    return true
  }

  /** Those that only know PeerPigeon peers take what they can get. */
  const mayHaveMore = () => peers.around.length === 0 || count() < Rules.pigeonLinks

  return {
    link() {
      for (const known of pigeons.around) {
        const peer = known.position.id
        if (known.linked || links.underway.has(peer) || links.total >= maxPeers) continue
        if (!mayHaveMore()) return
        if (mustLink(known.position) && dialling.mayDial(known)) dialling.dial(peer, "spare", "pigeon")
      }
    },
    hasRoom: () => links.total < maxPeers && mayHaveMore()
  }
}
