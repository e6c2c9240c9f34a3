/**
 * What is said to everyone, on the links: gives `Plumtree` what happens and carries out what it decides.
 *
 * A message waits for room on the links that it goes over, as long as none has room; once one has taken it, the others
 * are waited for within their `Leniency`. Who has no room then is told later what is held here.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import type { MessageTooLarge } from "../../domain/Errors.ts"
import type { Gossip as Message } from "../../domain/Frame.ts"
import type { Control } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Alarm from "../Alarm.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import type { OpenLink } from "../link/OpenLink.ts"
import type { Posted } from "../link/Sending.ts"
import { SessionContext } from "../SessionContext.ts"
import { GossipSettings } from "./GossipSettings.ts"
import * as Leniency from "./Leniency.ts"
import { nameOf } from "./nameOf.ts"
import * as Plumtree from "./Plumtree.ts"
import type { SeenSet } from "./SeenSet.ts"
import { weigh } from "./weigh.ts"

/** Messages that neighbours had and that could not be had from them any more. @category metrics */
export const missed = Metric.counter("homing_messages_missed", {
  description: "Messages to everyone that neighbours announced, and that nobody had any more when they were asked for",
  incremental: true
})

/** Names of messages that waited for a slow link and gave way to newer ones. @category metrics */
export const unannounced = Metric.counter("homing_messages_unannounced", {
  description: "Messages to everyone that a neighbour was not told of, since too many waited for its slow link",
  incremental: true
})

/** What a neighbour is told when it asks. @category models */
export interface Options {
  readonly seen: SeenSet
  /** About how many peers the network has. */
  readonly population: () => number
  /** A message came for the first time. */
  readonly deliver: (message: Message) => Effect.Effect<unknown>
}

/** @category models */
export interface Broadcasts {
  /** Sends a message of ours on its way, and says to how many neighbours. Waits while links are slow. */
  publish(message: Message): Effect.Effect<number, MessageTooLarge>
  receive(message: Message, from: PeerId, now: number): Effect.Effect<void>
  control(frame: Control, from: PeerId, now: number): Effect.Effect<void>
  /** A link opened or closed. */
  readonly linksChanged: Effect.Effect<void>
  /** Waits until nothing is on its way to us or waits to be announced. */
  readonly settled: Effect.Effect<void>
}

/** How old the number of peers may be, in milliseconds. */
const countEvery = 1000

/** How often it is looked whether all is settled. */
const settling = Duration.millis(50)

