/**
 * Who is in the network, and whom of them to link.
 *
 * One actor has three subjects, each with a file of its own: the overlay, which decides (`membership/Overlay`, run by
 * `membership/OverlayShell`), the links beside it that streams want (`membership/AsideLinks`), and what peers signal to link
 * each other (`membership/PeerSignals`). Here they get their mail: the hub's news, the links' and what neighbours say.
 * Others ask here for the way to a place on the ring, and for who is near it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Dialect } from "../domain/Frame.ts"
import * as OverlayFrame from "../domain/OverlayFrame.ts"
import type { PeerId } from "../domain/PeerId.ts"
import * as Alarm from "./Alarm.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import type { OpenLink } from "./link/OpenLink.ts"
import * as AsideLinks from "./membership/AsideLinks.ts"
import * as Heartbeat from "./membership/Heartbeat.ts"
import type { Label } from "./membership/Label.ts"
import type { Mail } from "./membership/MembershipMail.ts"
import { make as makeOverlay } from "./membership/Overlay.ts"
import { Event } from "./membership/OverlayEvent.ts"
import * as OverlayShell from "./membership/OverlayShell.ts"
import * as PeerSignals from "./membership/PeerSignals.ts"
import * as PoolLinks from "./membership/PoolLinks.ts"
import { SessionContext } from "./SessionContext.ts"
import { Supervisor } from "./Supervisor.ts"

/** Events that may wait; beyond, those who bring them wait, and signals over the mesh are lost. */
const capacity = 4096

const decodeSignaled = Schema.decodeUnknownResult(OverlayFrame.Signaled)

/** The peers around us on the ring that are alive, nearest first. In a small network the sides overlap. @category models */
export interface LeafSet {
  readonly clockwise: ReadonlyArray<PeerId>
  readonly counter: ReadonlyArray<PeerId>
}

