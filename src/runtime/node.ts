/**
 * Everything a mesh needs from Node: hubs over `ws`, WebRTC by werift, and a fresh identity.
 *
 * The public face of `homing/node`.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Layer from "effect/Layer"
import { Identity } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as WebRtcWerift from "../services/WebRtcWerift.ts"

/** Hubs over `ws`. @category layers */
export const layerSignaling: Layer.Layer<SignalingTransport> = SignalingWebSocket.layer.pipe(
  Layer.provide(NodeWS.layerWebSocketConstructor)
)

/** WebRTC by werift. @category layers */
export const layerWebRtc: Layer.Layer<WebRtc> = WebRtcWerift.layer

/** Everything at once, with a new identity each time it is built. @category layers */
export const layer: Layer.Layer<SignalingTransport | WebRtc | Identity, CryptoError.CryptoError> = Layer.mergeAll(
  layerSignaling,
  layerWebRtc,
  Layer.fresh(Identity.layer)
)
