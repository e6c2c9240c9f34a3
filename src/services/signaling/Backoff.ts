/** How long to wait before the hubs are tried again. Random, so that peers which lost a hub together come back apart. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** Anything from nothing to `bound`, all equally likely. @category delays */
export const upTo = (bound: Duration.Duration): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (share) => Duration.times(bound, share))

/**
 * Exponential backoff with full jitter (Brooker 2015): anything up to `initial` doubled `failures` times, and never
 * more than `limit`.
 *
 * @category delays
 */
export const backoff = (
  failures: number,
  options: { readonly initial: Duration.Duration; readonly limit: Duration.Duration }
): Effect.Effect<Duration.Duration> => upTo(Duration.min(options.limit, Duration.times(options.initial, 2 ** failures)))
