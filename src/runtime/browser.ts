/**
 * Everything a mesh needs from a browser: its WebSocket, its RTCPeerConnection, and an identity, fresh or of a profile.
 *
 * The public face of `homing/browser`. Keys need WebCrypto, which browsers offer to pages from `https:` and from
 * `localhost` only.
 */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Layer from "effect/Layer"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Socket from "effect/socket/Socket"
import type { InvalidInput, StoreUnusable } from "../domain/Errors.ts"
import type { FileSource, FileTarget } from "../services/files/Ports.ts"
import { Identity } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as WebRtcBrowser from "../services/WebRtcBrowser.ts"
import * as Profile from "./browser/Profile.ts"
import * as Remembering from "./Remembering.ts"
import * as Files from "./WebFiles.ts"

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

/**
 * A store in `localStorage`, for one mesh at a time: a second tab fails with `StoreUnusable`. Every script of the page's
 * origin can read it, and with it the private key of an identity that is kept there. Fails with `InvalidInput` when the
 * name cannot be used: it has 1 to 64 lower case letters, digits, dots, hyphens and underscores.
 *
 * @category layers
 */
export const layerStore: (profile: string) => Layer.Layer<KeyValueStore, InvalidInput | StoreUnusable> = Profile.layer

/**
 * Everything at once, with the identity, home network and fallback setting of a profile: a reload changes none of them.
 * The private key is in `localStorage`, as `layerStore` says. Fails as that does, and with `StoreUnusable` when what the
 * profile keeps is damaged.
 *
 * @category layers
 */
export const layerProfile = (
  profile: string
): Layer.Layer<SignalingTransport | WebRtc | Identity, InvalidInput | StoreUnusable | CryptoError.CryptoError> =>
  Layer.mergeAll(layerSignaling, layerWebRtc, Layer.provide(Remembering.layer, layerStore(profile)))

/** A `File`, as an input gives it, or any `Blob`, which is read as it is sent. @category files */
export const fileSource: (blob: Blob, name?: string) => FileSource = Files.source

/** Collects a file into a blob, which the browser keeps in memory or on disk as it sees fit. @category files */
export const blobTarget: (type?: string) => FileTarget<Blob> = Files.blobTarget

/**
 * Writes a file to a stream, such as that of a file that the person chose (`showSaveFilePicker`) or of the page's own
 * (`navigator.storage.getDirectory`), whose `createWritable` makes one. It is closed in the end, or aborted.
 *
 * @category files
 */
export const writableTarget: (writable: WritableStream<Uint8Array>, name?: string) => FileTarget<void> =
  Files.writableTarget
