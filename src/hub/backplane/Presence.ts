/**
 * Who is at which hub, agreed on by hubs that only tell each other what changed: a delta CRDT, after Phoenix.Tracker.
 *
 * Each hub is the only one to change its own entries, and numbers its changes. So two hubs can never disagree about an
 * entry: whoever knows more of a hub's changes is right, adding and dropping alike, and merging is to learn the changes
 * that one lacks. Changes travel as deltas; who sees a gap asks for what it lacks, and gets it from a log of the last
 * changes or else the whole state, in parts, from anybody who has it. A hub that is silent for too long is forgotten
 * with all it held, and learnt anew when it is heard again.
 *
 * A state machine without I/O: messages and the time go in, messages and news come out. It can be told the same thing
 * twice, in any order, or not at all. Its parts have files of their own in `presence`: what is known of one hub
 * (`Replica`), who holds what (`Holdings`), which hubs live (`Lives`), and how one learns what one lacks (`Learning`).
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"
import type { About, Beat, Change, Delta, Gone, PresenceMessage } from "./HubMessage.ts"
import * as Holdings from "./presence/Holdings.ts"
import * as Learning from "./presence/Learning.ts"
import * as Lives from "./presence/Lives.ts"
import { type Heard, type News, nothing } from "./presence/News.ts"
import * as Replica from "./presence/Replica.ts"
import * as Roster from "./Roster.ts"

export type { Heard, News } from "./presence/News.ts"

/** Another hub as it is known. @category models */
export interface KnownHub {
  readonly hub: PeerId
  readonly incarnation: number
  readonly about: About
  /** When it beat last, in milliseconds since 1970. */
  readonly heardAt: number
  /** When it was met, in milliseconds since 1970. */
  readonly metAt: number
  /** Memberships it holds. */
  readonly memberships: number
  /** Memberships and waits of it for which there is no room here. */
  readonly leftOut: number
}

/** @category models */
export interface Presence {
  readonly hub: PeerId
  /** Greater than it was after another said that this hub had begun a new life. */
  readonly incarnation: number
  readonly roster: Roster.Roster
  /** A peer of this hub came into a network, or announced itself there again. */
  put(networkName: NetworkName, peerId: PeerId, facts: PeerFacts): void
  /** A peer of this hub left a network. */
  drop(networkName: NetworkName, peerId: PeerId, farewell: boolean): void
  /** So many peers of this hub wait for a network. */
  wait(networkName: NetworkName, count: number): void
  /** Whether something changed here that no delta has told. */
  readonly isDirty: boolean
  /** What changed here since the last time, to be told to all. */
  flush(): ReadonlyArray<Delta>
  /** The sign of life that is due now and then. */
  beat(about: About): Beat
  /** The last beats of all hubs that are known, this one's among them: what a new neighbour has to hear. */
  beats(): ReadonlyArray<Beat>
  /** `from` is the hub that says it, which need not be the one that it is about. */
  hear(message: PresenceMessage, from?: PeerId): Heard
  /** Forgets whoever has been silent for too long. */
  tick(): ReadonlyArray<News>
  /** The last word of this hub. */
  farewell(): Gone
  readonly hubs: ReadonlyArray<KnownHub>
  knows(hub: PeerId): boolean
  /** Whether another hub, in this life of it, holds a peer, and this one does not. */
  holds(life: Lives.Life, networkName: NetworkName, peerId: PeerId): boolean
}

/** How often a hub contradicts what is said of it: two that were given one id would never end. */
const maxRefutations = 8

/**
 * Nobody here and nobody elsewhere. `now` gives milliseconds since 1970; `silence` is how many of them a hub may be
 * silent. `incarnation` is greater than in any earlier life of this hub: the time will do.
 *
 * @category constructors
 */
