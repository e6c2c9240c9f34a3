/**
 * Who is in the network, and whom of them to link.
 *
 * The decisions are those of `membership/Overlay`: here one actor gives it what happens, the hub's news, the links' and what
 * neighbours say, and carries out its commands. Others ask here for the way to a place on the ring, and for who is near it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Dialect, Frame } from "../domain/Frame.ts"
import * as OverlayFrame from "../domain/OverlayFrame.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HubSignal, PeerSignal } from "../domain/Signal.ts"
import { ConnectionPool, type LinkNews } from "./ConnectionPool.ts"
import { Identity } from "./Identity.ts"
import type { Batch, OpenLink } from "./link/OpenLink.ts"
import * as Alarm from "./membership/Alarm.ts"
import * as Aside from "./membership/Aside.ts"
import * as Heartbeat from "./membership/Heartbeat.ts"
import type { Label } from "./membership/Label.ts"
import { make } from "./membership/Overlay.ts"
import { type Command, Event } from "./membership/OverlayEvent.ts"
import { SessionContext } from "./SessionContext.ts"
import { Supervisor } from "./Supervisor.ts"

/** Events that may wait; beyond, those who bring them wait, and signals over the mesh are lost. */
const capacity = 4096

/** How often a link is dialled anew for those who hold it, whose end came in between. */
const maxDials = 3

/** The frames that are the overlay's. */
const types = ["neighbours", "release", "route", "routed", "signal", "unreached"] as const

const isOverlayFrame = (frame: Frame): frame is OverlayFrame.OverlayFrame => types.some((type) => type === frame.type)

const decodeSignaled = Schema.decodeUnknownResult(OverlayFrame.Signaled)

/** The peers around us on the ring that are alive, nearest first. In a small network the sides overlap. @category models */
export interface LeafSet {
  readonly clockwise: ReadonlyArray<PeerId>
  readonly counter: ReadonlyArray<PeerId>
}

type Mail =
  | { readonly _tag: "Signal"; readonly signal: HubSignal }
  | { readonly _tag: "Link"; readonly news: LinkNews }
  | { readonly _tag: "Frames"; readonly from: PeerId; readonly batch: Batch }
  | { readonly _tag: "Reach"; readonly peer: PeerId; readonly signal: OverlayFrame.Signaled }
  | { readonly _tag: "Wanted"; readonly peer: PeerId }
  | { readonly _tag: "Unwanted"; readonly peer: PeerId }
  | { readonly _tag: "Due"; readonly done: Deferred.Deferred<void> }

type Offer = Extract<PeerSignal, { readonly type: "offer" }>

/** What waits until the end of a link that we hang up: its peer cannot be linked anew before. */
interface Next {
  readonly dial?: Dialect
  readonly offer?: Offer
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
      const { dropped, hub, maxPeers, minPeers, networkName, self } = yield* SessionContext
      const identity = yield* Identity
      const pool = yield* ConnectionPool
      const supervisor = yield* Supervisor
      const scope = yield* Effect.scope
      const clock = yield* Clock.Clock
      const generator = yield* Random.Random
      const random = () => generator.nextDoubleUnsafe()
      // In whole milliseconds: sums of fractions round, and what is due would not be for the one who asks again.
      const now = () => Math.ceil(clock.currentTimeMillisUnsafe())
      const core = make({ self, minPeers, maxPeers, random }, now())
      const changes = yield* PubSub.sliding<void>(1)
      let leafRevision = core.leafRevision

      /** Links that the core knows to be open. */
      const met = new Map<PeerId, OpenLink>()
      /** Links open or under way, as far as the pool's news have been taken. */
      const held = new Set<PeerId>()
      /** Links that we hang up and whose end is still to come. The core wants to hear no more of them. */
      const ending = new Map<PeerId, Next>()
      /** Offers that the core is judging. */
      const offers = new Map<PeerId, Offer>()
      /** Links that the core does not hear of, and those that are wanted whatever it says. */
      const aside = Aside.make()
      const lingering = yield* FiberMap.make<PeerId, void>()
      let isOver = false
      yield* Effect.addFinalizer(() => Effect.sync(() => void (isOver = true)))

      // ------------------------------------------------------------------------------------------------
      // commands
      // ------------------------------------------------------------------------------------------------

