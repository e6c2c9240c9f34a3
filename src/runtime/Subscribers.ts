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

/** How long a full subscriber is waited for. @category constants */
export const patience = Duration.seconds(5)

interface Subscriber {
  readonly queue: Queue.Queue<MeshEvent>
  /** Events not kept since the subscriber fell behind; 0 while it keeps up. */
  missed: number
}

/** @category models */
export interface Subscribers {
  /** Gives an event to every subscriber. */
  tell(event: MeshEvent): Effect.Effect<void>
  /** The events from the moment the stream is run. */
  readonly events: Stream.Stream<MeshEvent>
}

/** Nobody subscribed yet. @category constructors */
export const make = (): Subscribers => {
  const subscribers = new Set<Subscriber>()

  const wait = (subscriber: Subscriber, event: MeshEvent) =>
    Queue.offer(subscriber.queue, event).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.sync(() => void subscriber.missed++) })
    )

  const tell = (event: MeshEvent): Effect.Effect<void> =>
    Effect.suspend(() => {
      const full: Array<Subscriber> = []
      for (const subscriber of subscribers) {
        // One that fell behind gets nothing more until it has emptied its queue and been told so.
        if (subscriber.missed > 0) subscriber.missed++
        else if (!Queue.offerUnsafe(subscriber.queue, event)) full.push(subscriber)
      }
      return full.length === 0
        ? Effect.void
        : Effect.forEach(full, (subscriber) => wait(subscriber, event), { concurrency: "unbounded", discard: true })
    })

  const events = Stream.unwrap(Effect.gen(function*() {
    const queue = yield* Queue.bounded<MeshEvent>(capacity)
    const subscriber: Subscriber = { queue, missed: 0 }
    subscribers.add(subscriber)
    yield* Effect.addFinalizer(() => {
      subscribers.delete(subscriber)
      return Queue.shutdown(queue)
    })
    const next = Effect.map(Queue.takeAll(queue), (events): ReadonlyArray<MeshEvent> => {
      const { missed } = subscriber
      subscriber.missed = 0
      return missed === 0 ? events : [...events, { _tag: "Missed", count: missed }]
    })
    return Stream.fromIterableEffectRepeat(next)
  }))

  return { tell, events }
}
