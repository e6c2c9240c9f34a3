/**
 * Everything a mesh needs from Node: hubs over `ws`, WebRTC by werift, and an identity, fresh or of a profile.
 *
 * The public face of `homing/node`.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import type * as CryptoError from "effect/crypto/CryptoError"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import type * as Scope from "effect/Scope"
import type { FileUnusable, InvalidInput, StoreUnusable } from "../domain/Errors.ts"
import type { FileSource, FileTarget } from "../services/files/Ports.ts"
import { Identity } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as WebRtcWerift from "../services/WebRtcWerift.ts"
import * as Files from "./node/Files.ts"
import * as Profile from "./node/Profile.ts"
import * as Remembering from "./Remembering.ts"

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

/**
 * A store in a directory of the person's configuration (`~/.config/homing/profile-NAME` and the like), readable by them
 * alone, and for one mesh at a time: a second one fails with `StoreUnusable`. Fails with `InvalidInput` when the name
 * cannot be used: it has 1 to 64 lower case letters, digits, dots, hyphens and underscores.
 *
 * @category layers
 */
export const layerStore: (profile: string) => Layer.Layer<KeyValueStore, InvalidInput | StoreUnusable> = Profile.layer

/**
 * Everything at once, with the identity, home network and fallback setting of a profile: a restart changes none of them.
 * Fails as `layerStore` does, and with `StoreUnusable` when what the profile keeps is damaged.
 *
 * @category layers
 */
export const layerProfile = (
  profile: string
): Layer.Layer<SignalingTransport | WebRtc | Identity, InvalidInput | StoreUnusable | CryptoError.CryptoError> =>
  Layer.mergeAll(layerSignaling, layerWebRtc, Layer.provide(Remembering.layer, layerStore(profile)))

/** A file to send, which is read as it is sent. Fails with `FileUnusable` when there is none. @category files */
export const fileSource: (path: string) => Effect.Effect<FileSource, FileUnusable> = Files.source

/**
 * A place for a file in a directory, under this name (made safe first) or the next one that is free; it completes with its
 * path. Until then it is a hidden file of another name, which is removed when the file does not come.
 *
 * @category files
 */
export const fileTarget: (
  directory: string,
  name: string
) => Effect.Effect<FileTarget<string>, FileUnusable, Scope.Scope> = Files.target
