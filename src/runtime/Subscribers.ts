/**
 * Tells every subscriber everything, in order, each at its own pace.
 *
 * A subscriber has a bounded queue. When it is full the teller waits for it a moment, which slows those who send
 * to us; a subscriber that does not catch up in that time is not waited for again until it has, and is told how many
 * events it missed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { MeshEvent } from "../domain/MeshEvent.ts"

/** Events kept for one subscriber. @category constants */
export const capacity = 4096

/** Events that a subscriber takes at a time. */
const batch = 64

/** How long a full subscriber is waited for. @category constants */
export const patience = Duration.seconds(5)

/** This subscriber was too slow, and some events were not kept for it. @category models */
export type Missed = Extract<MeshEvent, { readonly _tag: "Missed" }>

interface Subscriber<A> {
  readonly queue: Queue.Queue<A>
  /** Events not kept since the subscriber fell behind; 0 while it keeps up. */
  missed: number
}

/** @category models */
export interface Subscribers<A> {
  /** Gives an event to every subscriber, and says whether one has it; so it is too when there is none. */
  tell(event: A): Effect.Effect<boolean>
  /** The events from the moment the stream is run. */
  readonly events: Stream.Stream<A | Missed>
}

/** Nobody subscribed yet. @category constructors */
export const make = <A = MeshEvent>(): Subscribers<A> => {
  const subscribers = new Set<Subscriber<A>>()

  const miss = (subscriber: Subscriber<A>): boolean => {
    subscriber.missed++
    return false
  }

  const wait = (subscriber: Subscriber<A>, event: A) =>
    Queue.offer(subscriber.queue, event).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.sync(() => miss(subscriber)) })
    )

  const tell = (event: A): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const full: Array<Subscriber<A>> = []
      let kept = subscribers.size === 0
      for (const subscriber of subscribers) {
        // One that fell behind gets nothing more until it has emptied its queue and been told so.
        if (subscriber.missed > 0) miss(subscriber)
        else if (Queue.offerUnsafe(subscriber.queue, event)) kept = true
        else full.push(subscriber)
      }
      return full.length === 0
        ? Effect.succeed(kept)
        : Effect.map(
          Effect.forEach(full, (subscriber) => wait(subscriber, event), { concurrency: "unbounded" }),
          (waited) => kept || waited.includes(true)
        )
    })

  const events = Stream.unwrap(Effect.gen(function*() {
    const queue = yield* Queue.bounded<A>(capacity)
    const subscriber: Subscriber<A> = { queue, missed: 0 }
    subscribers.add(subscriber)
    yield* Effect.addFinalizer(() => {
      subscribers.delete(subscriber)
      return Queue.shutdown(queue)
    })
    // In small batches, so that whoever waits for room sees a slow but steady subscriber move.
    const next = Effect.map(Queue.takeBetween(queue, 1, batch), (events): ReadonlyArray<A | Missed> => {
      const { missed } = subscriber
      if (missed === 0 || Queue.sizeUnsafe(queue) > 0) return events
      subscriber.missed = 0
      return [...events, { _tag: "Missed", count: missed }]
    })
    return Stream.fromIterableEffectRepeat(next)
  }))

  return { tell, events }
}
