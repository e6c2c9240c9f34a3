import { assert, describe, it } from "@effect/vitest"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import { inspect } from "node:util"
import { fromDigest } from "../../src/domain/PeerId.ts"
import { Identity } from "../../src/services/Identity.ts"

const fresh = Identity.pipe(Effect.provide(Layer.fresh(Identity.layer)))
const ofKey = (bytes: Uint8Array) => Identity.pipe(Effect.provide(Layer.fresh(Identity.layerFromKey(bytes))))

const Crypto = Layer.merge(
  Digest.layerWebCrypto,
  Layer.provide(Signature.layerWebCrypto, SecureRandom.layerWebCrypto)
)

describe("Identity", () => {
  it.effect("derives the id from the SHA-256 of the raw public key", () =>
    Effect.gen(function*() {
      const identity = yield* fresh
      const digest = yield* Digest.Digest
      assert.strictEqual(identity.publicKey.length, 32)
      assert.strictEqual(identity.peerId, fromDigest(yield* digest.digest(Digest.sha256, identity.publicKey)))
      assert.match(identity.peerId, /^[0-9a-f]{40}$/)
    }).pipe(Effect.provide(Crypto)))

  it.effect("agrees with RFC 8032's first test vector", () =>
    Effect.gen(function*() {
      const seed = yield* Effect.fromResult(
        Hex.decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
      )
      const identity = yield* ofKey(seed)
      assert.strictEqual(
        Hex.encode(identity.publicKey),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
      )
      assert.strictEqual(identity.peerId, "21fe31dfa154a261626bf854046fd2271b7bed4b") // sha256sum, 40 digits
    }))

  it.effect("is another one each time", () =>
    Effect.gen(function*() {
      assert.notStrictEqual((yield* fresh).peerId, (yield* fresh).peerId)
    }))

  it.effect("comes back from its exported key, and signs as before", () =>
    Effect.gen(function*() {
      const signature = yield* Signature.Signature
      const before = yield* fresh
      const after = yield* ofKey(yield* before.exportKey)
      assert.strictEqual(after.peerId, before.peerId)
      assert.deepStrictEqual(after.publicKey, before.publicKey)
      const message = new TextEncoder().encode("coo")
      const signed = yield* signature.sign(after.keyPair.privateKey, message)
      assert.isTrue(yield* signature.verify(before.keyPair.publicKey, signed, message))
    }).pipe(Effect.provide(Crypto)))

  it.effect("says what is wrong with a key of another length", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ofKey(new Uint8Array(64)))
      assert.strictEqual(error.message, "key cannot be used: it has 64 bytes and needs 32")
    }))

  it.effect("does not print its private key", () =>
    Effect.gen(function*() {
      const identity = yield* fresh
      const secret = Hex.encode(yield* identity.exportKey)
      for (const printed of [inspect(identity, { depth: 9 }), JSON.stringify(identity)]) {
        assert.notInclude(printed, secret)
        assert.notInclude(printed, Array.from(yield* identity.exportKey).join(","))
      }
    }))
})
