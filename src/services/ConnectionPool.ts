/**
 * The links of one network: one actor per peer, and the ways to send over those that are open.
 *
 * The pool makes, keeps and ends links; whom to link is `Membership`'s decision, and what frames mean is known to those
 * who serve them, such as `Gossip` and `Dht`.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { type HubUnreachable, LinkClosed, type MessageTooLarge } from "../domain/Errors.ts"
import type { Dialect, Frame } from "../domain/Frame.ts"
import * as FrameCodec from "../domain/FrameCodec.ts"
import type { LinkState, LinkStatus } from "../domain/MeshStatus.ts"
import { type PeerId, short } from "../domain/PeerId.ts"
import type { PeerSignal } from "../domain/Signal.ts"
import type { FrameHandler, Server } from "./link/Lanes.ts"
import * as Link from "./link/Link.ts"
import { Event } from "./link/LinkMachine.ts"
import { LinkSettings } from "./link/LinkSettings.ts"
import type { OpenLink } from "./link/OpenLink.ts"
import * as Outbox from "./link/Outbox.ts"
import * as Pulse from "./link/Pulse.ts"
import { SessionContext } from "./SessionContext.ts"
import type { OutgoingSignal } from "./SignalingTransport.ts"
import { type Actor, Supervisor } from "./Supervisor.ts"
import { WebRtc } from "./WebRtc.ts"

/** What became of a link. @category models */
export type LinkNews =
  | { readonly _tag: "Opened"; readonly peerId: PeerId; readonly dialect: Dialect }
  | { readonly _tag: "Closed"; readonly peerId: PeerId; readonly reason: string }
  /** There is no link to the peer and none under way any more. Follows `Closed` where the link was open. */
  | {
    readonly _tag: "Ended"
    readonly peerId: PeerId
    readonly reason: string
    /** The peer itself did not want it. */
    readonly refused: boolean
  }

/** Takes a signal to its peer at once, over anything but a hub; `false` when there is no way. @category models */
export type Carrier = (signal: OutgoingSignal) => boolean

/** What became of a frame that was sent to some. @category models */
export interface Posted {
  /** How many have it. */
  readonly taken: number
  /** Those with no room for it, and how to wait for room; one that takes nothing meanwhile is let go. */
  readonly full: ReadonlyArray<{ readonly peerId: PeerId; readonly put: Effect.Effect<void, LinkClosed> }>
}

