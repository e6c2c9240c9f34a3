/**
 * Who negotiates with whom while a hub drains: an offer begins it, and so long it may take. At the end none begins any more,
 * so that none is cut in its middle. Plain data, and nothing is noted before the hub drains.
 */
import * as Duration from "effect/Duration"
import type { PeerId } from "../../domain/PeerId.ts"

/**
 * How long a negotiation may take that begins while the hub drains: an answer and the candidates that matter come within a
 * few round trips, and what takes longer needs the hub no more.
 *
 * @category constants
 */
export const negotiation = Duration.seconds(5)

/** @category models */
export interface Negotiations {
  /** Notes an offer, and says whether it may be passed on: at the end only among those who negotiate already. */
  offered(from: PeerId, to: PeerId): boolean
  /** Whether a peer is in the middle of one. */
  has(peer: PeerId): boolean
  /** Lets none begin any more. */
  close(): void
}

/** Ends of negotiations that are remembered at most; beyond, those of the peer that began first are forgotten. */
const most = 65_536

/** Nobody negotiates. `now` gives milliseconds since 1970. @category constructors */
export const make = (now: () => number): Negotiations => {
  /** When those of a peer began, by whom they are with. */
  const begun = new Map<PeerId, Map<PeerId, number>>()
  let size = 0
  let isClosed = false

  const isUnderWay = (at: number | undefined): boolean =>
    at !== undefined && now() - at < Duration.toMillis(negotiation)

  const note = (peer: PeerId, other: PeerId): void => {
    const others = begun.get(peer) ?? new Map<PeerId, number>()
    if (!others.has(other)) size++
    begun.set(peer, others.set(other, now()))
    const [oldest] = begun
    if (size <= most || oldest === undefined) return
    begun.delete(oldest[0])
    size -= oldest[1].size
  }

  return {
    offered(from, to) {
      if (isClosed) return isUnderWay(begun.get(from)?.get(to))
      note(from, to)
      note(to, from)
      return true
    },
    has: (peer) => Array.from(begun.get(peer)?.values() ?? []).some(isUnderWay),
    close: () => void (isClosed = true)
  }
}
