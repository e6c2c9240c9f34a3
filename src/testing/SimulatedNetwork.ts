/**
 * The weather of the simulated world: how long what is sent takes to arrive, drawn from Effect's seeded randomness and
 * spent on Effect's clock.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"

/** @category models */
export interface Weather {
  /** One way, least and most. Default: 20 to 120 ms. */
  readonly latency?: readonly [Duration.Input, Duration.Input]
}

/** One direction of a wire: what goes in comes out later, in order. @category models */
export interface Wire<A> {
  send(value: A): void
}

/** @category services */
export class SimulatedNetwork extends Context.Service<SimulatedNetwork, {
  /** A wire that delivers for as long as the scope lives. */
  wire<A>(deliver: (value: A) => Effect.Effect<void>): Effect.Effect<Wire<A>, never, Scope.Scope>
}>()("homing/testing/SimulatedNetwork") {
  static readonly layer = (weather: Weather = {}): Layer.Layer<SimulatedNetwork> =>
    Layer.effect(
      SimulatedNetwork,
      Effect.gen(function*() {
        const clock = yield* Clock.Clock
        const random = yield* Random.Random
        const [least, most] = weather.latency ?? [Duration.millis(20), Duration.millis(120)]
        const from = Duration.toMillis(Duration.fromInputUnsafe(least))
        const to = Duration.toMillis(Duration.fromInputUnsafe(most))

        const wire = Effect.fnUntraced(function*<A>(deliver: (value: A) => Effect.Effect<void>) {
          const latency = from + random.nextDoubleUnsafe() * (to - from)
          const under = yield* Queue.unbounded<{ readonly value: A; readonly at: number }>()
          yield* Effect.gen(function*() {
            const { at, value } = yield* Queue.take(under)
            const wait = at - (yield* Clock.currentTimeMillis)
            if (wait > 0) yield* Effect.sleep(wait)
            yield* deliver(value)
          }).pipe(Effect.forever, Effect.forkScoped)
          return {
            send: (value: A) => void Queue.offerUnsafe(under, { value, at: clock.currentTimeMillisUnsafe() + latency })
          }
        })

        return SimulatedNetwork.of({ wire })
      })
    )
}
