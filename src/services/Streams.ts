/**
 * Streams of bytes between two peers of one network, over the link between them, with backpressure from end to end.
 *
 * What happens to a stream is decided by `streams/StreamMachine`; here is what carries that out. A stream lives and dies
 * with its link and its network session.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { InvalidInput, type LinkClosed, type MessageTooLarge, StreamLost, StreamRefused } from "../domain/Errors.ts"
import { initiates, type PeerId, short } from "../domain/PeerId.ts"
import * as StreamFrame from "../domain/StreamFrame.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import type { Batch, OpenLink } from "./link/OpenLink.ts"
import { Membership } from "./Membership.ts"
import { waitAtMost } from "./Patience.ts"
import { SessionContext } from "./SessionContext.ts"
import type { Duplex, StreamFacts, StreamRequest } from "./streams/Duplex.ts"
import * as Entry from "./streams/Entry.ts"
import * as Machine from "./streams/StreamMachine.ts"
import { StreamSettings } from "./streams/StreamSettings.ts"

/** How to open a stream. @category models */
export interface StreamOptions {
  /** What the stream is for, in 1 to 256 characters. Default: `stream`. */
  readonly name?: string
  /** What else the other end should know before it decides: JSON of at most 4,096 characters. Default: nothing. */
  readonly metadata?: Schema.Json
  /**
   * Whether a link is made for the stream where there is none, and kept as long as it is open. Default: yes. Without, the
   * stream is refused when there is no link, and lost when the network needs the link no longer.
   */
  readonly keepsLink?: boolean
}

/** Decides on a stream; must return soon, and may decide later. @category models */
export type Taker = (request: StreamRequest) => Effect.Effect<void>

/** Frames that wait aside for room on slow links, over all streams; what is beyond is not sent. */
const maxAside = 4096

/** How long leaving the network waits for those that are to be told. @category constants */
export const leavingPatience = Duration.seconds(1)

