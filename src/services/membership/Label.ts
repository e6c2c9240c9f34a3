/**
 * The name of the component that a peer is in: the smallest id of a peer that is alive and linked, directly or over others.
 * Two names in one network mean that it is split.
 *
 * The peer that gives the name renews it with the time of its own clock; whoever hears of a newer time passes it on. A name
 * that is not renewed any more is dropped, and not taken up again before it is newer than it was.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Rules from "./Rules.ts"

/** @category models */
export interface Label {
  readonly peer: PeerId
  /** When it was last renewed, in seconds since 1970 on the clock of the peer that it names. */
  readonly epoch: number
}

/** What a neighbour's word changed: the name, only its age, or nothing. @category models */
export type Heard = "adopted" | "renewed" | "ignored"

/** @category models */
export interface Labels {
  readonly current: Label
  /** Takes a neighbour's word. `now` is in milliseconds since 1970. */
  hear(label: Label, now: number): Heard
  /** Renews our own name, or drops one that has grown old; says whether the name is another one now. */
  round(now: number): boolean
}

/** Names remembered that are void. */
const maxVoid = 8

const isSmaller = (one: PeerId, other: PeerId): boolean => one.toLowerCase() < other.toLowerCase()

/** A component of one peer. @category constructors */
export const make = (self: PeerId): Labels => {
  const epochOf = (now: number) => Math.max(0, Math.floor(now / 1000))
  const voided = new Map<PeerId, number>()
  let current: Label = { peer: self, epoch: 0 }
  let renewedAt = -Infinity

  return {
    get current() {
      return current
    },
    hear(label, now) {
      if (label.peer === current.peer) {
        if (label.peer === self || label.epoch <= current.epoch) return "ignored"
        current = label
        renewedAt = now
        return "renewed"
      }
      if (!isSmaller(label.peer, current.peer) || label.epoch <= (voided.get(label.peer) ?? -1)) return "ignored"
      current = label
      renewedAt = now
      return "adopted"
    },
    round(now) {
      if (current.peer !== self) {
        if (now - renewedAt < Rules.labelLives) return false
        voided.delete(current.peer)
        voided.set(current.peer, current.epoch)
        for (const oldest of voided.keys()) {
          if (voided.size <= maxVoid) break
          voided.delete(oldest)
        }
        current = { peer: self, epoch: epochOf(now) }
        return true
      }
      current = { peer: self, epoch: epochOf(now) }
      return false
    }
  }
}
