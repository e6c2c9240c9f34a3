/** The streams with all peers, by their numbers, and the way of their frames to the links. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { type LinkClosed, type MessageTooLarge, StreamLost } from "../../domain/Errors.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { isOf, type StreamFrame } from "../../domain/StreamFrame.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import type { OpenLink } from "../link/OpenLink.ts"
import type { StreamFacts } from "./Duplex.ts"
import * as Entry from "./Entry.ts"
import { Event, type State } from "./StreamMachine.ts"
import { StreamSettings } from "./StreamSettings.ts"

/** Frames that wait aside for room on slow links, over all streams; a stream that has one beyond is lost. @category constants */
export const maxAside = 4096

/** @category models */
export interface Register {
  /** A new end of a stream; it is here until it is closed. */
  enter(facts: StreamFacts, link: OpenLink, stream: number, state: State): Entry.Entry
  find(peer: PeerId, stream: number): Entry.Entry | undefined
  /** Streams with a peer, of those that `opener` opened to `other`. */
  count(peer: PeerId, opener: PeerId, other: PeerId): number
  /** Sends a frame before what comes in bulk; `false` when too many wait already, and it is not sent. */
  post(to: PeerId, frame: StreamFrame): boolean
  /** Lets go of what belonged to a link that is not there any more. */
  forget(peer: PeerId, link: OpenLink | undefined): void
  /** Resets all. */
  abort(reason: string): void
  /** Waits until nothing waits to be sent any more. */
  readonly told: Effect.Effect<void>
  readonly size: number
  /** Frames that wait for room. */
  readonly waiting: number
}

/** No streams. @category constructors */
export const make = Effect.gen(function*() {
  const pool = yield* ConnectionPool
  const settings = yield* StreamSettings
  const clock = yield* Clock.Clock
  const aside = yield* FiberSet.make<void, never>()
  const runAside = yield* FiberSet.runtime(aside)()
  const peers = new Map<PeerId, Map<number, Entry.Entry>>()
  let waiting = 0

  const later = (effect: Effect.Effect<void, LinkClosed | MessageTooLarge>): boolean => {
    if (waiting >= maxAside) return false
    waiting++
    runAside(Effect.ensuring(Effect.ignore(effect), Effect.sync(() => void waiting--)))
    return true
  }

  const post = (to: PeerId, frame: StreamFrame) => later(pool.send(to, frame))

  const lost = ({ name, networkName, peerId }: StreamFacts, problem: string) =>
    new StreamLost({ peerId, networkName, stream: name, byPeer: false, problem })

  return {
    enter: (facts, link, stream, state) => {
      const { peerId } = facts
      const all = peers.get(peerId) ?? new Map<number, Entry.Entry>()
      peers.set(peerId, all)
      const isThere = () => pool.neighbour(peerId) === link
      // Without one of its frames a stream would stand still, and nobody would know why.
      const orLose = (isSent: boolean) => {
        if (!isSent) entry.feed(Event.Lost({ reason: "too much waits to be sent over slow links" }))
      }
      const entry: Entry.Entry = Entry.make({
        facts,
        terms: { stream, window: settings.window },
        state,
        link,
        now: () => clock.currentTimeMillisUnsafe(),
        post: (frame) => isThere() ? orLose(post(peerId, frame)) : undefined,
        send: (frame) =>
          isThere()
            ? Effect.mapError(pool.sendBulk(peerId, frame), ({ message }) => lost(facts, message))
            : Effect.fail(lost(facts, "the link to it is closed")),
        sendAside: (frame) => isThere() ? orLose(later(pool.sendBulk(peerId, frame))) : undefined,
        closed: () => {
          all.delete(stream)
          if (all.size === 0 && peers.get(peerId) === all) peers.delete(peerId)
        }
      })
      all.set(stream, entry)
      return entry
    },
    find: (peer, stream) => peers.get(peer)?.get(stream),
    count: (peer, opener, other) => {
      let found = 0
      for (const stream of peers.get(peer)?.keys() ?? []) if (isOf(stream, opener, other)) found++
      return found
    },
    post,
    forget: (peer, link) => {
      for (const entry of Array.from(peers.get(peer)?.values() ?? [])) {
        if (entry.link !== link) entry.feed(Event.Lost({ reason: "the link to it was lost" }))
      }
    },
    abort: (reason) => {
      for (const all of Array.from(peers.values())) {
        for (const entry of Array.from(all.values())) entry.feed(Event.Abort({ reason }))
      }
    },
    told: FiberSet.awaitEmpty(aside),
    get size() {
      let size = 0
      for (const all of peers.values()) size += all.size
      return size
    },
    get waiting() {
      return waiting
    }
  } satisfies Register as Register
})