/** @category services */
export class Membership extends Context.Service<Membership, {
  /** Members that are known, linked or not; not those that were said, or found, to be gone. */
  known(): Iterable<PeerId>
  /** How many these are. */
  knownCount(): number
  /** How a member speaks, as far as is known. */
  dialectOf(peerId: PeerId): Dialect | undefined
  /** About how many peers the network has, ourselves among them. */
  estimatedSize(): number
  /** The name of the part of the network that we are in: two names in one network mean that it is split. */
  label(): Label
  /** The peers around us, linked or not. */
  leafSet(): LeafSet
  /** Whom a neighbour has open links to, as it said last; `undefined` when there is no link to it. */
  neighboursOf(peerId: PeerId): ReadonlyArray<PeerId> | undefined
  /**
   * The neighbour on the way to a place that, itself or by one of its neighbours, leads nearer to it than we are;
   * `undefined` when, of those left, we are the nearest.
   */
  nextHop(target: PeerId, except: (peerId: PeerId) => boolean): PeerId | undefined
  /** The best neighbour of those left, leading nearer or not: for going around what is broken. */
  detour(target: PeerId, except: (peerId: PeerId) => boolean): PeerId | undefined
  /** The neighbour on the way to a peer: as `nextHop`, and for a PeerPigeon peer one that is linked to it. */
  wayTo(peerId: PeerId, except: (peerId: PeerId) => boolean): PeerId | undefined
  /** The known live peers that are nearest to a place, nearest first, ourselves among them. */
  nearest(target: PeerId, count: number): ReadonlyArray<PeerId>
  /**
   * An open link to a peer, made for it if there is none and beside the overlay's, and kept at this end until the scope
   * closes; says why when none comes about. It may be lost all the same.
   */
  hold(peerId: PeerId): Effect.Effect<OpenLink | string, never, Scope.Scope>
  /** Keeps the link to a peer, as far as it is for this end to decide, until the scope closes. */
  keep(peerId: PeerId): Effect.Effect<void, never, Scope.Scope>
  /** A word whenever the peers around us are others, from the moment of subscription. */
  readonly changes: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
}>()("homing/Membership") {
  static readonly layer = Layer.effect(
    Membership,
    Effect.gen(function*() {
      const { hub, maxPeers, minPeers, networkName, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const supervisor = yield* Supervisor
      const clock = yield* Clock.Clock
      const generator = yield* Random.Random
      const random = () => generator.nextDoubleUnsafe()
      // In whole milliseconds: sums of fractions round, and what is due would not be for the one who asks again.
      const now = () => Math.ceil(clock.currentTimeMillisUnsafe())
      const core = makeOverlay({ self, minPeers, maxPeers, random }, now())
      const changes = yield* PubSub.sliding<void>(1)

      const links = yield* PoolLinks.make
      const aside: AsideLinks.AsideLinks = yield* AsideLinks.make({
        links,
        meet: (peer) => shell.meet(peer),
        tell: (mail) => actor.tell(mail)
      })
      const signals: PeerSignals.PeerSignals = yield* PeerSignals.make({
        links,
        aside,
        feed: (event) => shell.feed(event),
        now
      })
      const shell: OverlayShell.OverlayShell = yield* OverlayShell.make({ core, links, aside, signals, changes, now })

      const onMail = (mail: Mail): Effect.Effect<void> => {
        switch (mail._tag) {
          case "Signal":
            return signals.onSignal(mail.signal)
          case "Link": {
            const { news } = mail
            return news._tag === "Ended" ? shell.onEnded(news.peerId, news.refused) : shell.meet(news.peerId)
          }
          case "Frames":
            return shell.onFrames(mail.from, mail.batch)
          case "Reach":
            return signals.reach(mail.peer, mail.signal)
          case "Wanted":
            return aside.onWanted(mail.peer)
          case "Unwanted":
            return aside.onUnwanted(mail.peer)
          case "Due":
            return Effect.andThen(shell.feed(Event.Due({ now: now() })), Deferred.succeed(mail.done, undefined))
        }
      }

      const news = yield* pool.news
      let linked = -1
      const actor = yield* supervisor.spawn<Mail, never, never>({
        path: `mesh/${networkName}/membership`,
        capacity,
        behaviour: Effect.fnUntraced(function*(actor) {
          while (true) {
            yield* onMail(yield* actor.receive)
            if (core.dueAt < alarm.ringsAt()) alarm.reset()
            if (links.met.size === linked) continue
            linked = links.met.size
            actor.become(`${linked} linked`)
          }
        })
      })
      const alarm = yield* Alarm.make(() => core.dueAt, (done) => actor.tell({ _tag: "Due", done }))
      yield* Queue.take(hub.news).pipe(
        Effect.flatMap((news) => news._tag === "Signal" ? actor.tell(news) : Effect.void),
        Effect.forever,
        Effect.forkScoped
      )
      yield* PubSub.take(news).pipe(
        Effect.flatMap((news) => actor.tell({ _tag: "Link", news })),
        Effect.forever,
        Effect.forkScoped
      )
      yield* pool.serve(OverlayFrame.kinds, (from, batch) => actor.tell({ _tag: "Frames", from, batch }))
      yield* pool.carryBy((outgoing) => {
        if (links.met.size === 0) return false
        const signal = decodeSignaled({ type: outgoing.type, data: outgoing.data })
        return Result.isSuccess(signal) &&
          actor.tellUnsafe({ _tag: "Reach", peer: outgoing.targetPeerId, signal: signal.success })
      })
      yield* Heartbeat.make(hub, () => core.label.peer)
      // Neighbours are told whom to link instead of us; the links themselves end with the pool.
      yield* Effect.addFinalizer(() =>
        Effect.forEach(
          core.handle(Event.Leave({ now: now() })),
          (command) => command._tag === "Send" ? links.send(command.to, command.frame) : Effect.void,
          { discard: true }
        )
      )

      const hop = (target: PeerId, except: (peerId: PeerId) => boolean) => core.nextHop(target, except)
      const nextHop = (target: PeerId, except: (peerId: PeerId) => boolean) => {
        const next = hop(target, except)
        return next?.isNearer === true ? next.peer : undefined
      }

      return Membership.of({
        known: core.members,
        knownCount: core.memberCount,
        dialectOf: core.dialectOf,
        estimatedSize: () => core.estimatedSize(now()),
        label: () => core.label,
        leafSet: () => core.leafSet(now()),
        neighboursOf: core.neighboursOf,
        nextHop,
        detour: (target, except) => hop(target, except)?.peer,
        wayTo: (peerId, except) => core.pigeonVia(peerId, except) ?? nextHop(peerId, except),
        nearest: (target, count) => core.nearest(target, count, now()),
        hold: aside.hold,
        keep: aside.keep,
        changes: PubSub.subscribe(changes)
      })
    })
  )
}
