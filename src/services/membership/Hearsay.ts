/**
 * What is said and found out about peers: that one is there, speaks a dialect, was lost, cannot be reached. Word of a peer
 * comes with the time at which it was true, and goes on with it.
 */
import type { Dialect } from "../../domain/Frame.ts"
import type { Neighbours } from "../../domain/OverlayFrame.ts"
import { maxLeaves } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type * as Ring from "../../domain/Ring.ts"
import type { LeafSet } from "./LeafSet.ts"
import type { Links } from "./Links.ts"
import type { Known } from "./Neighbourhood.ts"
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"

/** Peers and the age of the word about each, as neighbours tell them. @category models */
export type Leaves = Pick<Neighbours, "leaves" | "ages">

/** @category models */
export interface Hearsay {
  /** Lost since neighbours were told, and when. */
  readonly lost: Map<PeerId, number>
  /** Takes word that a peer was alive at a time; `undefined` of one that speaks no dialect of ours, and of ourselves. */
  hear(peer: PeerId, at: number): Known | undefined
  hearLeaves(word: Leaves): void
  /** Takes word of a peer and of how it speaks; of a neighbour, we know better. */
  learn(peer: PeerId, dialect: Dialect, isIntroduced: boolean): Known | undefined
  /** Takes word that a peer was gone at a time. */
  lose(peer: PeerId, at: number): void
  /** A link to a peer broke. */
  broke(peer: PeerId, dialect: Dialect): void
  /** An attempt to link a peer failed. */
  failed(peer: PeerId, reason: "refused" | "unreachable"): void
  /** A hub says that a peer left it. */
  departed(peer: PeerId): void
  /** Leaves a peer alone for a moment: a link to it just ended. */
  rest(peer: PeerId): void
}

/** How peers are told to neighbours. @category constructors */
export const leavesOf = (peers: Iterable<Known>, now: number): Leaves => {
  const leaves: Array<PeerId> = []
  const ages: Array<number> = []
  for (const { heardAt, linked, position } of peers) {
    if (leaves.length === maxLeaves) break
    leaves.push(position.id)
    ages.push(linked ? 0 : Math.max(0, Math.ceil((now - heardAt) / 1000)))
  }
  return { leaves, ages }
}

/** Nothing heard yet. @category constructors */
export const make = (state: State, links: Links, leafSet: LeafSet): Hearsay => {
  const { peers, pigeons } = state
  const lost = new Map<PeerId, number>()

  const hear = (peer: PeerId, at: number): Known | undefined => {
    const before = peers.get(peer)
    if (before === undefined) {
      if (pigeons.get(peer) !== undefined) return undefined
      leafSet.touch()
    } else if (!before.linked && before.heardAt <= before.lostAt) leafSet.touch()
    const known = peers.hear(peer, at)
    if (known !== undefined) known.introducedAt = undefined
    return known
  }

  /** As `hear`, from a hub: whether anybody here is linked to the peer is not known then. */
  const hearOf = (peer: PeerId) => {
    const before = peers.get(peer)
    const isVouchedFor = before !== undefined && before.introducedAt === undefined
    const known = hear(peer, state.now)
    if (known !== undefined && !isVouchedFor) known.introducedAt = state.now
  }

  const lose = (peer: PeerId, at: number) => {
    if (!peers.lose(peer, at)) return
    leafSet.touch()
    if (leafSet.has(peer)) lost.set(peer, at)
  }

  /** Whether we have the links that we need: then one that has no room for us is asked seldom. */
  const isContent = () => links.open.size >= state.minPeers && links.ordered.length >= 2 * state.shape.ringPerSide
  /** Whether a neighbour says that it has a link to a peer. */
  const isLinkedToOurs = ({ id }: Ring.Position): boolean =>
    links.ordered.some((link) => link.links.some((other) => other.id === id))

  return {
    lost,
    hear,
    hearLeaves({ ages, leaves }) {
      for (const [index, leaf] of leaves.entries()) {
        const age = ages[index]
        if (age !== undefined && age * 1000 < Rules.wordLives) hear(leaf, state.now - age * 1000)
      }
    },
    learn(peer, dialect, isIntroduced) {
      const really = links.open.get(peer)?.dialect ?? dialect
      if (really === "pigeon") {
        peers.forget(peer)
        pigeons.hear(peer, state.now)
      } else {
        pigeons.forget(peer)
        if (isIntroduced) hearOf(peer)
        else hear(peer, state.now)
      }
      const known = (really === "pigeon" ? pigeons : peers).get(peer)
      if (known !== undefined) known.departed = false
      return known
    },
    lose,
    broke(peer, dialect) {
      const table = dialect === "homing" ? peers : pigeons
      const known = table.get(peer)
      if (known !== undefined) known.restsUntil = state.now + Rules.rest
      if (table.lose(peer, state.now) && dialect === "homing") lost.set(peer, state.now)
      leafSet.touch()
    },
    failed(peer, reason) {
      const table = peers.get(peer) === undefined ? pigeons : peers
      const known = table.get(peer)
      if (known === undefined || known.linked) return
      const cap = reason === "refused" && isContent() ? Rules.refusedCap : Rules.restCap
      const pause = Math.min(cap, Rules.rest * 2 ** known.failures) * (0.5 + state.random())
      known.restsUntil = state.now + pause
      known.failures++
      if (reason === "refused") known.heardAt = state.now
      // It is only we who cannot reach it.
      else if (isLinkedToOurs(known.position)) return
      else if (table.lose(peer, state.now)) lost.set(peer, state.now)
      if (known.failures >= Rules.maxFailures && table.around.length > Rules.fewestKnown && reason === "unreachable") {
        table.forget(peer)
      }
    },
    departed(peer) {
      const known = peers.get(peer) ?? pigeons.get(peer)
      if (known !== undefined) known.departed = true
      pigeons.lose(peer, state.now)
      lose(peer, state.now)
    },
    rest(peer) {
      const known = peers.get(peer)
      if (known !== undefined) known.restsUntil = state.now + Rules.rest
    }
  }
}
