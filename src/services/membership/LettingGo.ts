/**
 * Which links make room for others, and how they are let go: a spare one first, then a long one, never one of the ring.
 * Whoever is let go is told whom to link instead.
 */
import * as Ring from "../../domain/Ring.ts"
import type { Dialling } from "./Dialling.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { Link, Links } from "./Links.ts"
import { Command } from "./OverlayEvent.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface LettingGo {
  /** Makes room for one more ring link, if it can; only from links that nobody needs unless `mayEvict`. */
  makeRoom(mayEvict?: boolean): boolean
  /** Lets go what is too much. */
  trim(): void
}

/** How long after opening the other end may take to say what it has a link for. */
const wordTakes = 1_000

/** Nothing let go yet. @category constructors */
export const make = (
  state: State,
  links: Links,
  hearsay: Hearsay,
  timetable: Timetable,
  dialling: Dialling
): LettingGo => {
  const { maxPeers, most, peers: { self } } = state
  let evictedAt = -Infinity
  let excessSince = Infinity

  const release = (link: Link, reason: string) => {
    const peer = link.position.id
    if (link.dialect === "homing") {
      const prefer = links.namesFor(link.position)
      state.commands.push(Command.Send({ to: peer, frame: { type: "release", leaving: false, prefer } }))
    }
    state.commands.push(Command.HangUp({ peer, reason }))
    links.drop(link)
    hearsay.rest(peer)
    timetable.changed(true)
  }

  /** Releases a link that neither end needs, the nearest first: others are there for it. */
  const releaseSpare = (): boolean => {
    let chosen: Link | undefined
    for (const link of links.ordered) {
      if (links.standing(link) !== "spare" || state.now - link.since < wordTakes) continue
      if (chosen === undefined || Ring.compareDistance(self, link.position, chosen.position) < 0) chosen = link
    }
    if (chosen === undefined) return false
    release(chosen, "not needed any more: others are nearer")
    return true
  }

  /** Takes a long link from its other end, or from us. */
  const evictLong = (): boolean => {
    if (state.now - evictedAt < Rules.evictionPause) return false
    let chosen: Link | undefined
    for (const link of links.ordered) {
      if (links.standing(link) !== "long" || state.now - link.since < Rules.evictionAge) continue
      // Our own first: we know how to draw another.
      if (chosen === undefined || (link.drawn && !chosen.drawn)) chosen = link
    }
    if (chosen === undefined) return false
    evictedAt = state.now
    release(chosen, "made room for a neighbour on the ring")
    return true
  }

  /** Gives up a link that only we wanted, young or not. */
  const giveUpDrawn = (): boolean => {
    const chosen = links.ordered.find((link) => links.standing(link) === "long" && link.theirs !== "long")
    if (chosen === undefined) return false
    release(chosen, "made room for a neighbour on the ring")
    return true
  }

  const trim = () => {
    while (links.open.size > maxPeers && releaseSpare());
    if (links.open.size > maxPeers) {
      // A link that changes hands is counted twice for a moment, and nothing need be given up for that.
      excessSince = Math.min(excessSince, state.now)
      if (state.now - excessSince >= Rules.excessLives && (evictLong() || giveUpDrawn())) return trim()
      timetable.later(state.now + wordTakes)
    } else excessSince = Infinity
  }

  return {
    makeRoom(mayEvict = true) {
      while (links.total >= most) {
        if (!dialling.giveUpSlow() && !releaseSpare() && !(mayEvict && evictLong())) return false
      }
      return true
    },
    trim
  }
}