      const feed = (event: Event): Effect.Effect<void> =>
        Effect.gen(function*() {
          for (const command of core.handle(event)) yield* carryOut(command)
          if (core.leafRevision === leafRevision) return
          leafRevision = core.leafRevision
          yield* PubSub.publish(changes, undefined)
        })

      const dial = Effect.fnUntraced(function*(peerId: PeerId, dialect: Dialect) {
        held.add(peerId)
        yield* pool.dial(peerId, { dialect })
      })

      const accept = Effect.fnUntraced(function*(offer: Offer) {
        held.add(offer.fromPeerId)
        yield* pool.receive(offer)
      })

      const refuse = (peerId: PeerId, details: string) => {
        const mark = offers.get(peerId)?.data.homing
        return Effect.ignore(pool.signal({
          type: "connection-rejected",
          targetPeerId: peerId,
          data: { reason: "max_peers_reached", details, ...(mark === undefined ? {} : { homing: mark }) }
        }))
      }

      /** Ends a link without waiting for it. */
      const hangUp = (peerId: PeerId, reason: string) =>
        Effect.asVoid(Effect.forkIn(pool.hangUp(peerId, reason), scope))

      /** Sends a frame; what finds no room waits for it aside. */
      const send = Effect.fnUntraced(function*(to: PeerId, frame: OverlayFrame.OverlayFrame) {
        const { full } = yield* pool.post(frame, [to])
        for (const { put } of full) yield* Effect.forkIn(Effect.ignore(put), scope)
      }, (effect) => Effect.ignore(effect))

      const carryOut = (command: Command): Effect.Effect<void> => {
        switch (command._tag) {
          case "Dial": {
            const { dialect, peer } = command
            if (aside.has(peer)) return takeIn(peer)
            if (!ending.has(peer)) return dial(peer, dialect)
            return Effect.sync(() => void ending.set(peer, { ...ending.get(peer), dial: dialect }))
          }
          case "Accept": {
            const offer = offers.get(command.peer)
            if (offer === undefined) return Effect.void
            aside.drop(command.peer)
            if (!ending.has(command.peer)) return accept(offer)
            return Effect.sync(() => void ending.set(command.peer, { ...ending.get(command.peer), offer }))
          }
          case "Refuse": {
            const offer = offers.get(command.peer)
            if (offer !== undefined && mayBeAside(command.peer)) return acceptAside(offer)
            return refuse(command.peer, command.reason)
          }
          case "HangUp":
            if (mayBeAside(command.peer)) return setAside(command.peer)
            if (held.has(command.peer)) ending.set(command.peer, {})
            return hangUp(command.peer, command.reason)
          case "Send":
            return send(command.to, command.frame)
          case "Signaled":
            return onSignaled(command.from, command.signal)
          case "Unreached":
            // An open link is not concerned: only a candidate of it was late.
            return pool.neighbour(command.peer) === undefined ? hangUp(command.peer, "no way leads to it") : Effect.void
          case "AskHub":
            // Whoever comes is introduced to us anyway: only those that we lost are to be found again.
            return core.known().length === 0 ? Effect.void : Effect.ignore(hub.announce)
        }
      }

      // ------------------------------------------------------------------------------------------------
      // links beside the overlay
      // ------------------------------------------------------------------------------------------------

      /** Whether a link that the core does not want is kept for somebody else. */
      const mayBeAside = (peer: PeerId) => aside.isWanted(peer) && (aside.has(peer) || aside.hasRoom())

      const acceptAside = (offer: Offer) => {
        aside.put(offer.fromPeerId)
        return accept(offer)
      }

      /** Gives the core a link that was beside it: it wants it, or its other end does. */
      const takeIn = (peer: PeerId) => {
        aside.drop(peer)
        return meet(peer)
      }

      /** Keeps a link that the core lets go; the other end's core is told to let it go, too. */
      const setAside = (peer: PeerId) => {
        const link = pool.neighbour(peer)
        // What is under way is told to the core, as a link that it did not ask for, once it is open.
        if (link === undefined) return Effect.void
        met.delete(peer)
        aside.put(peer)
        return link.dialect === "homing" ? send(peer, { type: "release", leaving: false, prefer: [] }) : Effect.void
      }