/** @category services */
export class ConnectionPool extends Context.Service<ConnectionPool, {
  /**
   * Wants a link to a peer; does nothing where one exists or is under way. `aside`: the other side is to take it whatever
   * links it has.
   */
  dial(peerId: PeerId, facts: { readonly dialect: Dialect; readonly aside?: boolean }): Effect.Effect<void>
  /** Gives a peer's signal to its link, which an offer brings into being. */
  receive(signal: PeerSignal): Effect.Effect<void>
  /** Sends a signal to a peer: over the hub or, while no hub is reachable, as `carryBy` says. */
  signal(signal: OutgoingSignal): Effect.Effect<void, HubUnreachable>
  /** Says what takes signals to peers while no hub is reachable. Without it they are lost. */
  carryBy(carrier: Carrier): Effect.Effect<void>
  /** Ends a link politely: sends what was accepted, says why, closes. Returns once it is closed. */
  hangUp(peerId: PeerId, reason: string): Effect.Effect<void>
  /** Sends a frame to a neighbour, waiting for room in its outbox; one that takes nothing any more is let go. */
  send(peerId: PeerId, frame: Frame): Effect.Effect<void, LinkClosed | MessageTooLarge>
  /** As `send`, for what comes in bulk: it takes turns with other frames on the link, and waits while it has enough. */
  sendBulk(peerId: PeerId, frame: Frame): Effect.Effect<void, LinkClosed | MessageTooLarge>
  /**
   * Sends a frame to every neighbour but some, encoding it once, and says to how many. Waits for room in their outboxes;
   * a neighbour that takes nothing for `forwardPatience` meanwhile is let go, so that one link cannot stop a network.
   */
  fanOut(frame: Frame, except: (peerId: PeerId) => boolean): Effect.Effect<number, MessageTooLarge>
  /**
   * Sends a frame to some neighbours at once, encoding it once, and says who has it and who has no room now. Those with
   * no link, or with a limit that the frame exceeds, are left out.
   */
  post(frame: Frame, to: Iterable<PeerId>): Effect.Effect<Posted, MessageTooLarge>
  /**
   * Waits until nothing waits for a neighbour any more, or it took something for `forwardPatience`. One that takes nothing
   * is let go.
   */
  relieved(peerId: PeerId): Effect.Effect<void, LinkClosed>
  /**
   * Says who handles frames of some types from now on; each type has one handler, and those that were given to one handler
   * together keep their order and wait for each other, and for no others. Frames that come before wait, and what comes over
   * the same link after them; but not for long, and what nobody serves is dropped.
   *
   * What comes faster over a link than it is handled is refused and counted beyond half of the link's inbox. `needsAll`:
   * the neighbour is let go instead. Default: false.
   */
  serve(
    types: ReadonlyArray<Frame["type"]>,
    handler: FrameHandler,
    options?: { readonly needsAll?: boolean }
  ): Effect.Effect<void>
  /** The open link to a peer, if there is one. */
  neighbour(peerId: PeerId): OpenLink | undefined
  /** The peers with an open link. */
  neighbours(): Iterable<PeerId>
  /** Links that are open or under way. */
  size(): number
  /** Links that are open. */
  openCount(): number
  readonly links: Effect.Effect<ReadonlyArray<LinkStatus>>
  /** Every opening and closing from the moment of subscription. */
  readonly news: Effect.Effect<PubSub.Subscription<LinkNews>, never, Scope.Scope>
}>()("homing/ConnectionPool") {
  static readonly layer = Layer.effect(
    ConnectionPool,
    Effect.gen(function*() {
      const { dropped, hub, iceServers, networkName, self } = yield* SessionContext
      const settings = yield* LinkSettings
      const supervisor = yield* Supervisor
      const webRtc = yield* WebRtc
      const news = yield* PubSub.unbounded<LinkNews>()
      const servers = new Map<Frame["type"], Server>()
      const awaited = new Map<Frame["type"], Deferred.Deferred<void>>()
      const entries = new Map<PeerId, Entry>()
      const open = new Map<PeerId, OpenLink>()

      const unserved: Server = {
        handle: (_, batch) => Effect.sync(() => void (dropped.malformed += batch.length)),
        needsAll: false
      }

      /** Who serves a type, or gives frames of it up, once somebody does or enough time has passed. */
      const awaitServer = (type: Frame["type"]): Effect.Effect<Server> =>
        Effect.suspend(() => {
          const served = awaited.get(type) ?? Deferred.makeUnsafe<void>()
          awaited.set(type, served)
          return Effect.map(Effect.timeoutOption(Deferred.await(served), settings.forwardPatience), () => {
            const server = servers.get(type) ?? unserved
            servers.set(type, server)
            return server
          })
        })

      let carry: Carrier = () => false

      const signal = (outgoing: OutgoingSignal) =>
        hub.send(outgoing).pipe(Effect.catch((error) => carry(outgoing) ? Effect.void : Effect.fail(error)))

      // Links outlive the start of the pool's end, so that they can say goodbye.
      const home = yield* Scope.make()
      const pulse = yield* Scope.provide(Pulse.make(settings.probeInterval), home)
      yield* Effect.addFinalizer((exit) =>
        Effect.forEach(Array.from(entries.keys()), (peerId) => hangUp(peerId, "left the network"), {
          concurrency: "unbounded",
          discard: true
        }).pipe(Effect.ensuring(Scope.close(home, exit)))
      )

      const spawn = (peerId: PeerId, dialect: Dialect, isAside = false) =>
        Effect.suspend(() => {
          const entry: Entry = { actor: undefined, state: "idle", dialect }
          entries.set(peerId, entry)
          return supervisor.spawn({
            path: `mesh/${networkName}/links/${peerId}`,
            // A link that fails has ended; who wants it again dials, and rests before.
            restart: Schedule.recurs(0),
            behaviour: Link.behaviour({
              self,
              other: peerId,
              webRtc,
              iceServers,
              settings,
              pulse,
              isAside: () => isAside,
              otherTakesAnyOffer: () => entry.dialect === "homing",
              signal,
              malformed: () => void dropped.malformed++,
              serverOf: (type) => servers.get(type) ?? awaitServer(type),
              refused: () => void dropped.refused++,
              stateChanged: (state) => void (entry.state = state),
              opened: (link) => {
                open.set(peerId, link)
                return PubSub.publish(news, { _tag: "Opened", peerId, dialect: link.dialect })
              },
              closed: (reason) => {
                open.delete(peerId)
                return PubSub.publish(news, { _tag: "Closed", peerId, reason })
              },
              ended: (reason, refused) => {
                entries.delete(peerId)
                return PubSub.publish(news, { _tag: "Ended", peerId, reason, refused })
              }
            })
          }).pipe(
            Scope.provide(home),
            Effect.map((actor) => {
              entry.actor = actor
              return entry
            })
          )
        })

      const entryFor = (peerId: PeerId, dialect: Dialect, isAside: boolean) =>
        Effect.suspend(() => {
          const entry = entries.get(peerId)
          return entry === undefined ? spawn(peerId, dialect, isAside) : Effect.succeed(entry)
        })

      const hangUp = (peerId: PeerId, reason: string) =>
        Effect.suspend(() => {
          const actor = entries.get(peerId)?.actor
          if (actor === undefined) return Effect.void
          return Effect.andThen(actor.tell(Event.Close({ reason })), actor.ended)
        })

      /** As `hangUp`, without waiting. */
      const letGo = (peerId: PeerId, reason: string) =>
        Effect.sync(() => void entries.get(peerId)?.actor?.tellUnsafe(Event.Close({ reason })))

      /** Lets a neighbour go once it takes nothing any more. One that takes a little is slow, and waited for. */
      const letGoIfStalled = Effect.fnUntraced(function*(link: OpenLink) {
        let sent: number
        do {
          sent = link.sent()
          yield* Effect.sleep(settings.forwardPatience)
        } while (link.sent() > sent)
        yield* letGo(link.peerId, tooSlow)
      })

      /** Waits for room for as long as the link carries anything at all. */
      const unlessStalled = (link: OpenLink, offer: Effect.Effect<void, LinkClosed>): Effect.Effect<void, LinkClosed> =>
        Effect.raceFirst(
          offer,
          Effect.andThen(
            letGoIfStalled(link),
            // Made when needed: an error costs more than the message.
            Effect.suspend(() =>
              Effect.fail(new LinkClosed({ peerId: link.peerId, reason: "it takes nothing any more" }))
            )
          )
        )

      /** Puts a parcel into a link's outbox, waiting for room. */
      const put = (link: OpenLink, parcel: Outbox.Parcel): Effect.Effect<void, LinkClosed> =>
        Effect.suspend(() =>
          link.outbox.tryOffer(parcel) ? Effect.void : unlessStalled(link, link.outbox.offer(parcel))
        )

      const encode = (frame: Frame, dialect: Dialect) =>
        Result.map(FrameCodec.encode(frame, dialect, settings.maxMessageBytes), Outbox.parcel)

      /** Offers a frame to links, and gives those that have no room for it. */
      const offerAll = Effect.fnUntraced(function*(frame: Frame, links: Iterable<OpenLink>) {
        const parcels = new Map<Dialect, Outbox.Parcel>()
        const slow: Array<readonly [OpenLink, Outbox.Parcel]> = []
        let sent = 0
        for (const link of links) {
          let parcel = parcels.get(link.dialect)
          if (parcel === undefined) {
            const encoded = encode(frame, link.dialect)
            if (Result.isFailure(encoded)) {
              if (link.dialect === "homing") return yield* encoded.failure
              // PeerPigeon takes 256 KiB at most; its smaller limit is not everybody's.
              yield* Effect.logWarning(`peer ${short(link.peerId)} cannot take a message: ${encoded.failure.message}`)
              continue
            }
            parcel = encoded.success
            parcels.set(link.dialect, parcel)
          }
          sent++
          if (!link.outbox.tryOffer(parcel)) slow.push([link, parcel])
        }
        return { sent, slow }
      })

      const fanOut = Effect.fnUntraced(function*(frame: Frame, except: (peerId: PeerId) => boolean) {
        const links: Array<OpenLink> = []
        for (const [peerId, link] of open) if (!except(peerId)) links.push(link)
        const { sent, slow } = yield* offerAll(frame, links)
        yield* Effect.forEach(slow, ([link, parcel]) => Effect.ignore(put(link, parcel)), {
          concurrency: "unbounded",
          discard: true
        })
        return sent
      })

      /** The open link to a peer, and a frame as it carries it. */
      const parcelFor = Effect.fnUntraced(function*(peerId: PeerId, frame: Frame) {
        const link = open.get(peerId)
        if (link === undefined) return yield* new LinkClosed({ peerId, reason: "there is no link to this peer" })
        return { link, parcel: yield* Effect.fromResult(encode(frame, link.dialect)) }
      })

      return ConnectionPool.of({
        dial: Effect.fnUntraced(function*(peerId, { aside = false, dialect }) {
          const entry = yield* entryFor(peerId, dialect, aside)
          yield* entry.actor?.tell(Event.Dial()) ?? Effect.void
        }),
        receive: Effect.fnUntraced(function*(signal) {
          const known = entries.get(signal.fromPeerId)
          if (known === undefined && signal.type !== "offer") return
          const event = yield* Link.eventOf(signal)
          const dialect = event._tag === "Offered" ? event.dialect : "homing"
          const entry = known ?? (yield* spawn(signal.fromPeerId, dialect))
          // A link that is flooded with signals loses some; its attempt then fails and is made again.
          entry.actor?.tellUnsafe(event)
        }),
        signal,
        carryBy: (carrier) => Effect.sync(() => void (carry = carrier)),
        hangUp,
        send: (peerId, frame) => Effect.flatMap(parcelFor(peerId, frame), ({ link, parcel }) => put(link, parcel)),
        sendBulk: (peerId, frame) =>
          Effect.flatMap(
            parcelFor(peerId, frame),
            ({ link, parcel }) =>
              link.outbox.tryOfferBulk(parcel) ? Effect.void : unlessStalled(link, link.outbox.offerBulk(parcel))
          ),
        fanOut,
        post: Effect.fnUntraced(function*(frame, to) {
          const links: Array<OpenLink> = []
          for (const peerId of to) {
            const link = open.get(peerId)
            if (link !== undefined) links.push(link)
          }
          const { sent, slow } = yield* offerAll(frame, links)
          return {
            taken: sent - slow.length,
            full: slow.map(([link, parcel]) => ({ peerId: link.peerId, put: put(link, parcel) }))
          }
        }),
        relieved: Effect.fnUntraced(function*(peerId) {
          const link = open.get(peerId)
          if (link === undefined) return yield* new LinkClosed({ peerId, reason: "there is no link to this peer" })
          const before = link.sent()
          const hasMoved = Effect.flatMap(Effect.sleep(settings.forwardPatience), () =>
            link.sent() > before
              ? Effect.void
              : Effect.andThen(letGo(peerId, tooSlow), Effect.fail(new LinkClosed({ peerId, reason: tooSlow }))))
          yield* Effect.raceFirst(link.outbox.drained, hasMoved)
        }),
        serve: (types, handle, { needsAll = false } = {}) =>
          Effect.sync(() => {
            const server: Server = { handle, needsAll }
            for (const type of types) {
              servers.set(type, server)
              const served = awaited.get(type)
              if (served !== undefined) Deferred.doneUnsafe(served, Effect.void)
            }
          }),
        neighbour: (peerId) => open.get(peerId),
        neighbours: () => open.keys(),
        size: () => entries.size,
        openCount: () => {
          let count = 0
          for (const { state } of entries.values()) if (state === "open") count++
          return count
        },
        links: Effect.sync(() =>
          Array.from(entries, ([peerId, entry]) => {
            const link = open.get(peerId)
            const rttMillis = link?.rttMillis()
            return {
              peerId,
              state: entry.state,
              queued: link?.outbox.size() ?? 0,
              ...(link === undefined ? {} : { dialect: link.dialect, openSince: link.since }),
              ...(rttMillis === undefined ? {} : { rttMillis })
            }
          })
        ),
        news: PubSub.subscribe(news)
      })
    })
  )
}

const tooSlow = "too slow for the messages of this network"

/** A link in the making or open. */
interface Entry {
  actor: Actor<Event> | undefined
  state: LinkState
  readonly dialect: Dialect
}
