/**
 * Looking after a home network whose hub cannot count: going there for a moment, now and then, to see who is there.
 *
 * Visits begin at whole multiples of their pause since 1970, so that two peers who are both away, and both look, are
 * there at the same time, whatever the length of their pauses.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HealthSchedule } from "../services/HealthSchedule.ts"
import type { HubSession } from "../services/SignalingTransport.ts"

/** The moment of the next visit: the next multiple of the pause. In milliseconds. */
const nextAt = (now: number, pause: number): number => (Math.floor(now / pause) + 1) * pause

/** Who is in the network, as far as the hub introduces us while we stay. */
const visit = Effect.fnUntraced(function*(hub: HubSession, networkName: NetworkName, stay: Duration.Duration) {
  const membership = yield* hub.join(networkName, { farewell: Effect.succeed("leave") })
  const seen = new Set<PeerId>()
  yield* Queue.take(membership.news).pipe(
    Effect.map((news) => {
      if (news._tag === "Signal" && news.signal.type === "peer-discovered") seen.add(news.signal.data.peerId)
    }),
    Effect.forever,
    Effect.timeoutOption(stay)
  )
  return seen.size
}, Effect.scoped)

/** Visits a network again and again, and tells each time how many are there; a visit that fails tells nothing. @category running */
export const repeat = Effect.fnUntraced(function*(options: {
  readonly hub: HubSession
  readonly networkName: NetworkName
  readonly probes: HealthSchedule["probes"]
  tell(others: number): Effect.Effect<void>
}) {
  const { hub, networkName, probes, tell } = options
  let pause = Duration.toMillis(probes.first)
  while (true) {
    const now = yield* Clock.currentTimeMillis
    // Spread a little, for the sake of the hub.
    const spread = yield* Random.nextBetween(0, Duration.toMillis(probes.stay) / 5)
    yield* Effect.sleep(nextAt(now, pause) - now + spread)
    yield* visit(hub, networkName, probes.stay).pipe(Effect.flatMap(tell), Effect.ignore)
    pause = Math.min(pause * 2, Duration.toMillis(probes.cap))
  }
})
