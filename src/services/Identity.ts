/**
 * Who a peer is: an Ed25519 key pair, and the id that follows from its public key. Anybody who holds the public key
 * can check the id, so an id alone, without keys, is not an identity and cannot be made into one.
 */
import * as Context from "effect/Context"
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { InvalidInput } from "../domain/Errors.ts"
import { fromDigest, type PeerId } from "../domain/PeerId.ts"

/** Bytes of an Ed25519 private key (RFC 8032, 5.1.5), as `exportKey` gives and `layerFromKey` takes them. @category constants */
export const keyLength = 32

/** The keys of an identity. @category models */
export type KeyPair = Signature.KeyPair<Signature.Ed25519>

/** @category services */
export class Identity extends Context.Service<Identity, {
  /** The first 20 bytes of the SHA-256 of the public key. */
  readonly peerId: PeerId
  /** The raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Not printed by loggers and not serialised by accident. */
  readonly keyPair: KeyPair
  /** A copy of the private key's 32 bytes, to be kept in a safe place. */
  readonly exportKey: Effect.Effect<Uint8Array>
}>()("homing/Identity") {
  /**
   * A fresh identity, from the platform's secure random numbers. Fails where WebCrypto has no Ed25519 (it is in
   * Node 22, Chrome 137, Firefox 129, Safari 17 and later).
   */
  static readonly layer: Layer.Layer<Identity, CryptoError.CryptoError> = Layer.suspend(() => layerOf(generate))

  /**
   * The identity of a private key that `exportKey` gave. Fails with `InvalidInput` when it has not 32 bytes, and
   * like `layer` where WebCrypto has no Ed25519.
   */
  static readonly layerFromKey = (
    bytes: Uint8Array
  ): Layer.Layer<Identity, InvalidInput | CryptoError.CryptoError> => layerOf(fromKey(bytes))
}

const generate = Effect.flatMap(Signature.Signature, (signature) => signature.generateKeyPair(Signature.ed25519))

const fromKey = Effect.fnUntraced(function*(bytes: Uint8Array) {
  if (bytes.length !== keyLength) {
    return yield* new InvalidInput({ field: "key", problem: `it has ${bytes.length} bytes and needs ${keyLength}` })
  }
  const signature = yield* Signature.Signature
  const privateKey = yield* Signature.privateKey(Signature.ed25519, bytes)
  return { privateKey, publicKey: yield* signature.publicKeyOf(privateKey) }
})

const make = Effect.fnUntraced(function*(keyPair: KeyPair) {
  const digest = yield* Digest.Digest
  const publicKey = yield* Signature.toBytes(keyPair.publicKey)
  const peerId = fromDigest(yield* digest.digest(Digest.sha256, publicKey))
  // Both ways to a key pair hold its bytes, so there is nothing that could not be exported.
  const exportKey = Effect.orDie(Signature.toBytes(keyPair.privateKey))
  return Identity.of({ peerId, publicKey, keyPair, exportKey })
})

const layerWebCrypto = Layer.merge(
  Digest.layerWebCrypto,
  Layer.provide(Signature.layerWebCrypto, SecureRandom.layerWebCrypto)
)

const layerOf = <E>(
  keyPair: Effect.Effect<KeyPair, E, Signature.Signature>
): Layer.Layer<Identity, E | CryptoError.CryptoError> =>
  Layer.effect(Identity, Effect.flatMap(keyPair, make)).pipe(Layer.provide(layerWebCrypto))
