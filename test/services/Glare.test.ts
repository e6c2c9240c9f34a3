import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { defaults, LinkSettings } from "../../src/services/link/LinkSettings.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import * as SimulatedWebRtc from "../../src/testing/SimulatedWebRtc.ts"
import { dialBoth, isLinked, newsOf, pair } from "../support/pair.ts"
import { elapse, peer, simulate, world } from "../support/simulation.ts"

describe("simultaneous offers", () => {
  it.effect("500 pairs that dial each other at the same instant all end with exactly one link", () =>
    Effect.gen(function*() {
      const pairs = yield* Effect.forEach(
        Array.from({ length: 500 }, (_, n) => n),
        (n) => pair(peer(2 * n + 1), peer(2 * n + 2))
      )
      yield* Effect.forEach(pairs, dialBoth)
      yield* elapse(5)
      for (const [a, b] of pairs) {
        assert.isAtLeast(a.offers(), 1)
        assert.isAtLeast(b.offers(), 1)
        for (const end of [a, b]) {
          assert.isTrue(isLinked(end))
          assert.deepStrictEqual((yield* newsOf(end)).map((news) => news._tag), ["Opened"])
        }
      }
      // And they stand: no probe, no late signal of a dropped attempt ends them.
      const offers = pairs.map((ends) => ends.map((end) => end.offers()))
      yield* elapse(15)
      for (const end of pairs.flat()) {
        assert.isTrue(isLinked(end))
        assert.deepStrictEqual(yield* newsOf(end), [])
      }
      assert.deepStrictEqual(pairs.map((ends) => ends.map((end) => end.offers())), offers)
    }).pipe(
      simulate,
      // Nobody waits for the other's offer: all offers cross.
      Effect.provideService(LinkSettings, { ...defaults, offerWait: Duration.zero }),
      Effect.provide(SimulatedWebRtc.layer),
      Effect.provide(SimulatedNetwork.layer()),
      Effect.provide(world)
    ))
})