      /** Ends a link that nobody wants, after a while. */
      const linger = (peer: PeerId) =>
        FiberMap.run(
          lingering,
          peer,
          Effect.delay(Effect.suspend(() => actor.tell({ _tag: "Unwanted", peer })), Aside.linger)
        )

      const onUnwanted = (peer: PeerId): Effect.Effect<void> => {
        if (!aside.has(peer) || aside.isWanted(peer)) return Effect.void
        ending.set(peer, {})
        aside.drop(peer)
        return hangUp(peer, "not needed any more")
      }

      const onWanted = Effect.fnUntraced(function*(peer: PeerId) {
        if (held.has(peer) || ending.has(peer) || !aside.isWanted(peer)) return
        aside.put(peer)
        held.add(peer)
        yield* pool.dial(peer, { dialect: "homing", aside: true })
      })

      const keep = (peer: PeerId) =>
        Effect.acquireRelease(
          Effect.sync(() => aside.want(peer)),
          () => {
            aside.unwant(peer)
            // Who held it may be told later than we are that this is over.
            return isOver || aside.isWanted(peer) ? Effect.void : linger(peer)
          }
        )

      const linkTo = Effect.fnUntraced(function*(peer: PeerId) {
        const news = yield* pool.news
        for (let attempt = 0;; attempt++) {
          const link = pool.neighbour(peer)
          if (link !== undefined) return link
          if (!aside.hasRoom() && !aside.has(peer)) return `there are ${Aside.most} links for streams already`
          yield* actor.tell({ _tag: "Wanted", peer })
          const outcome = yield* PubSub.take(news).pipe(
            Effect.repeat({ until: (news) => news.peerId === peer && news._tag !== "Closed" })
          )
          // The end of a link that was there before is no answer.
          if (outcome._tag === "Ended" && (outcome.refused || attempt === maxDials)) {
            return `no link to it came about: ${outcome.reason}`
          }
        }
      }, Effect.scoped)

      // ------------------------------------------------------------------------------------------------
      // events
      // ------------------------------------------------------------------------------------------------

      const onPeerSignal = (signal: PeerSignal): Effect.Effect<void> => {
        const peer = signal.fromPeerId
        switch (signal.type) {
          case "offer": {
            if (signal.data.homing?.aside === true && !held.has(peer) && !ending.has(peer) && aside.hasRoom()) {
              return Effect.andThen(acceptAside(signal), linger(peer))
            }
            offers.set(peer, signal)
            const dialect = signal.data.homing === undefined ? "pigeon" : "homing"
            return Effect.ensuring(
              feed(Event.Offered({ now: now(), peer, dialect })),
              Effect.sync(() => void offers.delete(peer))
            )
          }
          case "goodbye":
            return Effect.andThen(feed(Event.Departed({ now: now(), peer })), pool.receive(signal))
          default:
            return pool.receive(signal)
        }
      }

      /** Takes over the mesh what its sender has signed. A hub knows who speaks; those who pass on a signal may say anything. */
      const onSignaled = Effect.fnUntraced(function*(from: PeerId, signed: OverlayFrame.Signaled) {
        const { signature, ...signal } = signed
        const bytes = OverlayFrame.signedBytes(networkName, from, self, signed)
        const claim = { peerId: from, purpose: "signal", bytes } as const
        if (signature !== undefined && (yield* identity.verify({ ...claim, signature }))) {
          return yield* onPeerSignal({ ...signal, fromPeerId: from })
        }
        dropped.malformed++
      })

      const onSignal = (signal: HubSignal): Effect.Effect<void> => {
        switch (signal.type) {
          case "peer-discovered": {
            const { homing, peerId } = signal.data
            if (peerId === self) return Effect.void
            return feed(
              Event.Introduced({ now: now(), peer: peerId, dialect: homing === undefined ? "pigeon" : "homing" })
            )
          }
          case "peer-disconnected":
            return feed(Event.Departed({ now: now(), peer: signal.data.peerId }))
          case "goodbye":
          case "offer":
          case "answer":
          case "ice-candidate":
          case "connection-rejected":
            return onPeerSignal(signal)
          default:
            return Effect.void
        }
      }

