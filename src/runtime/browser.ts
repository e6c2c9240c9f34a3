/**
 * Everything a mesh needs from a browser: its WebSocket, its RTCPeerConnection, and a fresh identity.
 *
 * The public face of `homing/browser`. Keys need WebCrypto, which browsers offer to pages from `https:` and from
 * `localhost` only.
 */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { Identity } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as WebRtcBrowser from "../services/WebRtcBrowser.ts"

/** Hubs over the browser's WebSocket. @category layers */
export const layerSignaling: Layer.Layer<SignalingTransport> = SignalingWebSocket.layer.pipe(
  Layer.provide(Socket.layerWebSocketConstructorGlobal)
)

/** The browser's own WebRTC. @category layers */
export const layerWebRtc: Layer.Layer<WebRtc> = WebRtcBrowser.layer

/** Everything at once, with a new identity each time it is built. @category layers */
export const layer: Layer.Layer<SignalingTransport | WebRtc | Identity, CryptoError.CryptoError> = Layer.mergeAll(
  layerSignaling,
  layerWebRtc,
  Layer.fresh(Identity.layer)
)
