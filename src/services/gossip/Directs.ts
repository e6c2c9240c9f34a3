/**
 * What is said to one peer, on the links: gives `Passage` what happens and carries out what it decides, and sees to it that
 * whoever sends learns what became of it.
 *
 * A message that is not confirmed in time is sent anew, on another way and under another id; the addressee tells by the id
 * that it had first, and confirms it once more.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import { type MessageTooLarge, PeerUnreachable } from "../../domain/Errors.ts"
import type { Frame, Gossip as Message } from "../../domain/Frame.ts"
import { type Custody, maxIds } from "../../domain/GossipFrame.ts"
import { equals, type PeerId } from "../../domain/PeerId.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import { Membership } from "../Membership.ts"
import { waitAtMost } from "../Patience.ts"
import { SessionContext } from "../SessionContext.ts"
import { nameOf } from "./nameOf.ts"
import * as Passage from "./Passage.ts"
import type { Routes } from "./Routes.ts"
import { weigh } from "./weigh.ts"

/** How long a direct message may go unconfirmed before its sender is told. @category constants */
export const confirmationTimeout = Duration.seconds(15)

/**
 * How long a direct message on one way may go unconfirmed before it is sent on another as well: a few hops that are dead
 * take a second each. Three such ways fit into `confirmationTimeout`.
 *
 * @category constants
 */
export const attemptTimeout = Duration.seconds(4)

/** The pause before a message that found no way is sent anew. @category constants */
export const attemptPause = Duration.seconds(1)

/**
 * How long a peer must have been nowhere before its sender is told so: one that is about to join is found by then.
 *
 * @category constants
 */
export const absentAfter = Duration.seconds(3)

/** How long leaving the network waits for messages that are not confirmed yet. @category constants */
export const leavingPatience = Duration.seconds(5)

/** Ways on which no such peer was found before its sender is told so. */
const absentWays = 2

/** The least time between two looks at what is due, in milliseconds: also how late it may be noticed. */
const lookEvery = 100

/** A direct message whose confirmation is awaited. */
interface Pending {
  readonly to: PeerId
  readonly message: Message
  readonly bytes: number
  /** The name under which it is on its way now. */
  name: string
  /** Neighbours that it was given to in vain. */
  readonly tried: Set<PeerId>
  /** Ways on which there was no such peer. */
  absent: number
  /** Times on the clock, in milliseconds: when it was sent first, when it is sent anew, and when it is given up. */
  readonly since: number
  againAt: number
  readonly deadline: number
  readonly confirmed: Deferred.Deferred<void, PeerUnreachable | MessageTooLarge>
}

/** What came in one batch, and is to be answered at its end. */
type Takes = Map<PeerId, Array<string>>

/** @category models */
export interface Options {
  readonly routes: Routes
  readonly newId: Effect.Effect<string>
  /** Tells the origin of a message that it was brought to a PeerPigeon peer, which does not say so itself. */
  readonly brought: (message: Message, to: PeerId) => Effect.Effect<void>
  /** What else has to be looked after now and then, while anything is on its way. */
  readonly settled: Effect.Effect<void>
}

/** @category models */
export interface Directs {
  /** Sends a message of ours; succeeds once its addressee has confirmed it. */
  send(message: Message, to: PeerId): Effect.Effect<void, PeerUnreachable | MessageTooLarge>
  /** Sends a message of ours on its way, for which nobody waits. */
  start(message: Message, to: PeerId): Effect.Effect<void>
  /** Brings another's message a hop further. */
  passOn(message: Message, to: PeerId, from: PeerId, takes: Takes): Effect.Effect<void>
  /** A message that a neighbour brought has arrived here. */
  arrived(message: Message, from: PeerId, takes: Takes): void
  /** Says what was taken. */
  answer(takes: Takes): Effect.Effect<void>
  /** The addressee has some of ours. */
  confirmed(ids: ReadonlyArray<string>, by: PeerId): void
  control(frame: Custody, from: PeerId): Effect.Effect<void>
}

