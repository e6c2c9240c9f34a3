import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity } from "../../src/services/Identity.ts"
import { SimulatedNetwork, SimulatedSignaling, SimulatedWebRtc } from "../../src/testing/index.ts"

const parts = Layer.merge(SimulatedSignaling.layer, SimulatedWebRtc.layer).pipe(
  Layer.provide(SimulatedNetwork.layer({ latency: ["1 milli", "2 millis"], setup: ["1 milli", "2 millis"] }))
)

describe("the parts of a world", () => {
  it.live("work on a real clock", () =>
    Effect.gen(function*() {
      const open = Mesh.layer({ hubs: "ws://anywhere.test" }).pipe(
        Layer.provide(Layer.fresh(Identity.layer)),
        Layer.fresh,
        Layer.build,
        Effect.map((context) => Context.get(context, Mesh))
      )
      const [ada, bob] = [yield* open, yield* open]
      yield* ada.join
      yield* bob.join
      yield* ada.send(bob.peerId, "hello").pipe(
        Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 50 })))
      )
      assert.strictEqual((yield* bob.peers).length, 1)
    }).pipe(Effect.scoped, Effect.provide(parts)))
})
