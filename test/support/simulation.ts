/** Meshes in the simulated world, for tests. */
import { Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { PeerId } from "../../src/domain/PeerId.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity, keyLength } from "../../src/services/Identity.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import * as SimulatedSignaling from "../../src/testing/SimulatedSignaling.ts"
import * as SimulatedWebRtc from "../../src/testing/SimulatedWebRtc.ts"

/** A hub and WebRTC in memory, 20 to 120 ms apart. */
export const world = Layer.mergeAll(SimulatedSignaling.layer, SimulatedWebRtc.layer).pipe(
  Layer.provide(SimulatedNetwork.layer())
)

const goldenRatio = 0x9e3779b97f4a7c15f39cc0605cedc8341082276bn

/** A peer id that `n` determines, spread evenly over the ring. */
export const peer = (n: number): PeerId =>
  PeerId.make(BigInt.asUintN(160, BigInt(n) * goldenRatio).toString(16).padStart(40, "0"))

/** The identity that `n` determines. */
export const identity = (n: number) => {
  const key = new Uint8Array(keyLength)
  new DataView(key.buffer).setUint32(0, n)
  return Identity.layerFromKey(key)
}

/** A mesh that has not joined yet. */
export const mesh = (n: number, options: { readonly network?: string; readonly maxPeers?: number } = {}) =>
  Mesh.layer({ hubs: "ws://hub.test", network: "gaming", ...options }).pipe(
    Layer.provide(identity(n)),
    Layer.fresh,
    Layer.build,
    Effect.flatMap((context) => Effect.provide(Mesh, context))
  )

/** Runs a test and lets virtual time go on until everything it opened is closed: saying goodbye takes time. */
export const simulate = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const exit = yield* body.pipe(Scope.provide(scope), Effect.exit)
    const closing = yield* Scope.close(scope, exit).pipe(Effect.forkChild({ startImmediately: true }))
    while (closing.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
    return yield* exit
  })

/** Lets virtual time pass in small steps, so that what waits on what happens in order. */
export const elapse = (seconds: number) =>
  TestClock.adjust("100 millis").pipe(Effect.repeat({ times: seconds * 10 - 1 }))