/** @category services */
export class Streams extends Context.Service<Streams, {
  /**
   * Opens a stream to a peer, over the link to it or one that is made for it, and keeps it until the scope closes. Fails
   * with `StreamRefused` when the peer does not want it, cannot be linked, does not answer or knows no streams.
   */
  open(to: PeerId, options?: StreamOptions): Effect.Effect<Duplex, StreamRefused | InvalidInput, Scope.Scope>
  /** Gives streams of a name to a taker, and not to the application, for as long as the scope is open. */
  serve(name: string, taker: Taker): Effect.Effect<void, never, Scope.Scope>
  /** Streams that are open or asked for, with all peers. */
  size(): number
}>()("homing/Streams") {
  static readonly layer = Layer.effect(
    Streams,
    Effect.gen(function*() {
      const { dropped, emit, networkName, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const membership = yield* Membership
      const settings = yield* StreamSettings
      const clock = yield* Clock.Clock
      const now = () => clock.currentTimeMillisUnsafe()
      const offers = yield* FiberSet.makeRuntime<never, void, never>()
      const aside = yield* FiberSet.make<void, never>()
      const runAside = yield* FiberSet.runtime(aside)()
      let waiting = 0
      let isOver = false
      const takers = new Map<string, Taker>()
      const peers = new Map<PeerId, Map<number, Entry.Entry>>()
      let numbers = 0

      // ------------------------------------------------------------------------------------------------
      // sending
      // ------------------------------------------------------------------------------------------------

      const later = (effect: Effect.Effect<void, LinkClosed | MessageTooLarge>) => {
        if (waiting >= maxAside) return
        waiting++
        runAside(Effect.ensuring(Effect.ignore(effect), Effect.sync(() => void waiting--)))
      }

      /** Sends a frame before what comes in bulk. */
      const post = (to: PeerId, frame: StreamFrame.StreamFrame) => later(pool.send(to, frame))

      const lost = (facts: StreamFacts, problem: string) =>
        new StreamLost({ peerId: facts.peerId, networkName, stream: facts.name, byPeer: false, problem })

      /** A new end of a stream. */
      const enter = (
        facts: StreamFacts,
        link: OpenLink,
        stream: number,
        state: Machine.State,
        closed: () => void = () => {}
      ) => {
        const all = peers.get(facts.peerId) ?? new Map<number, Entry.Entry>()
        peers.set(facts.peerId, all)
        const isThere = () => pool.neighbour(facts.peerId) === link
        const entry = Entry.make({
          facts,
          terms: { stream, window: settings.window },
          state,
          link,
          now,
          post: (frame) => isThere() ? post(facts.peerId, frame) : undefined,
          send: (frame) =>
            isThere()
              ? Effect.mapError(pool.sendBulk(facts.peerId, frame), ({ message }) => lost(facts, message))
              : Effect.fail(lost(facts, "the link to it is closed")),
          sendAside: (frame) => isThere() ? later(pool.sendBulk(facts.peerId, frame)) : undefined,
          closed: () => {
            all.delete(stream)
            if (all.size === 0 && peers.get(facts.peerId) === all) peers.delete(facts.peerId)
            closed()
          }
        })
        all.set(stream, entry)
        return entry
      }

      /** Resets a stream that carries nothing for too long. */
      const watch = (entry: Entry.Entry) =>
        Effect.gen(function*() {
          const idle = Duration.toMillis(settings.idle)
          while (entry.state()._tag !== "Closed") {
            const left = entry.movedAt() + idle - now()
            if (left <= 0) {
              return entry.feed(Machine.Event.Abort({ reason: `it was idle for ${Duration.format(settings.idle)}` }))
            }
            yield* Effect.sleep(Duration.millis(Math.ceil(left)))
          }
        })

      /** An open stream, which ends with the scope. */
      const duplex = Effect.fnUntraced(function*(entry: Entry.Entry) {
        yield* Effect.addFinalizer((exit) =>
          Effect.sync(() => {
            const state = entry.state()
            // What was asked for is cut off; what was not is ended as it should be.
            if (Exit.isFailure(exit)) return entry.feed(Machine.Event.Abort({ reason: "it was given up" }))
            entry.feed(Machine.Event.Finish())
            if (state._tag === "Open" && state.receiving) {
              entry.feed(Machine.Event.Abort({ reason: "nobody reads it any more" }))
            }
          })
        )
        yield* Effect.forkScoped(watch(entry))
        const pull = entry.read
        return {
          ...entry.facts,
          write: entry.write,
          end: entry.end,
          abort: (reason) => Effect.sync(() => entry.feed(Machine.Event.Abort({ reason }))),
          read: pull,
          sink: Sink.forEachArray((chunks: ReadonlyArray<Uint8Array>) =>
            Effect.forEach(chunks, entry.write, { discard: true })
          ).pipe(Sink.mapEffect(() => entry.end)),
          stream: Stream.fromPull(Effect.succeed(pull))
        } satisfies Duplex as Duplex
      })

      // ------------------------------------------------------------------------------------------------
      // opening
      // ------------------------------------------------------------------------------------------------

      const count = (peer: PeerId, opener: PeerId, other: PeerId) => {
        let found = 0
        for (const stream of peers.get(peer)?.keys() ?? []) if (StreamFrame.isOf(stream, opener, other)) found++
        return found
      }

      const open = Effect.fnUntraced(
        function*(to: PeerId, { keepsLink = true, metadata, name = "stream" }: StreamOptions = {}) {
          if (name.length < 1 || name.length > StreamFrame.maxNameLength) {
            return yield* new InvalidInput({
              field: "name",
              problem: `it has ${name.length} characters; expected 1 to ${StreamFrame.maxNameLength}`
            })
          }
          if (metadata !== undefined && !StreamFrame.fitsMetadata(metadata)) {
            return yield* new InvalidInput({
              field: "metadata",
              problem: `as JSON it is longer than ${StreamFrame.maxMetadataLength} characters; send it in the stream`
            })
          }
          const refused = (problem: string, declined = false) =>
            new StreamRefused({ peerId: to, networkName, stream: name, declined, problem })
          if (isOver) return yield* refused("this peer left the network")
          if (to === self) return yield* refused("it is this peer itself")
          const held = !keepsLink ? pool.neighbour(to) ?? "there is no link to it" : yield* membership.hold(to).pipe(
            Effect.timeoutOrElse({
              duration: settings.linkWithin,
              orElse: () => Effect.succeed(`no link to it came about within ${Duration.format(settings.linkWithin)}`)
            })
          )
          if (typeof held === "string") return yield* refused(held)
          if (held.dialect === "pigeon") return yield* refused("it speaks PeerPigeon, which knows no streams")
          if (count(to, self, to) >= settings.outgoing) {
            return yield* refused(`${settings.outgoing} streams were opened to it already. Close one first.`)
          }
          // Even ones if ours is the greater id: the two ends never take the same.
          const stream = 2 * ++numbers + (initiates(self, to) ? 0 : 1)
          const facts: StreamFacts = { peerId: to, networkName, name, metadata }
          const entry = yield* Effect.acquireRelease(
            Effect.sync(() => enter(facts, held, stream, Machine.opening)),
            // Who gives up waiting says so; an open stream ends otherwise.
            (entry) =>
              Effect.sync(() => {
                if (entry.state()._tag === "Opening") entry.feed(Machine.Event.Abort({ reason: "it was given up" }))
              })
          )
          post(to, {
            type: "stream-open",
            stream,
            name,
            window: settings.window,
            ...(metadata === undefined ? {} : { metadata })
          })
          const refusal = yield* entry.answered.pipe(
            Effect.timeoutOrElse({
              duration: settings.answerWithin,
              orElse: () =>
                Effect.sync(() => {
                  entry.feed(Machine.Event.Abort({ reason: "no answer came" }))
                  const problem = `it gave no answer within ${Duration.format(settings.answerWithin)}`
                  return { problem, declined: false }
                })
            })
          )
          if (refusal !== undefined) return yield* refused(refusal.problem, refusal.declined)
          return yield* duplex(entry)
        }
      )

      // ------------------------------------------------------------------------------------------------
      // being asked
      // ------------------------------------------------------------------------------------------------

      const requestOf = (entry: Entry.Entry): StreamRequest => ({
        ...entry.facts,
        accept: membership.keep(entry.facts.peerId).pipe(Effect.andThen(entry.accept), Effect.andThen(duplex(entry))),
        acceptOnly: Effect.andThen(entry.accept, duplex(entry)),
        refuse: (reason) => Effect.sync(() => entry.feed(Machine.Event.Refuse({ reason })))
      })

      /** Has the application decide, and decides itself when it does not. */
      const offer = Effect.fnUntraced(function*(entry: Entry.Entry) {
        const request = requestOf(entry)
        const taker = takers.get(entry.facts.name)
        if (taker !== undefined) yield* taker(request)
        else if (!(yield* emit({ _tag: "StreamOffered", request }))) yield* request.refuse("nobody takes streams there")
        yield* Effect.timeoutOrElse(entry.answered, {
          duration: settings.decideWithin,
          orElse: () => request.refuse(`nobody decided within ${Duration.format(settings.decideWithin)}`)
        })
      })

      const onOpen = (from: PeerId, link: OpenLink, frame: StreamFrame.Open) => {
        const { metadata, name, stream, window } = frame
        if (!StreamFrame.isOf(stream, from, self)) return void dropped.malformed++
        const known = peers.get(from)?.get(stream)
        if (known !== undefined) return known.feed(Machine.Event.Came({ frame }))
        if (count(from, from, self) >= settings.incoming) {
          const reason = `${settings.incoming} streams from ${short(from)} are open there already`
          return post(from, { type: "stream-refuse", stream, reason })
        }
        const facts: StreamFacts = { peerId: from, networkName, name, metadata }
        offers(offer(enter(facts, link, stream, Machine.offered(window))))
      }

      /** Lets go of what belonged to a link that is not there any more. */
      const forget = (peer: PeerId, link: OpenLink | undefined) => {
        for (const entry of Array.from(peers.get(peer)?.values() ?? [])) {
          if (entry.link !== link) entry.feed(Machine.Event.Lost({ reason: "the link to it was lost" }))
        }
      }

      const take = (from: PeerId, batch: Batch) =>
        Effect.sync(() => {
          const link = pool.neighbour(from)
          forget(from, link)
          if (link === undefined) return
          for (const frame of batch) {
            if (!StreamFrame.isStreamFrame(frame)) continue
            if (frame.type === "stream-open") onOpen(from, link, frame)
            // What is unknown was closed here a moment ago.
            else peers.get(from)?.get(frame.stream)?.feed(Machine.Event.Came({ frame }))
          }
        })

      const news = yield* pool.news
      yield* PubSub.take(news).pipe(
        Effect.map(({ peerId }) => forget(peerId, pool.neighbour(peerId))),
        Effect.forever,
        Effect.forkScoped
      )
      yield* pool.serve(StreamFrame.kinds, take)

      yield* Effect.addFinalizer(() =>
        Effect.gen(function*() {
          isOver = true
          for (const all of Array.from(peers.values())) {
            for (const entry of Array.from(all.values())) {
              entry.feed(Machine.Event.Abort({ reason: "its peer left the network" }))
            }
          }
          yield* FiberSet.awaitEmpty(aside)
        }).pipe(waitAtMost(leavingPatience))
      )

      return Streams.of({
        open,
        serve: (name, taker) =>
          Effect.acquireRelease(
            Effect.sync(() => void takers.set(name, taker)),
            () => Effect.sync(() => takers.get(name) === taker ? void takers.delete(name) : undefined)
          ),
        size: () => {
          let size = 0
          for (const all of peers.values()) size += all.size
          return size
        }
      })
    })
  )
}
