/** Offers that cross, over real WebRTC. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { defaults, LinkSettings } from "../../src/services/link/LinkSettings.ts"
import * as WebRtcWerift from "../../src/services/WebRtcWerift.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import { dialBoth, isLinked, newsOf, pair } from "../support/pair.ts"
import { peer } from "../support/simulation.ts"

describe("simultaneous offers over werift", () => {
  it.live(
    "30 pairs that dial each other at the same instant all end with exactly one link",
    () =>
      Effect.gen(function*() {
        const pairs = yield* Effect.forEach(
          Array.from({ length: 30 }, (_, n) => n),
          (n) => pair(peer(2 * n + 1), peer(2 * n + 2))
        )
        yield* Effect.forEach(pairs, dialBoth)
        yield* Effect.sync(() => pairs.flat().every(isLinked)).pipe(
          Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (all) => all })
        )
        for (const end of pairs.flat()) {
          assert.isAtLeast(end.offers(), 1)
          // A busy machine may need a second attempt; what counts is that one link stands at the end.
          const news = (yield* newsOf(end)).map(({ _tag }) => _tag)
          assert.strictEqual(
            news.filter((tag) => tag === "Opened").length - news.filter((tag) => tag === "Closed").length,
            1
          )
        }
      }).pipe(
        Effect.provideService(LinkSettings, { ...defaults, offerWait: Duration.zero }),
        Effect.provide(WebRtcWerift.layer),
        Effect.provide(SimulatedNetwork.layer({ latency: ["5 millis", "20 millis"] }))
      ),
    60_000
  )
})
