import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SimulatedNetwork, SimulatedWebRtc } from "../../src/testing/index.ts"
import { both, carriesPackets, flushesAtClose, keepsItsServers } from "./webrtc/conformance.ts"

const simulated = SimulatedWebRtc.layer.pipe(
  Layer.provide(SimulatedNetwork.layer({ latency: [1, 2], jitter: 1, setup: [1, 2] }))
)
const memo = Layer.makeMemoMapUnsafe()

/** In the network of all the ends that are open. */
const layer = Layer.effectContext(
  Effect.flatMap(Effect.scope, (scope) => Layer.buildWithMemoMap(simulated, memo, scope))
)

describe("SimulatedWebRtc", () => {
  carriesPackets(both(layer))
  flushesAtClose(both(layer))
  keepsItsServers(both(layer))
})
