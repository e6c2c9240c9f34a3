/**
 * How parts of a network that are apart find each other: by the names of their components, which neighbours exchange, and
 * by looking for peers that we know of and are not linked to.
 */
import type { Neighbours, Routed } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Dialling } from "./Dialling.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { Labels } from "./Label.ts"
import type { Link, Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import type { Place } from "./Place.ts"
import type { Requests } from "./Requests.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"
import type { Timetable } from "./Timetable.ts"

/** @category models */
export interface Meeting {
  /** Takes the name that a neighbour has for its component. */
  compare(link: Link, frame: Pick<Neighbours, "label" | "epoch">): void
  /**
   * Looks for a peer that we know of and have not linked, the one that was introduced last or any: where it is not found,
   * there may be a ring of its own.
   */
  checkCandidate(): void
  /** Takes the answer to that. */
  checked(target: PeerId, answer: Routed): void
}

/** @category constructors */
export const make = (
  state: State,
  links: Links,
  hearsay: Hearsay,
  labels: Labels,
  timetable: Timetable,
  dialling: Dialling,
  requests: Requests,
  place: Place
): Meeting => {
  const { most, peers, random } = state
  return {
    compare(link, { epoch, label }) {
      const ours = labels.current.peer
      const heard = labels.hear({ peer: label, epoch }, state.now)
      if (heard === "adopted") timetable.changed(true)
      else if (heard === "renewed") timetable.renewed()
      // Two components have met: what is near us in the other one belongs between our neighbours.
      if (label !== ours) place.look(link)
    },
    checkCandidate() {
      let chosen: Known | undefined
      for (const known of peers.around) {
        const { introducedAt } = known
        if (introducedAt !== undefined && introducedAt > (chosen?.introducedAt ?? -Infinity)) chosen = known
      }
      if (chosen === undefined && random() < Rules.candidateCheckShare) {
        chosen = peers.around[Math.floor(random() * peers.around.length)]
      }
      if (chosen === undefined || chosen.linked || links.underway.has(chosen.position.id)) return
      if (state.now < chosen.restsUntil) return
      chosen.introducedAt = undefined
      requests.send("find", chosen.position.id)
    },
    checked(target, { accepted }) {
      if (accepted) hearsay.hear(target, state.now)
      // Nobody here is linked to it: it is gone, or elsewhere.
      else if (!links.open.has(target) && !links.underway.has(target) && links.total < most) {
        dialling.dial(target, "bridge")
      }
    }
  }
}
