/** Meshes in the simulated world, for tests. */
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PeerId } from "../../src/domain/PeerId.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity } from "../../src/services/Identity.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import * as SimulatedSignaling from "../../src/testing/SimulatedSignaling.ts"
import * as SimulatedWebRtc from "../../src/testing/SimulatedWebRtc.ts"

export const world = Layer.mergeAll(SimulatedSignaling.layer, SimulatedWebRtc.layer).pipe(
  Layer.provide(SimulatedNetwork.layer())
)

/** A peer id that is easy to tell: `n`, spread over the ring. */
export const peer = (n: number): PeerId =>
  PeerId.make(
    ((BigInt(n) * 0x9e3779b97f4a7c15f39cc0605cedc8341082276bn) & ((1n << 160n) - 1n)).toString(16).padStart(40, "0")
  )

/** A mesh that has not joined yet. */
export const mesh = Effect.fnUntraced(function*(n: number, options: { network?: string; maxPeers?: number } = {}) {
  const layer = Mesh.layer({ hubs: "sim://hub".replace("sim", "ws"), network: "gaming", ...options }).pipe(
    Layer.provide(Layer.succeed(Identity, { peerId: peer(n) }))
  )
  return yield* Layer.build(Layer.fresh(layer)).pipe(
    Effect.map((context) => Mesh.pipe(Effect.provide(context))),
    Effect.flatten
  )
})

/** Lets virtual time pass in steps, so that what waits on what happens in order. */
export const elapse = (seconds: number) =>
  TestClock.adjust("100 millis").pipe(Effect.repeat({ times: seconds * 10 - 1 }))

export const isPeerId = Schema.is(PeerId)
