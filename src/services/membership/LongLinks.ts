/**
 * Long links, which keep paths short (Symphony; Manku, Bawa, Raghavan 2003): points at harmonic distances are drawn, and
 * whoever is there is linked if it has room. In turn we promise a place to those who draw us.
 */
import type { Routed } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import type { Dialling } from "./Dialling.ts"
import type { Links } from "./Links.ts"
import type { Place } from "./Place.ts"
import type { Requests } from "./Requests.ts"
import * as Rules from "./Rules.ts"
import { estimatedSize, type State } from "./State.ts"

/** @category models */
export interface LongLinks {
  /** Draws as many as are missing. */
  draw(): void
  /** Takes the answer of a peer that was drawn. */
  drawn(answer: Routed): void
  /** Draws a point that was not reached once more: to draw others instead would favour what is near. */
  redraw(point: PeerId): void
  /** A round begins, with draws anew. */
  refill(): void
  /** Promises a peer that drew us a place, if there is one. */
  promise(peer: PeerId): boolean
  isPromised(peer: PeerId): boolean
  /** The promise was kept. */
  kept(peer: PeerId): void
}

/** None yet. @category constructors */
export const make = (state: State, links: Links, dialling: Dialling, requests: Requests, place: Place): LongLinks => {
  const { maxPeers, most, random } = state
  const points: Array<PeerId> = []
  /** Peers that were promised a place, and until when. */
  const promised = new Map<PeerId, number>()
  let drawsLeft = Rules.draws

  const drawPoint = (): PeerId => {
    const side = random() < 0.5 ? "clockwise" : "counter"
    return Ring.harmonicPoint(state.peers.self, estimatedSize(state, state.now), random(), side)
  }

  const hasRoomFor = (peer: PeerId): boolean => {
    if (state.hasLeft || peer === state.self || links.underway.has(peer)) return false
    const link = links.open.get(peer)
    if (link !== undefined && links.standing(link) !== "spare") return false
    for (const [other, until] of promised) if (state.now >= until) promised.delete(other)
    const { mayAccept, spare } = links.counts()
    return mayAccept - promised.size > 0 && (link !== undefined || links.total - spare < maxPeers)
  }

  return {
    draw() {
      if (!place.isFound || drawsLeft <= 0) return
      let missing = Math.min(links.counts().mayDraw, Rules.drawsAtOnce) - requests.drawing
      while (missing-- > 0 && drawsLeft > 0 && links.total < most) {
        drawsLeft--
        requests.send("draw", points.pop() ?? drawPoint())
      }
    },
    drawn({ accepted, found }) {
      if (!accepted || links.underway.has(found)) return
      const link = links.open.get(found)
      if (link !== undefined) link.drawn = true
      else if (links.total < most) dialling.dial(found, "long")
      drawsLeft = Rules.draws
    },
    redraw(point) {
      if (points.length < Rules.draws) points.unshift(point)
    },
    refill() {
      drawsLeft = Rules.draws
    },
    promise(peer) {
      if (!hasRoomFor(peer)) return false
      promised.set(peer, state.now + Rules.promiseLives)
      return true
    },
    isPromised: (peer) => promised.has(peer),
    kept: (peer) => void promised.delete(peer)
  }
}