/** Starts in the scope. @category constructors */
export const make = Effect.fnUntraced(function*({ brought, newId, routes, settled }: Options) {
  const { networkName, self } = yield* SessionContext
  const pool = yield* ConnectionPool
  const membership = yield* Membership
  const scope = yield* Effect.scope
  const pending = new Map<string, Pending>()
  const byName = new Map<string, Pending>()

  const isKnown = (peer: PeerId): boolean => {
    for (const known of membership.known()) if (equals(known, peer)) return true
    return false
  }

  const isBusy = (peer: PeerId): boolean => (pool.neighbour(peer)?.outbox.size() ?? 0) > 0

  const core = Passage.make({
    isLinked: (peer) => pool.neighbour(peer) !== undefined,
    next: (to, except) => membership.wayTo(to, except),
    learned: routes.via,
    detour: (to, except) => membership.detour(to, except),
    isKnown,
    isBusy
  })

  const unreachable = (peerId: PeerId, problem: string) => new PeerUnreachable({ peerId, networkName, problem })

  // ------------------------------------------------------------------------------------------------
  // commands
  // ------------------------------------------------------------------------------------------------

  /** Whether a neighbour is a PeerPigeon peer: it brings a message as it came, and knows nothing of who looks after it. */
  const isPigeon = (peer: PeerId): boolean => pool.neighbour(peer)?.dialect === "pigeon"

  const tell = (to: PeerId, frame: Frame) =>
    isPigeon(to) ? Effect.void : pool.post(frame, [to]).pipe(
      // Without room for it, they try another way: a copy is all that costs.
      Effect.ignore
    )

  const answer = (takes: Takes) =>
    Effect.forEach(takes, ([to, ids]) => {
      const frames: Array<Frame> = []
      for (let at = 0; at < ids.length; at += maxIds) frames.push({ type: "taken", ids: ids.slice(at, at + maxIds) })
      return Effect.forEach(frames, (frame) => tell(to, frame), { discard: true })
    }, { discard: true })

  /** Hands a message to a link, waiting for its room. */
  const pass = (name: string, message: Message, to: PeerId): Effect.Effect<void> =>
    Effect.gen(function*() {
      const isDirect = message.path.length === 1 && message.to === to
      const { custody, ...bare } = message
      const sent = yield* Effect.result(pool.send(to, isDirect || custody !== true ? bare : message))
      const now = yield* Clock.currentTimeMillis
      const ours = byName.get(name)
      if (Result.isSuccess(sent)) {
        yield* run(core.handle({ _tag: "Sent", name, to }, now))
        if (to !== message.to || !isPigeon(to)) return
        if (ours !== undefined) Deferred.doneUnsafe(ours.confirmed, Effect.void)
        else if (message.acknowledge === true) yield* brought(message, to)
        return yield* run(core.handle({ _tag: "Taken", from: to, names: [name] }, now))
      }
      if (ours !== undefined && sent.failure._tag === "MessageTooLarge") {
        return void Deferred.doneUnsafe(ours.confirmed, Effect.fail(sent.failure))
      }
      return yield* run(core.handle({ _tag: "Unsent", name, to }, now))
    })

  const failed = Effect.fnUntraced(function*(sent: Pending, absent: boolean) {
    const now = yield* Clock.currentTimeMillis
    const fail = (problem: string) => Deferred.doneUnsafe(sent.confirmed, Effect.fail(unreachable(sent.to, problem)))
    if (pool.openCount() === 0) return void fail(alone)
    if (absent) sent.absent++
    if (sent.absent >= absentWays && now - sent.since >= Duration.toMillis(absentAfter)) {
      return void fail("the peers that would be next to it have not heard of it")
    }
    sent.againAt = Math.min(sent.againAt, now + Duration.toMillis(attemptPause))
  })

  const carryOut = (command: Passage.Command, takes: Takes | undefined): Effect.Effect<void> => {
    switch (command._tag) {
      case "Pass":
        return pass(command.name, command.message, command.to)
      case "Take": {
        if (takes === undefined) return tell(command.to, { type: "taken", ids: [command.name] })
        const names = takes.get(command.to)
        if (names === undefined) takes.set(command.to, [command.name])
        else names.push(command.name)
        return Effect.void
      }
      case "Return":
        return tell(command.to, { type: "returned", id: command.name, absent: command.absent })
      case "Failed": {
        const sent = byName.get(command.name)
        return sent === undefined ? Effect.void : failed(sent, command.absent)
      }
    }
  }

  const run = (commands: ReadonlyArray<Passage.Command>, takes?: Takes): Effect.Effect<void> =>
    Effect.forEach(commands, (command) => carryOut(command, takes), { discard: true })

  /** As `run`, but what has to wait for one link keeps nobody else waiting. */
  const runAside = (commands: ReadonlyArray<Passage.Command>): Effect.Effect<void> =>
    Effect.forEach(
      commands,
      (command) =>
        command._tag === "Pass" ? Effect.forkIn(carryOut(command, undefined), scope) : carryOut(command, undefined),
      { discard: true }
    )

  // ------------------------------------------------------------------------------------------------
  // our own
  // ------------------------------------------------------------------------------------------------

  const attempt = (sent: Pending, message: Message, now: number): ReadonlyArray<Passage.Command> => {
    const { bytes, to, tried } = sent
    byName.delete(sent.name)
    sent.name = nameOf(message)
    byName.set(sent.name, sent)
    sent.againAt = now + Duration.toMillis(attemptTimeout) + bytes / Passage.pace
    const commands = core.handle({ _tag: "Started", name: sent.name, message, to, bytes, tried }, now)
    for (const command of commands) if (command._tag === "Pass") tried.add(command.to)
    return commands
  }

  /** Sends a message once more. Where all neighbours were tried, any is worth another try. */
  const again = Effect.fnUntraced(function*(sent: Pending) {
    const now = yield* Clock.currentTimeMillis
    const id = yield* newId
    let left = 0
    for (const peer of pool.neighbours()) if (!sent.tried.has(peer)) left++
    if (left === 0) sent.tried.clear()
    yield* runAside(core.handle({ _tag: "Done", name: sent.name }, now))
    yield* runAside(attempt(sent, { ...sent.message, id, original: sent.message.id }, now))
  })

  const look = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    yield* runAside(core.handle({ _tag: "Due" }, now))
    for (const sent of Array.from(pending.values())) {
      if (sent.deadline <= now) {
        const error = unreachable(sent.to, `it did not confirm within ${Duration.format(confirmationTimeout)}`)
        Deferred.doneUnsafe(sent.confirmed, Effect.fail(error))
      } else if (sent.againAt <= now) {
        const holder = core.holder(sent.name)
        // What waits for a slow link of ours would wait for the next one, too.
        if (holder !== undefined && isBusy(holder)) sent.againAt = now + Duration.toMillis(attemptPause)
        else yield* again(sent)
      }
    }
  })

  // One fiber watches all: a timer for each message would cost more than the message.
  let sleeps: { readonly until: number; readonly woken: Deferred.Deferred<void> } | undefined
  const wakeAt = () => {
    let at = core.wakeAt()
    for (const { againAt, deadline } of pending.values()) at = Math.min(at, againAt, deadline)
    return at
  }
  const wake = (at: number) => {
    if (sleeps !== undefined && at < sleeps.until) Deferred.doneUnsafe(sleeps.woken, Effect.void)
  }
  yield* Effect.gen(function*() {
    const at = wakeAt()
    const woken = Deferred.makeUnsafe<void>()
    sleeps = { until: at, woken }
    const millis = Math.max(lookEvery, Math.ceil(at - (yield* Clock.currentTimeMillis)))
    const sleep = Number.isFinite(at) ? Effect.sleep(millis) : Effect.never
    yield* Effect.raceFirst(sleep, Deferred.await(woken))
    sleeps = undefined
    yield* look
  }).pipe(Effect.forever, Effect.forkScoped)

  const news = yield* pool.news
  yield* PubSub.take(news).pipe(
    Effect.flatMap((link) =>
      Effect.gen(function*() {
        if (link._tag !== "Closed") return
        routes.forget(link.peerId)
        yield* runAside(core.handle({ _tag: "Down", peerId: link.peerId }, yield* Clock.currentTimeMillis))
      })
    ),
    Effect.forever,
    Effect.forkScoped
  )

  // Leaving waits for what is on its way, to us and from us; whoever is not confirmed by then is told.
  yield* Effect.addFinalizer(() =>
    Effect.forEach(Array.from(pending.values()), ({ confirmed }) => Effect.ignore(Deferred.await(confirmed)), {
      concurrency: "unbounded",
      discard: true
    }).pipe(
      Effect.andThen(settled),
      waitAtMost(leavingPatience),
      Effect.andThen(Effect.sync(() => {
        for (const { confirmed, to } of pending.values()) {
          const error = unreachable(to, "this peer left the network before the message was confirmed")
          Deferred.doneUnsafe(confirmed, Effect.fail(error))
        }
      }))
    )
  )

  return {
    send: Effect.fnUntraced(function*(message, to) {
      const now = yield* Clock.currentTimeMillis
      const sent: Pending = {
        to,
        message: { ...message, custody: true },
        bytes: weigh(message.content),
        name: "",
        tried: new Set(),
        absent: 0,
        since: now,
        againAt: Infinity,
        deadline: now + Duration.toMillis(confirmationTimeout),
        confirmed: Deferred.makeUnsafe()
      }
      if (pool.openCount() === 0) return yield* unreachable(to, alone)
      pending.set(message.id, sent)
      const commands = attempt(sent, sent.message, now)
      wake(sent.againAt)
      // Its confirmation may come while its link has yet to take it, and its end while that has no room.
      return yield* run(commands).pipe(
        Effect.andThen(Effect.sync(() => wake(core.wakeAt()))),
        Effect.andThen(Effect.never),
        Effect.raceFirst(Deferred.await(sent.confirmed)),
        Effect.ensuring(Effect.sync(() => {
          pending.delete(message.id)
          byName.delete(sent.name)
          core.handle({ _tag: "Done", name: sent.name }, now)
        }))
      )
    }),
    start: Effect.fnUntraced(function*(message, to) {
      if (pool.neighbour(to) !== undefined) {
        const sent = yield* Effect.result(pool.send(to, message))
        if (Result.isSuccess(sent)) return
      }
      const now = yield* Clock.currentTimeMillis
      const name = nameOf(message)
      const onward: Message = { ...message, custody: true }
      yield* run(
        core.handle({ _tag: "Started", name, message: onward, to, bytes: weigh(message.content), tried: [] }, now)
      )
      wake(core.wakeAt())
    }),
    passOn: Effect.fnUntraced(function*(message, to, from, takes) {
      const now = yield* Clock.currentTimeMillis
      if (message.path.includes(self)) {
        return yield* tell(from, { type: "returned", id: nameOf(message), absent: false })
      }
      const onward: Message = { ...message, ttl: Math.max(0, message.ttl - 1), path: [...message.path, self] }
      const bytes = weigh(message.content)
      yield* run(core.handle({ _tag: "Came", name: nameOf(message), message: onward, to, bytes, from }, now), takes)
      wake(core.wakeAt())
    }),
    arrived: (message, from, takes) => {
      if (message.custody !== true) return
      const names = takes.get(from)
      if (names === undefined) takes.set(from, [nameOf(message)])
      else names.push(nameOf(message))
    },
    answer,
    confirmed: (ids, by) => {
      for (const id of ids) {
        const sent = pending.get(id)
        // Only the addressee can confirm.
        if (sent !== undefined && equals(sent.to, by)) Deferred.doneUnsafe(sent.confirmed, Effect.void)
      }
    },
    control: Effect.fnUntraced(function*(frame, from) {
      const now = yield* Clock.currentTimeMillis
      const event: Passage.Event = frame.type === "taken"
        ? { _tag: "Taken", from, names: frame.ids }
        : { _tag: "Returned", from, name: frame.id, absent: frame.absent }
      yield* runAside(core.handle(event, now))
      wake(core.wakeAt())
    })
  } satisfies Directs as Directs
})

const alone = "this peer has no link to anyone in the network"
