/**
 * Which neighbours lead to a hub: those from whom its beats come. A way is good as long as beats come by it, and the best is
 * the hub itself, and then whoever bore its beats first, so that the way stays the same and signals stay in order. Plain
 * data.
 */
import type { PeerId } from "../../../domain/PeerId.ts"
import type { Beat } from "../../backplane/HubMessage.ts"
import type { Life } from "../../backplane/presence/Lives.ts"

/** A neighbour as the bearer of a hub's beats. */
interface Bearing {
  readonly incarnation: number
  readonly beat: number
  /** When the first and the last of them came, in milliseconds since 1970. */
  readonly from: number
  readonly at: number
  /** Since when it is one, in the order of all bearers: the first is the nearest. */
  readonly since: number
}

/** @category models */
export interface Ways {
  /** A hub's beat came from a neighbour. */
  heard(from: PeerId, beat: Beat): void
  /** The neighbours that lead to a hub, best first. */
  to(hub: PeerId, except?: PeerId): ReadonlyArray<PeerId>
  /** Whether a hub is a neighbour whose own beats come as they should, and have for a while. */
  speaksForItself(life: Life): boolean
  /** A hub is there no more. */
  forget(hub: PeerId): void
  /** A neighbour leads nowhere any more. */
  lose(neighbour: PeerId): void
}

/** No ways. `silence` is how many milliseconds a hub may be silent; `now` gives them since 1970. @category constructors */
export const make = (options: { readonly silence: number; readonly now: () => number }): Ways => {
  const { now } = options
  /**
   * So long a hub's own beats may be late, since one of them may be lost; and so long others are believed about a new
   * neighbour, since what it said before it was one may still be on its way.
   */
  const patience = options.silence / 3
  const bearings = new Map<PeerId, Map<PeerId, Bearing>>()
  let order = 0

  return {
    heard(from, { beat, hub, incarnation }) {
      const bearers = bearings.get(hub) ?? new Map<PeerId, Bearing>()
      const last = bearers.get(from)
      if (last === undefined || incarnation > last.incarnation) {
        bearers.set(from, { incarnation, beat, from: now(), at: now(), since: order++ })
      } else if (incarnation === last.incarnation && beat > last.beat) bearers.set(from, { ...last, beat, at: now() })
      bearings.set(hub, bearers)
    },
    to(hub, except) {
      const ways = Array.from(bearings.get(hub) ?? [], ([neighbour, bearing]) => ({ neighbour, ...bearing }))
        .filter(({ neighbour }) => neighbour !== except)
      const newest = ways.reduce((most, { incarnation }) => Math.max(most, incarnation), 0)
      const living = ways.filter(({ incarnation }) => incarnation === newest)
      const last = living.reduce((most, { beat }) => Math.max(most, beat), 0)
      const rank = ({ beat, neighbour }: typeof ways[number]) =>
        last - beat > 1 ? last - beat : neighbour === hub ? 0 : 1
      return living.toSorted((a, b) => rank(a) - rank(b) || a.since - b.since).map(({ neighbour }) => neighbour)
    },
    speaksForItself({ hub, incarnation }) {
      const own = bearings.get(hub)?.get(hub)
      return own?.incarnation === incarnation && now() - own.at <= patience && now() - own.from > patience
    },
    forget: (hub) => void bearings.delete(hub),
    lose(neighbour) {
      for (const bearers of bearings.values()) bearers.delete(neighbour)
    }
  }
}