export const make = (options: {
  readonly hub: PeerId
  readonly incarnation: number
  readonly silence: number
  readonly now: () => number
}): Presence => {
  const { hub: self, now, silence } = options
  const roster = Roster.make()
  const own = Replica.make(self, options.incarnation, now())
  const holdings = Holdings.make(own, roster)
  const lives = Lives.make({ own, holdings, silence, now })
  const learning = Learning.make({ own, lives, holdings, now })
  /** Changes that deltas have told. */
  let told = 0
  let refutations = 0
  let hasLeft = false

  const change = (made: Change): void => {
    Replica.note(own, made, Replica.maxLog)
    holdings.apply(own, made, [], false)
  }

  // What has not been told to all cannot be missed yet.
  const ownBeat = (): Beat => Replica.beatOf(own, told, 0)

  /**
   * Somebody says that this hub begins a new life, or is gone, and knows better than the hub itself. It begins one indeed,
   * which all will believe.
   */
  const refute = (incarnation: number): Heard => {
    if (hasLeft || incarnation > now() + Lives.skew) return nothing
    const news: ReadonlyArray<News> = [{ _tag: "Twin" }]
    if (refutations >= maxRefutations) return { ...nothing, news }
    refutations++
    own.incarnation = incarnation + 1
    own.beat++
    return { ...nothing, replies: [ownBeat()], news }
  }

  const hearBeat = (message: Beat, from: PeerId | undefined): Heard => {
    // After a restart, word of the last life may still be about.
    if (message.hub === self) return message.incarnation > own.incarnation ? refute(message.incarnation) : nothing
    const news: Array<News> = []
    const replica = lives.meet(message, from === message.hub, news)
    if (replica === undefined) return nothing
    const replies = () => learning.ask(replica, message.clock)
    // An echo; but whoever sends it may know more of that hub than we do.
    if (message.beat <= replica.beat) return { ...nothing, replies: replies() }
    replica.beat = message.beat
    replica.heardAt = now() - message.age
    replica.about = message.about
    // Passed on with what can be had from here: whoever asked for more would get no answer.
    return { relay: [Replica.beatOf(replica, replica.clock, message.age)], replies: replies(), news }
  }

  const hearGone = (message: Gone): Heard => {
    if (message.hub === self) return message.incarnation >= own.incarnation ? refute(message.incarnation) : nothing
    const replica = lives.living(message)
    if (replica === undefined) return nothing
    const news: Array<News> = []
    lives.forget(replica, "farewell", news)
    return { relay: [message], replies: [], news }
  }

  return {
    hub: self,
    get incarnation() {
      return own.incarnation
    },
    roster,
    put: (network, peer, facts) => change({ op: "put", network, peer, facts }),
    drop(network, peer, farewell) {
      if (Replica.holds(own, network, peer)) change({ op: "drop", network, peer, farewell })
    },
    wait(network, count) {
      if ((own.waits.get(network) ?? 0) !== count) change({ op: "wait", network, count })
    },
    get isDirty() {
      return told < own.clock
    },
    flush() {
      if (told === own.clock) return []
      // More than the log keeps: whoever hears the next beat will ask for all.
      const since = Math.max(told, own.clock - own.log.length)
      told = own.clock
      return Replica.deltas(own, since)
    },
    beat(about) {
      own.beat++
      own.about = about
      return ownBeat()
    },
    beats: () => [
      ...(own.beat === 0 ? [] : [ownBeat()]),
      ...Array.from(lives.all.values(), (replica) => Replica.beatOf(replica, replica.clock, lives.ageOf(replica)))
    ],
    hear(message, from) {
      switch (message.type) {
        case "beat":
          return hearBeat(message, from)
        case "delta":
          return learning.hearDelta(message)
        case "state":
          return learning.hearState(message)
        case "want": {
          const replica = lives.living(message)
          return replica === undefined ? nothing : { ...nothing, replies: Replica.since(replica, message.since) }
        }
        case "gone":
          return hearGone(message)
      }
    },
    tick() {
      const news: Array<News> = []
      lives.tick(news)
      learning.tidy()
      return news
    },
    farewell() {
      hasLeft = true
      return { type: "gone", hub: self, incarnation: own.incarnation }
    },
    get hubs() {
      return Array.from(lives.all.values(), ({ about, heardAt, hub, incarnation, leftOut, metAt, size }) => ({
        hub,
        incarnation,
        about,
        heardAt,
        metAt,
        memberships: size,
        leftOut
      }))
    },
    knows: (hub) => lives.all.has(hub),
    holds(life, networkName, peerId) {
      const replica = lives.living(life)
      return replica !== undefined && replica !== own && Replica.holds(replica, networkName, peerId) &&
        !Replica.holds(own, networkName, peerId)
    }
  }
}