/** Starts in the scope. @category constructors */
export const make = Effect.fnUntraced(function*({ deliver, population, seen }: Options) {
  const { dropped, emit, self } = yield* SessionContext
  const pool = yield* ConnectionPool
  const scope = yield* Effect.scope
  const joinedAt = yield* Clock.currentTimeMillis
  const core = Plumtree.make({ self, joinedAt, seen, nameOf, settings: yield* GossipSettings })
  const links = new Map<PeerId, OpenLink>()
  const leniency = Leniency.make()
  const relieving = new Set<PeerId>()

  const handle = (event: Plumtree.Event, now: number): ReadonlyArray<Plumtree.Command> => {
    const commands = core.handle(event, now)
    if (core.wakeAt() < alarm.ringsAt()) alarm.reset()
    return commands
  }

  // ------------------------------------------------------------------------------------------------
  // commands
  // ------------------------------------------------------------------------------------------------

  const whenRelieved = (peerId: PeerId): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (relieving.has(peerId)) return
      relieving.add(peerId)
      yield* pool.relieved(peerId).pipe(
        Effect.ensuring(Effect.sync(() => relieving.delete(peerId))),
        Effect.andThen(Clock.currentTimeMillis),
        Effect.flatMap((now) => run(handle({ _tag: "Relieved", peerId }, now))),
        Effect.ignore,
        Effect.forkIn(scope)
      )
    })

  const noRoom = (peerId: PeerId, ids: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      for (const id of ids) handle({ _tag: "Full", peerId, id }, now)
      yield* whenRelieved(peerId)
    })

  /** Waits for those that had no room, as long as that is fair to those that had. */
  const wait = Effect.fnUntraced(function*(name: string, { full, taken }: Posted) {
    const started = yield* Clock.currentTimeMillis
    const someone = Deferred.makeUnsafe<void>()
    if (taken > 0) Deferred.doneUnsafe(someone, Effect.void)
    yield* Effect.forEach(
      full,
      ({ peerId, put }) => {
        // It can only be waited for: PeerPigeon does not ask.
        if (pool.neighbour(peerId)?.dialect === "pigeon") return Effect.ignore(put)
        const tooLong = Deferred.await(someone).pipe(
          Effect.andThen(Effect.sleep(leniency.allowed(peerId, started))),
          Effect.andThen(noRoom(peerId, [name]))
        )
        return put.pipe(
          Effect.andThen(Effect.sync(() => Deferred.doneUnsafe(someone, Effect.void))),
          Effect.ignore,
          Effect.raceFirst(tooLong),
          Effect.andThen(Clock.currentTimeMillis),
          Effect.map((now) => leniency.spend(peerId, now - started, now))
        )
      },
      { concurrency: "unbounded", discard: true }
    )
  })

  const push = Effect.fnUntraced(function*(message: Message, to: ReadonlyArray<PeerId>) {
    const posted = yield* pool.post(message, to)
    if (posted.full.length > 0) yield* wait(nameOf(message), posted)
    return posted.taken + posted.full.length
  })

  /** Sends a frame that concerns one link; says whether there was room for it. */
  const tell = (to: PeerId, frame: Control) =>
    pool.post(frame, [to]).pipe(
      Effect.map(({ full }) => full.length === 0),
      Effect.orElseSucceed(() => true)
    )

  const carryOut = (command: Plumtree.Command): Effect.Effect<unknown> => {
    switch (command._tag) {
      case "Deliver":
        return deliver(command.message)
      case "Duplicate":
        return Effect.sync(() => void dropped.duplicate++)
      case "Missed":
        return Effect.andThen(Metric.update(missed, command.count), emit({ _tag: "Missed", count: command.count }))
      case "Unannounced":
        return Effect.andThen(
          Metric.update(unannounced, command.count),
          Effect.sync(() => void (dropped.unannounced += command.count))
        )
      case "Push":
        // What is too large for a neighbour was too large for us.
        return Effect.ignore(push(command.message, command.to))
      case "Serve":
        // Whoever asks waits for its own link.
        return Effect.ignore(pool.send(command.to, command.message))
      case "Announce": {
        const { _tag, to, ...facts } = command
        return Effect.flatMap(
          tell(to, { type: "ihave", ...facts }),
          (sent) => sent ? Effect.void : noRoom(to, facts.ids)
        )
      }
      case "Graft":
        // Without room for it, another neighbour is asked soon.
        return tell(command.to, { type: "graft", ids: command.ids })
      case "Prune":
        return tell(command.to, { type: "prune" })
      case "Digest": {
        const { _tag, to, ...facts } = command
        const frame = { type: "digest", ...facts } as const
        return Effect.flatMap(
          tell(to, frame),
          (sent) => sent ? Effect.void : Effect.asVoid(Effect.forkIn(Effect.ignore(pool.send(to, frame)), scope))
        )
      }
    }
  }

  const run = Effect.fnUntraced(function*(commands: ReadonlyArray<Plumtree.Command>) {
    for (const command of commands) yield* carryOut(command)
  })

  const alarm = yield* Alarm.make(core.wakeAt, (done) =>
    Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => run(handle({ _tag: "Due" }, now))),
      Effect.andThen(Deferred.succeed(done, undefined))
    ))

  // ------------------------------------------------------------------------------------------------
  // links
  // ------------------------------------------------------------------------------------------------

  /** Tells the core of a link before anything that came over it. */
  const meet = (peerId: PeerId, now: number): ReadonlyArray<Plumtree.Command> => {
    const link = pool.neighbour(peerId)
    const known = links.get(peerId)
    if (link === known) return []
    const commands: Array<Plumtree.Command> = []
    if (known !== undefined) {
      links.delete(peerId)
      leniency.forget(peerId)
      commands.push(...handle({ _tag: "Down", peerId }, now))
    }
    if (link !== undefined) {
      links.set(peerId, link)
      commands.push(...handle({ _tag: "Up", peerId, dialect: link.dialect }, now))
    }
    return commands
  }

  const linksChanged = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    for (const peerId of new Set([...links.keys(), ...pool.neighbours()])) yield* run(meet(peerId, now))
  })

  const news = yield* pool.news
  yield* linksChanged
  yield* PubSub.take(news).pipe(Effect.andThen(linksChanged), Effect.forever, Effect.forkScoped)

  // ------------------------------------------------------------------------------------------------
  // messages
  // ------------------------------------------------------------------------------------------------

  let countedAt = Number.NEGATIVE_INFINITY
  const count = (now: number) => {
    if (now - countedAt < countEvery) return
    countedAt = now
    handle({ _tag: "Counted", peers: population() }, now)
  }

  const publish = Effect.fnUntraced(function*(message: Message) {
    yield* linksChanged
    const now = yield* Clock.currentTimeMillis
    count(now)
    const commands = handle({ _tag: "Published", message, bytes: weigh(message.content) }, now)
    const reached = links.size
    for (const command of commands) {
      if (command._tag !== "Push") yield* carryOut(command)
      else {
        yield* push(command.message, command.to).pipe(
          Effect.onError(() => Effect.sync(() => handle({ _tag: "Withdrawn", id: nameOf(message) }, now)))
        )
      }
    }
    return reached
  })

  const eventOf = (frame: Control, from: PeerId): Plumtree.Event => {
    switch (frame.type) {
      case "ihave": {
        const { type: _, ...word } = frame
        return { _tag: "Announced", from, ...word }
      }
      case "graft":
        return { _tag: "Grafted", from, ids: frame.ids }
      case "prune":
        return { _tag: "Pruned", from }
      case "digest": {
        const { type: _, ...holdings } = frame
        return { _tag: "Digested", from, ...holdings }
      }
    }
  }

  return {
    publish,
    receive: (message, from, now) => {
      count(now)
      const before = meet(from, now)
      const commands = handle({ _tag: "Received", message, from, bytes: weigh(message.content) }, now)
      return run(before.length === 0 ? commands : [...before, ...commands])
    },
    control: (frame, from, now) => run([...meet(from, now), ...handle(eventOf(frame, from), now)]),
    linksChanged,
    settled: Effect.sync(() => core.wanted() > 0 || core.sizes().waiting > 0).pipe(
      Effect.tap((isBusy) => isBusy ? Effect.sleep(settling) : Effect.void),
      Effect.repeat({ while: (isBusy) => isBusy }),
      Effect.asVoid
    )
  } satisfies Broadcasts as Broadcasts
})
