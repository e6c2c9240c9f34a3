/**
 * Who a peer is: an Ed25519 key pair, and the id that follows from its public key. Anybody who holds the public key
 * can check the id, so an id alone, without keys, is not an identity and cannot be made into one.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import * as Context from "effect/Context"
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import { InvalidInput, StoreUnusable } from "../domain/Errors.ts"
import { fromDigest, PeerId } from "../domain/PeerId.ts"
import * as PeerSignature from "../domain/Signature.ts"
import * as Stored from "./Stored.ts"

/** Bytes of an Ed25519 private key (RFC 8032, 5.1.5), as `exportKey` gives and `layerFromKey` takes them. @category constants */
export const keyLength = 32

/** The keys of an identity. @category models */
export type KeyPair = Signature.KeyPair<Signature.Ed25519>

/** That a peer signed something. @category models */
export interface Claim {
  readonly peerId: PeerId
  readonly purpose: PeerSignature.Purpose
  readonly bytes: Uint8Array
  readonly signature: PeerSignature.Signature
}

/** Whether a peer signed these bytes for that purpose, as `Identity.verify` tells. @category models */
export type Verify = (claim: Claim) => Effect.Effect<boolean>

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
  /** Signs bytes for a purpose, so that everybody who knows our id can tell that we did. */
  sign(purpose: PeerSignature.Purpose, bytes: Uint8Array): Effect.Effect<PeerSignature.Signature>
  /**
   * Whether a peer signed these bytes for that purpose: the public key is that of its id, and the signature that of the
   * key. Any peer, not this one alone. An id that follows from no key, such as a PeerPigeon peer's, never did.
   */
  readonly verify: Verify
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

  /**
   * The identity that a store keeps under the key `homing.identity`; a fresh one, which it keeps from then on, when it
   * has none. Whoever reads the store can be this peer, and two peers at a time cannot share an identity: use a store
   * that no other peer uses.
   *
   * Fails with `StoreUnusable` when what is kept is damaged, which is then left as it is, or when the store cannot be
   * used, and like `layer` where WebCrypto has no Ed25519.
   */
  static readonly layerFromStore: Layer.Layer<Identity, StoreUnusable | CryptoError.CryptoError, KeyValueStore> = Layer
    .suspend(() => Layer.effect(Identity, fromStore).pipe(Layer.provide(layerWebCrypto)))
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
  const signing = yield* Signature.Signature
  return Identity.of({
    peerId,
    publicKey,
    keyPair,
    exportKey,
    sign: (purpose, bytes) =>
      // A platform that gave us the key can sign with it.
      Effect.map(
        Effect.orDie(signing.sign(keyPair.privateKey, PeerSignature.toSign(purpose, bytes))),
        (signature) => PeerSignature.fromParts({ publicKey, signature })
      ),
    verify: verifyWith(signing)
  })
})

const verifyWith = (signing: Signature.Signature["Service"]): Verify =>
  Effect.fnUntraced(function*({ bytes, peerId, purpose, signature }) {
    const parts = PeerSignature.toParts(signature)
    if (fromDigest(sha256(parts.publicKey)) !== peerId) return false
    const key = yield* Signature.publicKey(Signature.ed25519, parts.publicKey)
    return yield* signing.verify(key, parts.signature, PeerSignature.toSign(purpose, bytes))
    // Not every 32 bytes are a point of the curve.
  }, Effect.orElseSucceed(() => false))

/** An identity in a store. Any 32 bytes are a key, and so the id tells whether they are still the same. */
const Kept = Schema.Struct({
  privateKey: Schema.String.check(
    Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "an Ed25519 private key of 64 hexadecimal digits" })
  ),
  peerId: PeerId
})

const fromStore = Effect.gen(function*() {
  const stored = yield* Stored.make("identity", Kept)
  const kept = yield* stored.read
  if (kept === undefined) {
    const identity = yield* Effect.flatMap(generate, make)
    yield* stored.write({ privateKey: Hex.encode(yield* identity.exportKey), peerId: identity.peerId })
    return identity
  }
  const identity = yield* Effect.fromResult(Hex.decode(kept.privateKey)).pipe(
    Effect.flatMap(fromKey),
    Effect.flatMap(make),
    Effect.catchTags({ EncodingError: Effect.die, InvalidInput: Effect.die })
  )
  if (identity.peerId !== kept.peerId) return yield* stored.damaged("its key is not that of its peer id")
  return identity
})

const layerWebCrypto = Layer.merge(
  Digest.layerWebCrypto,
  Layer.provide(Signature.layerWebCrypto, SecureRandom.layerWebCrypto)
)

/** Checks what others signed, for who has no identity of its own. @category constructors */
export const verifier: Effect.Effect<Verify> = Effect.provide(
  Effect.map(Signature.Signature, verifyWith),
  Layer.provide(Signature.layerWebCrypto, SecureRandom.layerWebCrypto)
)

const layerOf = <E>(
  keyPair: Effect.Effect<KeyPair, E, Signature.Signature>
): Layer.Layer<Identity, E | CryptoError.CryptoError> =>
  Layer.effect(Identity, Effect.flatMap(keyPair, make)).pipe(Layer.provide(layerWebCrypto))
