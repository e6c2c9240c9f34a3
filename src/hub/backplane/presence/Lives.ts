/**
 * Which hubs live: each is known from its first beat on, and forgotten with all it held when it takes leave, is silent for
 * too long, or begins a new life. What is over is remembered for a while, so that word of it which is still about does not
 * bring it back.
 */
import type { PeerId } from "../../../domain/PeerId.ts"
import * as Limits from "../../Limits.ts"
import type { Beat } from "../HubMessage.ts"
import type { Holdings } from "./Holdings.ts"
import type { News, Why } from "./News.ts"
import * as Replica from "./Replica.ts"

/** One run of one hub. @category models */
export interface Life {
  readonly hub: PeerId
  readonly incarnation: number
}

/** What must not be heard again: the lives of a hub that ended, up to this beat of this one. */
interface Grave {
  readonly incarnation: number
  readonly beat: number
  readonly at: number
}

/** @category models */
export interface Lives {
  /** All but this one. */
  readonly all: ReadonlyMap<PeerId, Replica.Replica>
  /** The hub in that life, when it is known and that life is its latest. */
  living(life: Life): Replica.Replica | undefined
  /**
   * The hub that another's beat is of, met if it was not known; `undefined` when the beat is of a life that is over, or is
   * one hub too many. One that beats itself takes the place of one that is known from others only.
   */
  meet(beat: Beat, isItself: boolean, news: Array<News>): Replica.Replica | undefined
  forget(replica: Replica.Replica, why: Why, news: Array<News>): void
  /** Forgets whoever has been silent for too long. */
  tick(news: Array<News>): void
  /** How long ago a hub beat, in milliseconds. */
  ageOf(replica: Replica.Replica): number
}

/** Forgotten hubs that are remembered as such. */
const maxGraves = 1024

/** By how many milliseconds the clocks of hubs may differ: a life cannot begin in the future. @category constants */
export const skew = 24 * 60 * 60_000

/** Milliseconds for which an old beat of a forgotten hub could still come from somewhere. */
const graveRest = 120_000

/** Nobody but `own`. `silence` is how many milliseconds a hub may be silent. @category constructors */
export const make = (options: {
  readonly own: Replica.Replica
  readonly holdings: Holdings
  readonly silence: number
  readonly now: () => number
}): Lives => {
  const { holdings, now, own, silence } = options
  const replicas = new Map<PeerId, Replica.Replica>()
  const graves = new Map<PeerId, Grave>()
  /** Those that beat themselves, to this hub. */
  const met = new Set<PeerId>()

  const isOver = ({ beat, hub, incarnation }: Beat): boolean => {
    const grave = graves.get(hub)
    return grave !== undefined &&
      (incarnation < grave.incarnation || (incarnation === grave.incarnation && beat <= grave.beat))
  }

  const forget: Lives["forget"] = (replica, why, news) => {
    const { beat, hub, incarnation } = replica
    holdings.replace(replica, [], news)
    replicas.delete(hub)
    met.delete(hub)
    graves.delete(hub)
    graves.set(hub, { incarnation, beat: why === "farewell" ? Number.POSITIVE_INFINITY : beat, at: now() })
    const [oldest] = graves.keys()
    if (graves.size > maxGraves && oldest !== undefined) graves.delete(oldest)
    news.push({ _tag: "HubWent", hub, why })
  }

  /** Makes room for one that beats itself: whoever came last by hearsay is forgotten. */
  const makeRoom = (news: Array<News>): void => {
    const last = Array.from(replicas.values()).findLast(({ hub }) => !met.has(hub))
    if (last !== undefined) forget(last, "crowded", news)
  }

  return {
    all: replicas,
    living({ hub, incarnation }) {
      const replica = hub === own.hub ? own : replicas.get(hub)
      return replica?.incarnation === incarnation ? replica : undefined
    },
    meet(beat, isItself, news) {
      const { hub, incarnation } = beat
      if (beat.age > silence || incarnation > now() + skew || isOver(beat)) return undefined
      const known = replicas.get(hub)
      if (known !== undefined) {
        if (known.incarnation === incarnation) {
          if (isItself) met.add(hub)
          return known
        }
        if (known.incarnation > incarnation) return undefined
        forget(known, "restarted", news)
      }
      if (replicas.size >= Limits.hubs && isItself) makeRoom(news)
      if (replicas.size >= Limits.hubs) return undefined
      const replica = Replica.make(hub, incarnation, now())
      // Its first beat is news, whatever its number.
      replica.beat = -1
      replicas.set(hub, replica)
      if (isItself) met.add(hub)
      news.push({ _tag: "HubCame", hub })
      return replica
    },
    forget,
    tick(news) {
      const at = now()
      for (const replica of Array.from(replicas.values())) {
        if (at - replica.heardAt > silence) forget(replica, "silent", news)
      }
      for (const [hub, grave] of Array.from(graves)) if (at - grave.at > graveRest) graves.delete(hub)
    },
    ageOf: ({ heardAt }) => Math.max(0, Math.round(now() - heardAt))
  }
}
