/**
 * The peers that are known, in their order around the ring, and how good the word about each is.
 *
 * A peer counts as alive while we are linked to it, or while somebody we believe had a link to it lately. Word of a peer
 * carries the time at which it was true, so that hearsay of a peer that is gone grows old wherever it goes round, and
 * newer word of its loss overrides it.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Ring from "../../domain/Ring.ts"
import * as Rules from "./Rules.ts"

/** What is known of a peer. Times are on our clock, in milliseconds. @category models */
export interface Known {
  readonly position: Ring.Position
  /** When it was last linked to somebody. */
  heardAt: number
  /** When it was last said, or found, to be gone. */
  lostAt: number
  /** Not to be dialled before. */
  restsUntil: number
  /** Attempts to link it that failed since it was last linked. */
  failures: number
  /** We have an open link to it. */
  linked: boolean
  /** Only a hub has spoken of it so far, and at this time: it may be in a ring of its own. */
  introducedAt: number | undefined
  /** A hub said that it left, and has not introduced it again. */
  departed: boolean
}

/** @category models */
export interface Neighbourhood {
  readonly self: Ring.Position
  /** Everybody, going up around the ring from ourselves. */
  readonly around: ReadonlyArray<Known>
  get(peer: PeerId): Known | undefined
  /** Takes word that a peer was alive at a time. Our own id is never known: `undefined`. */
  hear(peer: PeerId, at: number): Known | undefined
  /** Takes word that a peer was gone at a time; says whether that is news. */
  lose(peer: PeerId, at: number): boolean
  forget(peer: PeerId): void
  /** Whether a peer may be counted on. */
  isAlive(known: Known, now: number): boolean
  /** The nearest peers alive on each side, nearest first. In a small network the sides overlap. */
  leaves(now: number, perSide?: number): Leaves
  /** The peers alive nearest to a place, ours or not. */
  nearest(target: Ring.Position, now: number): ReadonlyArray<Known>
  /** How many peers are alive, counted up to a limit. */
  countAlive(now: number, limit: number): number
  /** Forgets the oldest beyond `Rules.maxKnown`, but none of the leaves and none that is to be kept. */
  prune(now: number, keep: (known: Known) => boolean): void
}

/** @category models */
export interface Leaves {
  readonly clockwise: ReadonlyArray<Known>
  readonly counter: ReadonlyArray<Known>
}

/** How many more than `Rules.maxKnown` are let in before the oldest are sorted out. */
const slack = 32

/** Nobody known yet. @category constructors */
export const make = (selfId: PeerId): Neighbourhood => {
  const self = Ring.position(selfId)
  const byId = new Map<PeerId, Known>()
  const around: Array<Known> = []

  /** Where a position belongs, going up from us. */
  const indexOf = (position: Ring.Position): number => {
    let [low, high] = [0, around.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const known = around[middle]
      if (known !== undefined && Ring.compareClockwise(self, known.position, position) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  const isAlive = (known: Known, now: number): boolean =>
    known.linked || (known.heardAt > known.lostAt && now - known.heardAt < Rules.wordLives)

  /** Up to `count` peers alive from an index on, going around in steps of 1 or -1, for at most `most` steps. */
  const walk = (start: number, step: 1 | -1, most: number, count: number, now: number): ReadonlyArray<Known> => {
    const found: Array<Known> = []
    const size = around.length
    for (let i = 0; i < most && found.length < count; i++) {
      const known = around[(((start + step * i) % size) + size) % size]
      if (known !== undefined && isAlive(known, now)) found.push(known)
    }
    return found
  }

  const forget = (peer: PeerId) => {
    const known = byId.get(peer)
    if (known === undefined) return
    byId.delete(peer)
    // Ids that differ only in the case of their letters sit at the same place.
    let index = indexOf(known.position)
    while (index < around.length && around[index] !== known) index++
    around.splice(index, 1)
  }

  const leaves = (now: number, perSide = Rules.leavesPerSide): Leaves => ({
    clockwise: walk(0, 1, around.length, perSide, now),
    counter: walk(around.length - 1, -1, around.length, perSide, now)
  })

  return {
    self,
    around,
    get: (peer) => byId.get(peer),
    hear(peer, at) {
      let known = byId.get(peer)
      if (known === undefined) {
        const position = Ring.position(peer)
        if (Ring.isSame(self, position)) return undefined
        known = {
          position,
          heardAt: at,
          lostAt: -Infinity,
          restsUntil: -Infinity,
          failures: 0,
          linked: false,
          introducedAt: undefined,
          departed: false
        }
        byId.set(peer, known)
        around.splice(indexOf(position), 0, known)
      } else if (at > known.heardAt) known.heardAt = at
      return known
    },
    lose(peer, at) {
      const known = byId.get(peer)
      if (known === undefined || known.linked || at <= known.lostAt) return false
      const was = known.heardAt > known.lostAt
      known.lostAt = at
      return was && known.heardAt <= at
    },
    forget,
    isAlive,
    leaves,
    nearest(target, now) {
      const start = indexOf(target)
      const half = Math.ceil(around.length / 2)
      return [
        ...walk(start, 1, half, Rules.leavesPerSide, now),
        ...walk(start - 1, -1, around.length - half, Rules.leavesPerSide, now)
      ]
    },
    countAlive(now, limit) {
      let count = 0
      for (const known of around) if (isAlive(known, now) && ++count >= limit) break
      return count
    },
    prune(now, keep) {
      if (around.length <= Rules.maxKnown + slack) return
      const { clockwise, counter } = leaves(now)
      const kept = new Set([...clockwise, ...counter])
      const oldest = around
        .filter((known) => !known.linked && !kept.has(known) && !keep(known))
        .toSorted((a, b) => a.heardAt - b.heardAt)
      for (const { position } of oldest.slice(0, around.length - Rules.maxKnown)) forget(position.id)
    }
  }
}
