/**
 * What a peer is and wants across restarts, in one store: any `KeyValueStore` of Effect's, for one mesh at a time. The
 * stores of `homing/node` and `homing/browser` see to that themselves.
 */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Layer from "effect/Layer"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import type { StoreUnusable } from "../domain/Errors.ts"
import { Identity } from "../services/Identity.ts"
import * as Preferences from "../services/Preferences.ts"

/**
 * The identity and the `Preferences` that the store keeps; built anew each time, since a mesh beside this one has
 * another store. Fails with `StoreUnusable` when either is damaged, and changes nothing then.
 *
 * @category layers
 */
export const layer: Layer.Layer<Identity, StoreUnusable | CryptoError.CryptoError, KeyValueStore> = Layer.fresh(
  Layer.merge(Identity.layerFromStore, Preferences.layer)
)
