/**
 * What peers offer, streams or files, for whoever takes such things. Everyone who listens hears of each, and whoever decides
 * first has decided. What nobody is there to hear of is refused at once.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** Offers that wait for one listener. @category constants */
export const capacity = 256

/** Something to take or to refuse. @category models */
export interface Offer {
  refuse(reason: string): Effect.Effect<void>
}

/** @category models */
export interface Offers<A extends Offer> {
  /** Tells all listeners, and says whether one has it. */
  tell(offer: A): Effect.Effect<boolean>
  /** Whether anybody listens. */
  isHeard(): boolean
  /** Every offer from the moment the stream is run. What it has not given when it ends is refused, unless others listen. */
  readonly all: Stream.Stream<A>
}

/** Nobody listens yet. @category constructors */
export const make = <A extends Offer>(): Offers<A> => {
  const listeners = new Set<Queue.Queue<A>>()
  return {
    tell: (offer) =>
      Effect.sync(() => {
        let heard = false
        for (const queue of listeners) if (Queue.offerUnsafe(queue, offer)) heard = true
        return heard
      }),
    isHeard: () => listeners.size > 0,
    all: Stream.unwrap(Effect.gen(function*() {
      const queue = yield* Queue.dropping<A>(capacity)
      listeners.add(queue)
      yield* Effect.addFinalizer(() =>
        Effect.gen(function*() {
          listeners.delete(queue)
          const left = yield* Queue.clear(queue)
          if (listeners.size === 0) {
            yield* Effect.forEach(left, (offer) => offer.refuse("nobody takes it there any more"), { discard: true })
          }
          yield* Queue.shutdown(queue)
        })
      )
      return Stream.fromQueue(queue)
    }))
  }
}
