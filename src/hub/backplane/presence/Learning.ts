/**
 * How hubs learn what they lack of each other: deltas as they come, and where there is a gap, what was asked for: the few
 * changes that are missing, or else the whole state, part by part.
 */
import * as Limits from "../../Limits.ts"
import type { Delta, Entry, State, Want } from "../HubMessage.ts"
import type { Holdings } from "./Holdings.ts"
import type { Lives } from "./Lives.ts"
import { type Heard, type News, nothing } from "./News.ts"
import * as Replica from "./Replica.ts"

/** @category models */
export interface Learning {
  /** Asks whom that came from for what is missing up to a clock, unless that was done a moment ago. */
  ask(replica: Replica.Replica, clock: number): ReadonlyArray<Want>
  hearDelta(message: Delta): Heard
  hearState(message: State): Heard
  /** Forgets what was asked about lives that are over. */
  tidy(): void
}

/** What was asked about a hub, and what came of it so far. */
interface Lesson {
  /** When it was asked for last, or a part of the answer came. */
  askedAt: number | undefined
  /** Parts of its whole state. */
  parts: { readonly clock: number; readonly total: number; readonly got: Map<number, ReadonlyArray<Entry>> } | undefined
}

/** Milliseconds after which what was asked for is asked for again. */
const patience = 1000

/** Nothing was asked yet. @category constructors */
export const make = (
  options: {
    readonly own: Replica.Replica
    readonly lives: Lives
    readonly holdings: Holdings
    readonly now: () => number
  }
): Learning => {
  const { holdings, lives, now, own } = options
  const lessons = new Map<Replica.Replica, Lesson>()

  const lessonOf = (replica: Replica.Replica): Lesson => {
    const known = lessons.get(replica)
    if (known !== undefined) return known
    const made: Lesson = { askedAt: undefined, parts: undefined }
    lessons.set(replica, made)
    return made
  }

  /** Another hub in that life. A hub is met by its beat, which says how long ago it lived. */
  const other = (message: Delta | State): Replica.Replica | undefined =>
    message.hub === own.hub ? undefined : lives.living(message)

  /** Entries that wait for the other parts of their states. */
  const waiting = (): number => {
    let sum = 0
    for (const { parts } of lessons.values()) for (const entries of parts?.got.values() ?? []) sum += entries.length
    return sum
  }

  const ask: Learning["ask"] = (replica, clock) => {
    if (clock <= replica.clock) return []
    const lesson = lessonOf(replica)
    const at = now()
    if (lesson.askedAt !== undefined && Math.abs(at - lesson.askedAt) < patience) return []
    lesson.askedAt = at
    return [{ type: "want", hub: replica.hub, incarnation: replica.incarnation, since: replica.clock }]
  }

  return {
    ask,
    hearDelta(message) {
      const { changes, from } = message
      const replica = other(message)
      if (replica === undefined || from + changes.length <= replica.clock) return nothing
      if (from > replica.clock) return { ...nothing, replies: ask(replica, from) }
      const news: Array<News> = []
      for (const change of changes.slice(replica.clock - from)) {
        Replica.note(replica, change, Replica.maxLogOfOthers)
        holdings.apply(replica, change, news, false)
      }
      const lesson = lessonOf(replica)
      // Parts of a state are waited for still.
      if (lesson.parts === undefined) lesson.askedAt = undefined
      return { relay: [message], replies: [], news }
    },
    hearState(message) {
      const { clock, entries, part, parts } = message
      const replica = other(message)
      if (replica === undefined || clock <= replica.clock || part >= parts) return nothing
      const lesson = lessonOf(replica)
      // What nobody asked for is not kept; and what there is no room for is asked for again later.
      if (lesson.askedAt === undefined) return nothing
      if (parts > 1 && waiting() + entries.length > Limits.memberships) return nothing
      if (lesson.parts?.clock !== clock || lesson.parts.total !== parts) {
        // Of two states the newer is worth waiting for.
        if (lesson.parts !== undefined && lesson.parts.clock > clock) return nothing
        lesson.parts = { clock, total: parts, got: new Map() }
      }
      const { got } = lesson.parts
      got.set(part, entries)
      // It is on its way: not to be asked for again.
      lesson.askedAt = now()
      if (got.size < parts) return nothing
      const news: Array<News> = []
      holdings.replace(replica, Array.from(got).toSorted(([a], [b]) => a - b).flatMap(([, each]) => each), news)
      lessons.delete(replica)
      replica.clock = clock
      replica.log = []
      // Not all of it to everybody: who lacks it asks.
      return { relay: [Replica.beatOf(replica, clock, lives.ageOf(replica))], replies: [], news }
    },
    tidy() {
      for (const replica of lessons.keys()) if (lives.living(replica) !== replica) lessons.delete(replica)
    }
  }
}
