/**
 * What neighbours tell each other: who is linked to whom, who is near, who was lost, what a link is for. Told at once to a
 * new neighbour, a moment after something changed, and to all once a round.
 */
import type { Neighbours } from "../../domain/OverlayFrame.ts"
import { maxLeaves, maxLinks } from "../../domain/OverlayFrame.ts"
import * as Ring from "../../domain/Ring.ts"
import { type Hearsay, leavesOf } from "./Hearsay.ts"
import type { Labels } from "./Label.ts"
import type { LeafSet } from "./LeafSet.ts"
import type { Link, Links } from "./Links.ts"
import { Command } from "./OverlayEvent.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface News {
  /** Tells one neighbour. */
  tell(link: Link): void
  /** Tells those whom it concerns, or all. */
  share(withAll?: boolean): void
  /** Notices what neighbours should hear of. */
  notice(): void
  /** Takes what a neighbour tells. */
  take(link: Link, frame: Neighbours): void
}

/** Nothing told yet. @category constructors */
export const make = (
  state: State,
  links: Links,
  leafSet: LeafSet,
  hearsay: Hearsay,
  labels: Labels,
  timetable: Timetable
): News => {
  const { lost } = hearsay

  const compose = (): Omit<Neighbours, "wish"> => {
    const { clockwise, counter } = state.peers.leaves(state.now)
    const open = Array.from(links.open.values())
    return {
      type: "neighbours",
      links: links.ordered.slice(0, maxLinks).map((link) => link.position.id),
      pigeons: open.filter(({ dialect }) => dialect === "pigeon").map(({ position }) => position.id),
      ...leavesOf(new Set([...clockwise, ...counter]), state.now),
      lost: Array.from(lost.keys()).slice(0, maxLeaves),
      lostAges: Array.from(lost.values(), (at) => Math.max(0, Math.round(state.now - at))).slice(0, maxLeaves),
      label: labels.current.peer,
      epoch: labels.current.epoch
    }
  }

  const tell = (link: Link, news: Omit<Neighbours, "wish">) => {
    link.told = links.wishOf(link)
    state.commands.push(Command.Send({ to: link.position.id, frame: { ...news, wish: link.told } }))
  }

  return {
    tell: (link) => tell(link, compose()),
    share(withAll = false) {
      const isForAll = timetable.sharing(withAll)
      let news: Omit<Neighbours, "wish"> | undefined
      for (const link of links.ordered) {
        if (!isForAll && links.standing(link) !== "ring" && link.told === links.wishOf(link)) continue
        news ??= compose()
        tell(link, news)
      }
      lost.clear()
    },
    notice() {
      if (links.ordered.some((link) => link.told !== links.wishOf(link))) timetable.changed(false)
      if (lost.size > 0) timetable.changed(true)
      // What is farther is told with the next round.
      if (leafSet.review()) timetable.changed(false)
    },
    take(link, frame) {
      link.theirs = frame.wish
      link.links = frame.links.filter((peer) => peer !== state.self).map(Ring.position)
      link.pigeons = frame.pigeons
      for (const [index, peer] of frame.lost.entries()) {
        hearsay.lose(peer, state.now - (frame.lostAges?.[index] ?? 0))
      }
      for (const peer of frame.links) hearsay.hear(peer, state.now)
      hearsay.hearLeaves(frame)
    }
  }
}
