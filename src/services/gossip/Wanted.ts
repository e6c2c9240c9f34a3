/**
 * Messages that neighbours say they hold and that have not come: who holds them, and whom to ask for them when. Bounded in
 * number; the oldest give way.
 */
import type { PeerId } from "../../domain/PeerId.ts"

/** What a neighbour says of a message. @category models */
export interface Announcement {
  readonly id: string
  readonly from: PeerId
  /** When to ask for it if it has not come, and how long to wait for each answer, in milliseconds. */
  readonly due: number
  readonly patience: number
  /** Since when the network has it, when it is not on its way but only lacking here. */
  readonly lateSince: number | undefined
}

interface Want {
  due: number
  readonly patience: number
  readonly lateSince: number | undefined
  readonly holders: Array<PeerId>
  /** How many holders were asked, in their order and then again. */
  asked: number
}

/** How often each holder is asked before a message is given up. */
const rounds = 2

/** @category models */
export interface Wanted {
  announce(announcement: Announcement): void
  /** A message came: since when the network has it if it was lacking here, and otherwise `undefined`. */
  arrived(id: string): { readonly lateSince: number | undefined } | undefined
  /** Whom to ask for what now. */
  ask(now: number): ReadonlyMap<PeerId, ReadonlyArray<string>>
  /** How many were given up since this was asked last: nobody who held them gave them, or there were too many. */
  givenUp(): number
  /** A neighbour is gone. */
  forget(peerId: PeerId): void
  /** When the next one is due, or earlier. */
  nextDue(): number
  size(): number
}

/** Nothing yet, and at most so much. @category constructors */
export const make = (capacity: number): Wanted => {
  const wants = new Map<string, Want>()
  let nextDue = Number.POSITIVE_INFINITY
  let givenUp = 0

  return {
    announce: ({ due, from, id, lateSince, patience }) => {
      const known = wants.get(id)
      if (known === undefined) {
        wants.set(id, { due, patience, lateSince, holders: [from], asked: 0 })
        for (const oldest of wants.keys()) {
          if (wants.size <= capacity) break
          wants.delete(oldest)
          givenUp++
        }
      } else {
        if (!known.holders.includes(from)) known.holders.push(from)
        // Whoever was asked gets the time to answer.
        if (known.asked === 0) known.due = Math.min(known.due, due)
      }
      nextDue = Math.min(nextDue, due)
    },
    arrived: (id) => {
      const want = wants.get(id)
      if (want !== undefined) wants.delete(id)
      return want
    },
    ask: (now) => {
      const asks = new Map<PeerId, Array<string>>()
      if (nextDue > now) return asks
      nextDue = Number.POSITIVE_INFINITY
      for (const [id, want] of wants) {
        if (want.due <= now) {
          const holder = want.holders[want.asked % want.holders.length]
          if (holder === undefined || want.asked >= rounds * want.holders.length) {
            wants.delete(id)
            givenUp++
            continue
          }
          want.asked++
          want.due = now + want.patience
          const ids = asks.get(holder)
          if (ids === undefined) asks.set(holder, [id])
          else ids.push(id)
        }
        nextDue = Math.min(nextDue, want.due)
      }
      return asks
    },
    givenUp: () => {
      const count = givenUp
      givenUp = 0
      return count
    },
    forget: (peerId) => {
      for (const [id, want] of wants) {
        const at = want.holders.indexOf(peerId)
        if (at < 0) continue
        const lastAsked = (want.asked - 1) % want.holders.length
        want.holders.splice(at, 1)
        if (want.holders.length === 0) {
          wants.delete(id)
          continue
        }
        if (want.asked > at) want.asked--
        if (lastAsked !== at) continue
        // It will not answer any more: on to the next.
        want.due = Number.NEGATIVE_INFINITY
        nextDue = want.due
      }
    },
    nextDue: () => wants.size === 0 ? Number.POSITIVE_INFINITY : nextDue,
    size: () => wants.size
  }
}
