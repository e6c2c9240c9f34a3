/**
 * Tells every subscriber everything, in order, each at its own pace.
 *
 * What a subscriber has not taken yet is bounded, by number and by bytes. When it is full the teller waits for it a moment,
 * which slows those who send to us; a subscriber that does not catch up in that time is not waited for again until it has,
 * and is told how many events it missed.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Content } from "../domain/Content.ts"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import { weigh } from "../services/gossip/weigh.ts"

/** Events kept for one subscriber. @category constants */
export const capacity = 4096

/**
 * Bytes of contents kept for one subscriber, or a single event of any size: 32 MiB, four of the largest messages.
 *
 * @category constants
 */
export const capacityBytes = 32 * 1024 * 1024

/** Events that a subscriber takes at a time. */
const batch = 64

/** Bytes of contents that a subscriber takes at a time, or a single event of any size. */
const batchBytes = 1024 * 1024

/** How long a full subscriber is waited for. @category constants */
export const patience = Duration.seconds(5)

/** This subscriber was too slow, and some events were not kept for it. @category models */
export type Missed = Extract<MeshEvent, { readonly _tag: "Missed" }>

/** An event and what it weighs. */
interface Kept<A> {
  readonly event: A
  readonly bytes: number
}

/** An event for which there is no room yet. */
interface Waiting<A> {
  readonly kept: Kept<A>
  readonly accepted: Deferred.Deferred<boolean>
}

interface Subscriber<A> {
  readonly queue: Queue.Queue<Kept<A>>
  /** Of the events in the queue. */
  bytes: number
  /** In the order in which they came. */
  readonly waiting: Set<Waiting<A>>
  /** Events not kept since the subscriber fell behind; 0 while it keeps up. */
  missed: number
}

/** Puts an event in if there is room, and says whether. */
const put = <A>(subscriber: Subscriber<A>, kept: Kept<A>): boolean => {
  const events = Queue.sizeUnsafe(subscriber.queue)
  if (events > 0 && (events >= capacity || subscriber.bytes + kept.bytes > capacityBytes)) return false
  subscriber.bytes += kept.bytes
  return Queue.offerUnsafe(subscriber.queue, kept)
}

/** Lets in those who wait, in order, as far as there is room. */
const admit = <A>(subscriber: Subscriber<A>): void => {
  for (const waiting of subscriber.waiting) {
    if (!put(subscriber, waiting.kept)) return
    subscriber.waiting.delete(waiting)
    Deferred.doneUnsafe(waiting.accepted, Effect.succeed(true))
  }
}

/** Takes a few events, waiting for one. Few, so that whoever waits for room sees a slow but steady subscriber move. */
const take = <A>(subscriber: Subscriber<A>): Effect.Effect<Array<A>> =>
  Effect.map(Queue.take(subscriber.queue), (first) => {
    const events = [first.event]
    let { bytes } = first
    while (events.length < batch && bytes < batchBytes) {
      const next = Queue.takeUnsafe(subscriber.queue)
      if (next === undefined || Exit.isFailure(next)) break
      events.push(next.value.event)
      bytes += next.value.bytes
    }
    subscriber.bytes -= bytes
    admit(subscriber)
    return events
  })

/** @category models */
export interface Subscribers<A> {
  /** Gives an event to every subscriber, and says whether one has it; so it is too when there is none. */
  tell(event: A): Effect.Effect<boolean>
  /** The events from the moment the stream is run. */
  readonly events: Stream.Stream<A | Missed>
}

/** Nobody subscribed yet. @category constructors */
export const make = <A extends { readonly content?: Content } | MeshEvent = MeshEvent>(): Subscribers<A> => {
  const subscribers = new Set<Subscriber<A>>()

  const miss = (subscriber: Subscriber<A>): boolean => {
    subscriber.missed++
    return false
  }

  const wait = (subscriber: Subscriber<A>, kept: Kept<A>) =>
    Effect.suspend(() => {
      const waiting: Waiting<A> = { kept, accepted: Deferred.makeUnsafe() }
      subscriber.waiting.add(waiting)
      return Deferred.await(waiting.accepted).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => Effect.sync(() => !subscriber.waiting.delete(waiting) || miss(subscriber))
        }),
        Effect.onInterrupt(() => Effect.sync(() => subscriber.waiting.delete(waiting)))
      )
    })

  const tell = (event: A): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const kept: Kept<A> = {
        event,
        bytes: "content" in event && event.content !== undefined ? weigh(event.content) : 0
      }
      const full: Array<Subscriber<A>> = []
      let any = subscribers.size === 0
      for (const subscriber of subscribers) {
        // One that fell behind gets nothing more until it has emptied its queue and been told so.
        if (subscriber.missed > 0) miss(subscriber)
        // Whoever waits came first.
        else if (subscriber.waiting.size === 0 && put(subscriber, kept)) any = true
        else full.push(subscriber)
      }
      return full.length === 0
        ? Effect.succeed(any)
        : Effect.map(
          Effect.forEach(full, (subscriber) => wait(subscriber, kept), { concurrency: "unbounded" }),
          (waited) => any || waited.includes(true)
        )
    })

  const events = Stream.unwrap(Effect.gen(function*() {
    const queue = yield* Queue.unbounded<Kept<A>>()
    const subscriber: Subscriber<A> = { queue, bytes: 0, waiting: new Set(), missed: 0 }
    subscribers.add(subscriber)
    yield* Effect.addFinalizer(() => {
      subscribers.delete(subscriber)
      for (const { accepted } of subscriber.waiting) Deferred.doneUnsafe(accepted, Effect.succeed(false))
      subscriber.waiting.clear()
      return Queue.shutdown(queue)
    })
    const next = Effect.map(take(subscriber), (events): ReadonlyArray<A | Missed> => {
      const { missed } = subscriber
      if (missed === 0 || Queue.sizeUnsafe(queue) > 0) return events
      subscriber.missed = 0
      return [...events, { _tag: "Missed", count: missed }]
    })
    return Stream.fromIterableEffectRepeat(next)
  }))

  return { tell, events }
}