      /** Tells the core what became of the link to a peer, and before anything that came over it. */
      const meet = Effect.fnUntraced(function*(peer: PeerId) {
        const link = pool.neighbour(peer)
        const known = met.get(peer)
        if (link === known || ending.has(peer) || (aside.has(peer) && known === undefined)) return
        if (known !== undefined) {
          met.delete(peer)
          yield* feed(Event.LinkClosed({ now: now(), peer }))
        }
        if (link !== undefined) {
          met.set(peer, link)
          held.add(peer)
          yield* feed(Event.LinkOpened({ now: now(), peer, dialect: link.dialect }))
        }
      })

      const onEnded = Effect.fnUntraced(function*(peer: PeerId, refused: boolean) {
        held.delete(peer)
        aside.drop(peer)
        const next = ending.get(peer)
        if (next === undefined) {
          yield* meet(peer)
          return yield* feed(
            Event.LinkFailed({ now: now(), peer, reason: refused ? "refused" : "unreachable" })
          )
        }
        ending.delete(peer)
        met.delete(peer)
        if (next.offer !== undefined) yield* accept(next.offer)
        if (next.dial !== undefined) yield* dial(peer, next.dial)
      })

      const onFrames = Effect.fnUntraced(function*(from: PeerId, batch: Batch) {
        yield* meet(from)
        for (const frame of batch) {
          // The other end's core has the link, or wants it.
          if (frame.type === "neighbours" && aside.has(from)) yield* takeIn(from)
          if (!met.has(from) || !isOverlayFrame(frame)) continue
          yield* feed(Event.FrameCame({ now: now(), from, frame }))
          if (frame.type !== "release" || frame.leaving) continue
          // It may be kept by the other end, for a stream that is about to be opened here.
          met.delete(from)
          aside.put(from)
          yield* linger(from)
        }
      })

      const onMail = (mail: Mail): Effect.Effect<void> => {
        switch (mail._tag) {
          case "Signal":
            return onSignal(mail.signal)
          case "Link":
            return mail.news._tag === "Ended" ? onEnded(mail.news.peerId, mail.news.refused) : meet(mail.news.peerId)
          case "Frames":
            return onFrames(mail.from, mail.batch)
          case "Due":
            return Effect.andThen(feed(Event.Due({ now: now() })), Deferred.succeed(mail.done, undefined))
          case "Wanted":
            return onWanted(mail.peer)
          case "Unwanted":
            return onUnwanted(mail.peer)
          case "Reach": {
            const { peer, signal } = mail
            return identity.sign("signal", OverlayFrame.signedBytes(networkName, self, peer, signal)).pipe(
              Effect.flatMap((signature) => feed(Event.Reach({ now: now(), peer, signal: { ...signal, signature } })))
            )
          }
        }
      }

      // ------------------------------------------------------------------------------------------------
      // the actor
      // ------------------------------------------------------------------------------------------------

      const links = yield* pool.news
      let linked = -1
      const actor = yield* supervisor.spawn<Mail, never, never>({
        path: `mesh/${networkName}/membership`,
        capacity,
        behaviour: Effect.fnUntraced(function*(actor) {
          while (true) {
            yield* onMail(yield* actor.receive)
            if (core.dueAt < alarm.ringsAt()) alarm.reset()
            if (met.size === linked) continue
            linked = met.size
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
      yield* PubSub.take(links).pipe(
        Effect.flatMap((news) => actor.tell({ _tag: "Link", news })),
        Effect.forever,
        Effect.forkScoped
      )
      yield* pool.serve(
        types,
        (from, batch) => actor.tell({ _tag: "Frames", from, batch })
      )
      yield* pool.carryBy((outgoing) => {
        if (met.size === 0) return false
        const signal = decodeSignaled({ type: outgoing.type, data: outgoing.data })
        return Result.isSuccess(signal) &&
          actor.tellUnsafe({ _tag: "Reach", peer: outgoing.targetPeerId, signal: signal.success })
      })
      yield* Heartbeat.make(hub, () => core.label.peer)
      // Neighbours are told whom to link instead of us; the links themselves end with the pool.
      yield* Effect.addFinalizer(() =>
        Effect.forEach(
          core.handle(Event.Leave({ now: now() })),
          (command) => command._tag === "Send" ? send(command.to, command.frame) : Effect.void,
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
        hold: (peer) => Effect.andThen(keep(peer), linkTo(peer)),
        keep,
        changes: PubSub.subscribe(changes)
      })
    })
  )
}
