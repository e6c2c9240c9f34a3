/** What changes when a link opens, breaks, or is let go by its other end. */
import type { Dialect } from "../../domain/Frame.ts"
import type { Release } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { HubCall } from "./HubCall.ts"
import type { LeafSet } from "./LeafSet.ts"
import type { Link, Links } from "./Links.ts"
import type { LongLinks } from "./LongLinks.ts"
import type { Known } from "./Neighbourhood.ts"
import type { News } from "./News.ts"
import { Command } from "./OverlayEvent.ts"
import type { Place } from "./Place.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface LinkLife {
  opened(peer: PeerId, dialect: Dialect): void
  closed(peer: PeerId): void
  released(link: Link, frame: Release): void
  /** Tells everyone that we leave the network, and ends all links. */
  leave(): void
}

/** @category constructors */
export const make = (
  state: State,
  links: Links,
  timetable: Timetable,
  leafSet: LeafSet,
  hearsay: Hearsay,
  news: News,
  hubCall: HubCall,
  longLinks: LongLinks,
  place: Place
): LinkLife => {
  const { peers, pigeons } = state
  const hangUp = (peer: PeerId, reason: string) => void state.commands.push(Command.HangUp({ peer, reason }))

  /** Finds a place for a link that was given up before it opened: one that stands is worth more than one that may come. */
  const hasPlace = (peer: PeerId): boolean => {
    if (links.underway.has(peer) || links.open.has(peer) || links.total < state.most) return true
    const [other] = links.underway.keys()
    if (other === undefined) {
      hangUp(peer, `all ${state.maxPeers} links are taken`)
      return false
    }
    links.underway.delete(other)
    hangUp(other, "another link opened")
    return true
  }

  /** A peer is now known to speak a dialect, and to be there. */
  const meet = (peer: PeerId, dialect: Dialect): Known | undefined => {
    if (dialect === "pigeon") {
      peers.forget(peer)
      return pigeons.hear(peer, state.now)
    }
    pigeons.forget(peer)
    return hearsay.hear(peer, state.now)
  }

  return {
    opened(peer, dialect) {
      if (!hasPlace(peer)) return
      const under = links.underway.get(peer)
      links.underway.delete(peer)
      longLinks.kept(peer)
      const known = meet(peer, dialect)
      if (known === undefined) return
      known.linked = true
      known.failures = 0
      const isLong = under?.intent === "long"
      const link: Link = {
        position: Ring.position(peer),
        dialect,
        since: state.now,
        drawn: isLong && under.ours,
        theirs: isLong && !under.ours ? "long" : "spare",
        links: [],
        pigeons: [],
        told: undefined
      }
      links.put(link)
      timetable.changed(true)
      hubCall.linked()
      if (dialect === "pigeon") return
      leafSet.touch()
      news.tell(link)
      if (!place.isFound) place.look(link)
    },
    closed(peer) {
      const link = links.open.get(peer)
      if (link === undefined) return
      links.drop(link)
      timetable.changed(true)
      hearsay.broke(peer, link.dialect)
    },
    released(link, { leaving, prefer }) {
      const peer = link.position.id
      // Hearsay, and so a moment old: what was found out here is better.
      for (const other of prefer) hearsay.hear(other, state.now - 1000)
      links.drop(link)
      hearsay.rest(peer)
      if (leaving) hearsay.lose(peer, state.now)
      leafSet.touch()
      timetable.changed(true)
    },
    leave() {
      for (const [peer, link] of links.open) {
        if (link.dialect === "homing") {
          const prefer = links.namesFor(link.position)
          state.commands.push(Command.Send({ to: peer, frame: { type: "release", leaving: true, prefer } }))
        }
        hangUp(peer, "left the network")
      }
      for (const peer of links.underway.keys()) hangUp(peer, "left the network")
      links.underway.clear()
    }
  }
}
