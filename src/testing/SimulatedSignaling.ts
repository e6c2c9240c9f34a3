/** A hub in memory, at whatever address one dials, for tests that need no more of a world. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { PeerId } from "../domain/PeerId.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import * as SimulatedHub from "./SimulatedHub.ts"
import { SimulatedNetwork } from "./SimulatedNetwork.ts"
import * as SimulatedSocket from "./SimulatedSocket.ts"

/** Sessions as with real hubs, on the simulated network. @category layers */
export const layer: Layer.Layer<SignalingTransport, never, SimulatedNetwork> = SignalingWebSocket.layer.pipe(
  Layer.provide(Layer.effect(
    Socket.WebSocketConstructor,
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork
      const hub = yield* SimulatedHub.make(network, "ws://hub.test")
      return (url: string) => {
        const peerId = PeerId.make(new URL(url).searchParams.get("peerId") ?? "")
        return SimulatedSocket.dial(network, { name: peerId, alive: true }, peerId, hub)
      }
    })
  ))
)
