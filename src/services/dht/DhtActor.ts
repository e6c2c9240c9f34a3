/**
 * The actor of a peer's hash table: feeds `Node` with what happens, carries out its commands, and brings answers to those
 * who wait for them.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Answer } from "../../domain/DhtFrame.ts"
import * as DhtFrame from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import * as Alarm from "../Alarm.ts"
import { ConnectionPool } from "../ConnectionPool.ts"
import { Identity } from "../Identity.ts"
import { waitAtMost } from "../Patience.ts"
import { Routing } from "../Routing.ts"
import { foreign, SessionContext } from "../SessionContext.ts"
import { Supervisor } from "../Supervisor.ts"
import { make as makeNode } from "./Node.ts"
import { type Command, Event, type Wanted } from "./NodeEvent.ts"
import * as Proofs from "./Proofs.ts"

/** How long leaving waits for records to be handed over. @category constants */
export const handoverPatience = Duration.seconds(5)

/** Changes that wait for one subscriber; the oldest give way, since each has the whole value. @category constants */
export const changesKept = 256

/** What became of a subscription, and the changes as they come. @category models */
export interface Subscribed {
  readonly answer: Answer | undefined
  readonly changes: Queue.Dequeue<StoredRecord>
}

/** What the actor does for its own application. Without an answer, none came in time, or we left. @category models */
export interface DhtActor {
  ask(key: string, wanted: Wanted): Effect.Effect<Answer | undefined>
  /** Until the scope closes. */
  subscribe(key: string): Effect.Effect<Subscribed, never, Scope.Scope>
}

/** The alarm rang: something is due. */
interface Rang {
  readonly _tag: "Rang"
  readonly done: Deferred.Deferred<void>
}

/** Starts in the scope. @category constructors */
export const make = Effect.gen(function*() {
  const { dropped, networkName, self } = yield* SessionContext
  const identity = yield* Identity
  const pool = yield* ConnectionPool
  const routing = yield* Routing
  const supervisor = yield* Supervisor
  const random = yield* Random.Random
  const node = makeNode({ self, networkName, ways: routing, random: () => random.nextDoubleUnsafe() })
  const proofs = Proofs.make(identity, networkName, () => void dropped.malformed++)
  const sends = yield* FiberSet.make<void, never>()
  const asked = new Map<number, Deferred.Deferred<Answer | undefined>>()
  const heard = new Map<number, Queue.Queue<StoredRecord>>()
  let tokens = 0

  const carryOut = (command: Command): Effect.Effect<unknown> => {
    switch (command._tag) {
      case "Send": {
        const { frame, to } = command
        // Whoever takes nothing must not keep the others waiting.
        return FiberSet.run(
          sends,
          pool.send(to, frame).pipe(
            Effect.catch(() => actor.tell(Event.Unreached({ peer: to })))
          ),
          { startImmediately: true }
        )
      }
      case "Answered": {
        const waiting = asked.get(command.token)
        asked.delete(command.token)
        return waiting === undefined ? Effect.void : Deferred.succeed(waiting, command.answer)
      }
      case "Changed": {
        const queue = heard.get(command.token)
        if (queue !== undefined) Queue.offerUnsafe(queue, command.record)
        return Effect.void
      }
      case "Dropped":
        dropped[command.what]++
        return command.what === "foreignNetwork" ? Metric.update(foreign, 1) : Effect.void
    }
  }

  const handle = Effect.fnUntraced(function*(event: Event) {
    const now = yield* Clock.currentTimeMillis
    for (const command of node.handle(event, now)) yield* carryOut(command)
    if (node.dueAt < alarm.ringsAt()) alarm.reset()
  })

  const actor = yield* supervisor.spawn<Event | Rang, never, never>({
    path: `mesh/${networkName}/dht`,
    capacity: 4096,
    behaviour: Effect.fnUntraced(function*(actor) {
      while (true) {
        actor.become(`${node.records} records, ${node.requests} requests`)
        const mail = yield* actor.receive
        yield* handle(mail._tag === "Rang" ? Event.Due() : mail)
        if (mail._tag === "Rang") yield* Deferred.succeed(mail.done, undefined)
      }
    })
  })
  const alarm = yield* Alarm.make(() => node.dueAt, (done) => actor.tell({ _tag: "Rang", done }))

  const news = yield* pool.news
  yield* PubSub.take(news).pipe(
    Effect.flatMap((link) => {
      switch (link._tag) {
        case "Opened":
          return link.dialect === "homing" ? actor.tell(Event.Linked({ peer: link.peerId })) : Effect.void
        case "Closed":
          return actor.tell(Event.Unlinked({ peer: link.peerId }))
        case "Ended":
          return Effect.void
      }
    }),
    Effect.forever,
    Effect.forkScoped
  )
  const changes = yield* routing.changes
  yield* PubSub.take(changes).pipe(
    Effect.andThen(actor.tell(Event.Moved())),
    Effect.forever,
    Effect.forkScoped
  )
  yield* pool.serve(DhtFrame.kinds, (from, batch) =>
    Effect.forEach(
      batch,
      (frame) =>
        DhtFrame.isDhtFrame(frame)
          ? Effect.flatMap(
            proofs.screen(frame),
            (frame) => frame === undefined ? Effect.void : actor.tell(Event.Came({ from, frame }))
          )
          : Effect.void,
      { discard: true }
    ))

  // Records are handed over before the links are hung up, which then sends what waits.
  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      yield* handle(Event.Leaving())
      for (const waiting of asked.values()) yield* Deferred.succeed(waiting, undefined)
      asked.clear()
      yield* FiberSet.awaitEmpty(sends)
    }).pipe(waitAtMost(handoverPatience))
  )

  /** Feeds an event that leads to an answer. */
  const answerTo = (token: number, event: Event) =>
    Effect.suspend(() => {
      const waiting = Deferred.makeUnsafe<Answer | undefined>()
      asked.set(token, waiting)
      return actor.tell(event).pipe(
        Effect.andThen(Deferred.await(waiting)),
        Effect.ensuring(Effect.sync(() => asked.delete(token)))
      )
    })

  return {
    ask: (key, wanted) =>
      Effect.suspend(() => {
        const token = ++tokens
        return answerTo(token, Event.Asked({ token, key, ask: wanted }))
      }),
    subscribe: Effect.fnUntraced(function*(key) {
      const queue = yield* Queue.sliding<StoredRecord>(changesKept)
      const token = ++tokens
      heard.set(token, queue)
      yield* Effect.addFinalizer(() => {
        heard.delete(token)
        return Effect.andThen(actor.tell(Event.Unsubscribed({ token, key })), Queue.shutdown(queue))
      })
      return { answer: yield* answerTo(token, Event.Subscribed({ token, key })), changes: queue }
    })
  } satisfies DhtActor as DhtActor
})
