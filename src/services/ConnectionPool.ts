/**
 * The links of one network: one actor per peer, and the ways to send over those that are open.
 *
 * The pool makes, keeps and ends links; whom to link is `Membership`'s decision, and what frames mean is known to those
 * who serve them, such as `Gossip` and `Dht`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { HubUnreachable, LinkClosed, MessageTooLarge } from "../domain/Errors.ts"
import type { Dialect, Frame } from "../domain/Frame.ts"
import type { LinkState, LinkStatus } from "../domain/MeshStatus.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { PeerSignal } from "../domain/Signal.ts"
import type { FrameHandler } from "./link/Lanes.ts"
import * as Link from "./link/Link.ts"
import { Event } from "./link/LinkMachine.ts"
import { LinkSettings } from "./link/LinkSettings.ts"
import type { OpenLink } from "./link/OpenLink.ts"
import * as Pulse from "./link/Pulse.ts"
import * as Sending from "./link/Sending.ts"
import * as Servers from "./link/Servers.ts"
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
  post(frame: Frame, to: Iterable<PeerId>): Effect.Effect<Sending.Posted, MessageTooLarge>
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
      const servers = Servers.make(settings.forwardPatience, (count) => void (dropped.malformed += count))
      const entries = new Map<PeerId, Entry>()
      const open = new Map<PeerId, OpenLink>()

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
              serverOf: servers.serverOf,
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

      const sending = Sending.make(settings, open, letGo)

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
        send: sending.send,
        sendBulk: sending.sendBulk,
        fanOut: sending.fanOut,
        post: sending.post,
        relieved: sending.relieved,
        serve: servers.serve,
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

/** A link in the making or open. */
interface Entry {
  actor: Actor<Event> | undefined
  state: LinkState
  readonly dialect: Dialect
}
