/**
 * The way to real hubs: a `SignalingTransport` over WebSockets, for PeerPigeon's hubs and ours.
 *
 * Which WebSocket is the edge's choice: `NodeWS.layerWebSocketConstructor` in Node,
 * `Socket.layerWebSocketConstructorGlobal` in browsers.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import * as HubSession from "./signaling/HubSession.ts"
import { SignalingTransport } from "./SignalingTransport.ts"

/**
 * Sessions that come back with exponential backoff and full jitter, along the list of hubs, and that ping a
 * silent hub. An address that is no WebSocket URL counts as a hub that cannot be reached, and the error says what is
 * wrong with it. `HubTimings` holds the periods.
 *
 * @category layers
 */
export const layer: Layer.Layer<SignalingTransport, never, Socket.WebSocketConstructor> = Layer.effect(
  SignalingTransport,
  Effect.gen(function*() {
    const construct = yield* Socket.WebSocketConstructor
    return SignalingTransport.of({
      open: (options) => Effect.provideService(HubSession.make(options), Socket.WebSocketConstructor, construct)
    })
  })
)
