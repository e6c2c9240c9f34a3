/**
 * The links that we have or are about to have, and what each is to both ends together.
 *
 * A link counts for our ring while it is among the nearest open ones on a side, whatever else is known: so the last two
 * links are always the ring's. Links to PeerPigeon peers count for nothing.
 */
import type { Dialect } from "../../domain/Frame.ts"
import type { Wish } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Intent } from "./OverlayEvent.ts"
import type { State } from "./State.ts"

/** An open link. @category models */
export interface Link {
  readonly position: Ring.Position
  readonly dialect: Dialect
  /** When it opened, in milliseconds since 1970. */
  readonly since: number
  /** We drew it as a long link. */
  drawn: boolean
  /** What the other end has it for. */
  theirs: Wish
  /** To whom the other end has open links, as it said last. */
  links: ReadonlyArray<Ring.Position>
  pigeons: ReadonlyArray<PeerId>
  /** What we told it last that we have it for. */
  told: Wish | undefined
}

/** A link that is being made. @category models */
export interface Underway {
  /** In milliseconds since 1970. */
  readonly since: number
  readonly intent: Intent
  /** We dialled. */
  readonly ours: boolean
  readonly dialect: Dialect
}

/** How the places for links are used. @category models */
export interface Counts {
  /** Links that neither end needs. */
  readonly spare: number
  /** Long links that we may still draw. */
  readonly mayDraw: number
  /** Long links that others may still draw to us. */
  readonly mayAccept: number
}

/** @category models */
export interface Links {
  readonly open: ReadonlyMap<PeerId, Link>
  /** Those that count for the ring, going up around it from us. */
  readonly ordered: ReadonlyArray<Link>
  readonly underway: Map<PeerId, Underway>
  /** Open and under way. */
  readonly total: number
  isOurRing(link: Link): boolean
  /** What we have a link for. */
  wishOf(link: Link): Wish
  /** What a link is when both ends are asked. */
  standing(link: Link): Wish
  counts(): Counts
  /** The nearest of our links to a peer, for it to turn to. */
  namesFor(position: Ring.Position): ReadonlyArray<PeerId>
  /** Takes an open link, in place of one that was there to the same peer. */
  put(link: Link): void
  /** Forgets a link: its peer was alive until now. */
  drop(link: Link): void
}

/** No links yet. @category constructors */
export const make = (state: State): Links => {
  const { maxPeers, peers, pigeons, shape: { longLinks, ringPerSide } } = state
  const open = new Map<PeerId, Link>()
  const ordered: Array<Link> = []
  const underway = new Map<PeerId, Underway>()

  const isOurRing = (link: Link): boolean => {
    const index = ordered.indexOf(link)
    return index >= 0 && (index < ringPerSide || index >= ordered.length - ringPerSide)
  }

  const standing = (link: Link): Wish => {
    if (link.theirs === "ring" || isOurRing(link)) return "ring"
    return link.drawn || link.theirs === "long" ? "long" : "spare"
  }

  const unorder = (link: Link) => {
    const index = ordered.indexOf(link)
    if (index >= 0) ordered.splice(index, 1)
  }

  return {
    open,
    ordered,
    underway,
    get total() {
      return open.size + underway.size
    },
    isOurRing,
    wishOf: (link) => isOurRing(link) ? "ring" : link.drawn ? "long" : "spare",
    standing,
    counts() {
      let [ring, drawn, accepted, spare] = [0, 0, 0, 0]
      for (const link of ordered) {
        const kind = standing(link)
        if (kind === "ring") ring++
        else if (kind === "spare") spare++
        else {
          if (link.drawn) drawn++
          if (link.theirs === "long") accepted++
        }
      }
      for (const { intent, ours } of underway.values()) if (intent === "long" && ours) drawn++
      const pigeonCount = open.size - ordered.length
      const slots = Math.min(longLinks, Math.max(0, maxPeers - Math.max(2 * ringPerSide, ring) - pigeonCount))
      const half = Math.ceil(slots / 2)
      return {
        spare,
        mayDraw: Math.min(half, slots - accepted) - drawn,
        mayAccept: Math.min(half, slots - drawn) - accepted
      }
    },
    namesFor: (position) =>
      ordered
        .filter((link) => link.position !== position)
        .toSorted((a, b) => Ring.compareDistance(position, a.position, b.position))
        .slice(0, 2 * ringPerSide)
        .map((link) => link.position.id),
    put(link) {
      const before = open.get(link.position.id)
      if (before !== undefined) unorder(before)
      open.set(link.position.id, link)
      if (link.dialect === "pigeon") return
      let index = 0
      for (const other of ordered) {
        if (Ring.compareClockwise(peers.self, other.position, link.position) > 0) break
        index++
      }
      ordered.splice(index, 0, link)
    },
    drop(link) {
      const peer = link.position.id
      open.delete(peer)
      unorder(link)
      const known = (link.dialect === "homing" ? peers : pigeons).get(peer)
      if (known === undefined) return
      known.linked = false
      known.heardAt = state.now
    }
  }
}
