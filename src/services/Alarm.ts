/** One timer that follows a time which moves: it sleeps until then, rings, and waits until the ringing was answered. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** @category models */
export interface Alarm {
  /** Until when it sleeps, in milliseconds since 1970; `-Infinity` while it is awake. */
  ringsAt(): number
  /** Looks anew when to ring. */
  reset(): void
}

/**
 * Starts in the scope. `dueAt` is in milliseconds since 1970, or `Infinity`; `ring` completes what it is given, or hands it
 * on to whoever does, once `dueAt` has moved.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  dueAt: () => number,
  ring: (done: Deferred.Deferred<void>) => Effect.Effect<void>
) {
  let ringsAt = Number.NEGATIVE_INFINITY
  let shaken = Deferred.makeUnsafe<void>()

  const turn = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const at = dueAt()
    if (at <= now) {
      const done = Deferred.makeUnsafe<void>()
      yield* Effect.andThen(ring(done), Deferred.await(done))
      // Whoever rings on and on must not stop time.
      return dueAt() <= now ? yield* Effect.sleep(1) : undefined
    }
    shaken = Deferred.makeUnsafe<void>()
    ringsAt = at
    // No less than a millisecond: less than a nanosecond is no sleep at all.
    const sleep = Number.isFinite(at) ? Effect.sleep(Math.max(1, Math.ceil(at - now))) : Effect.never
    yield* Effect.raceFirst(sleep, Deferred.await(shaken))
    ringsAt = Number.NEGATIVE_INFINITY
  })
  yield* Effect.forkScoped(Effect.forever(turn))

  return {
    ringsAt: () => ringsAt,
    reset: () => Deferred.doneUnsafe(shaken, Effect.void)
  } satisfies Alarm as Alarm
})
