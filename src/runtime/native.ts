/**
 * Everything a mesh needs from Node, with WebRTC in native code: hubs over `ws`, libdatachannel, and an identity, fresh
 * or of a profile.
 *
 * The public face of `homing/native`. The package `node-datachannel` has to be installed beside `homing`.
 */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Layer from "effect/Layer"
import type { EngineMissing, InvalidInput, StoreUnusable } from "../domain/Errors.ts"
import { Identity } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as WebRtcNative from "../services/WebRtcNative.ts"
import { layerSignaling, layerStore } from "./node.ts"
import * as Files from "./node/Files.ts"
import * as MeshClient from "./promise/MeshClient.ts"
import * as Remembering from "./Remembering.ts"

/** WebRTC by libdatachannel. Fails with `EngineMissing` without `node-datachannel`. @category layers */
export const layerWebRtc: Layer.Layer<WebRtc, EngineMissing> = WebRtcNative.layer

/** Everything at once, with a new identity each time it is built. @category layers */
export const layer: Layer.Layer<SignalingTransport | WebRtc | Identity, CryptoError.CryptoError | EngineMissing> = Layer
  .mergeAll(layerSignaling, layerWebRtc, Layer.fresh(Identity.layer))

/**
 * Everything at once, with the identity, home network and fallback setting of a profile. Fails as the one of
 * `homing/node`, and with `EngineMissing`.
 *
 * @category layers
 */
export const layerProfile = (
  profile: string
): Layer.Layer<
  SignalingTransport | WebRtc | Identity,
  InvalidInput | StoreUnusable | CryptoError.CryptoError | EngineMissing
> => Layer.mergeAll(layerSignaling, layerWebRtc, Layer.provide(Remembering.layer, layerStore(profile)))

/**
 * Makes a mesh for code with promises. Rejects as the one of `homing/promise`, and with `EngineMissing` without
 * `node-datachannel`.
 *
 * @category constructors
 */
export const createMesh = MeshClient.make({
  layer,
  layerSignaling,
  layerWebRtc,
  layerStore,
  files: { source: Files.source, target: Files.target }
})
