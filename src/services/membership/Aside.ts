/**
 * Links beside the overlay: to peers that somebody here wants to be linked to for a while, whatever links the overlay
 * makes, keeps and lets go. The overlay hears nothing of them, at either end, until one of the two wants the link for
 * itself.
 */
import * as Duration from "effect/Duration"
import type { PeerId } from "../../domain/PeerId.ts"

/** The most links beside the overlay, made or accepted: one that is asked for beyond is judged like any other. @category constants */
export const most = 8

/** How long a link beside the overlay is kept when nobody wants it: the next stream may come. @category constants */
export const linger = Duration.seconds(10)

/** @category models */
export interface Aside {
  /** Whether the link to a peer, open or under way, is beside the overlay. */
  has(peer: PeerId): boolean
  /** Whether there is room for one more. */
  hasRoom(): boolean
  put(peer: PeerId): void
  drop(peer: PeerId): void
  /** Whether somebody wants the link to a peer, beside the overlay or not. */
  isWanted(peer: PeerId): boolean
  want(peer: PeerId): void
  /** As often as `want`. */
  unwant(peer: PeerId): void
}

/** Nobody wants anything. @category constructors */
export const make = (): Aside => {
  const aside = new Set<PeerId>()
  const wanted = new Map<PeerId, number>()
  return {
    has: (peer) => aside.has(peer),
    hasRoom: () => aside.size < most,
    put: (peer) => void aside.add(peer),
    drop: (peer) => void aside.delete(peer),
    isWanted: (peer) => wanted.has(peer),
    want: (peer) => void wanted.set(peer, (wanted.get(peer) ?? 0) + 1),
    unwant: (peer) => {
      const left = (wanted.get(peer) ?? 0) - 1
      if (left > 0) wanted.set(peer, left)
      else wanted.delete(peer)
    }
  }
}
