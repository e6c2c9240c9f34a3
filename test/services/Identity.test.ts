import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { fromDigest, PeerId } from "../../src/domain/PeerId.ts"
import * as Signed from "../../src/domain/Signature.ts"
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

describe("a signature", () => {
  const message = new TextEncoder().encode("coo")
  const at = (signature: Signed.Signature, index: number) => {
    const bytes = Result.getOrThrow(Base64.decode(signature))
    bytes[index] = (bytes[index] ?? 0) ^ 1
    return Signed.Signature.make(Base64.encode(bytes))
  }

  it.effect("is that of the peer whose id follows from its key, for what it signed and why", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* fresh, yield* fresh]
      const signature = yield* ada.sign("dht-record", message)
      const claim = { peerId: ada.peerId, purpose: "dht-record", bytes: message, signature } as const
      assert.isTrue(yield* bob.verify(claim))
      assert.deepStrictEqual(Signed.toParts(signature).publicKey, ada.publicKey)
      const [theirs, parts] = [Signed.toParts(yield* bob.sign("dht-record", message)), Signed.toParts(signature)]
      const false_ = [
        { ...claim, peerId: bob.peerId },
        { ...claim, purpose: "signal" as const },
        { ...claim, bytes: message.subarray(1) },
        { ...claim, bytes: new Uint8Array() },
        // The keys swapped, either way.
        { ...claim, signature: Signed.fromParts({ ...parts, publicKey: theirs.publicKey }) },
        { ...claim, peerId: bob.peerId, signature: Signed.fromParts({ ...parts, publicKey: theirs.publicKey }) },
        { ...claim, signature: Signed.fromParts({ ...parts, signature: theirs.signature }) },
        // An id that somebody chose.
        { ...claim, peerId: PeerId.make("0".repeat(40)) }
      ]
      for (const one of false_) assert.isFalse(yield* bob.verify(one))
    }))

  it.effect("does not survive a bit that is turned, wherever", () =>
    Effect.gen(function*() {
      const ada = yield* fresh
      const signature = yield* ada.sign("signal", message)
      for (let index = 0; index < 96; index++) {
        const claim = {
          peerId: ada.peerId,
          purpose: "signal",
          bytes: message,
          signature: at(signature, index)
        } as const
        assert.isFalse(yield* ada.verify(claim))
      }
    }))

  it.effect("is none when its key is no point of the curve, though the id follows from it", () =>
    Effect.gen(function*() {
      const { verify } = yield* fresh
      const digest = yield* Digest.Digest
      for (const fill of [0, 2, 255]) {
        const publicKey = new Uint8Array(32).fill(fill)
        const peerId = fromDigest(yield* digest.digest(Digest.sha256, publicKey))
        const signature = Signed.fromParts({ publicKey, signature: new Uint8Array(64).fill(1) })
        assert.isFalse(yield* verify({ peerId, purpose: "signal", bytes: message, signature }))
      }
    }).pipe(Effect.provide(Crypto)))

  it.prop("comes apart into what it was made of", [
    Schema.Uint8Array.check(Schema.isBetweenLength(32, 32)),
    Schema.Uint8Array.check(Schema.isBetweenLength(64, 64))
  ], ([publicKey, signature]) => {
    const parts = Signed.toParts(Signed.fromParts({ publicKey, signature }))
    assert.deepStrictEqual([Array.from(parts.publicKey), Array.from(parts.signature)], [
      Array.from(publicKey),
      Array.from(signature)
    ])
  }, { arbitrary: { seed: 1, runs: 50 } })
})

describe("an identity in a store", () => {
  const key = "homing.identity"
  const storeOf = Effect.gen(function*() {
    const context = yield* Layer.build(Layer.fresh(KeyValueStore.layerMemory))
    return Context.get(context, KeyValueStore.KeyValueStore)
  })
  const ofStore = (store: KeyValueStore.KeyValueStore) =>
    Identity.pipe(
      Effect.provide(Layer.fresh(Identity.layerFromStore)),
      Effect.provideService(KeyValueStore.KeyValueStore, store)
    )

  it.effect("is made once, and is the same from then on", () =>
    Effect.gen(function*() {
      const store = yield* storeOf
      const first = yield* ofStore(store)
      const again = yield* ofStore(store)
      assert.strictEqual(again.peerId, first.peerId)
      assert.deepStrictEqual(yield* again.exportKey, yield* first.exportKey)
      assert.notStrictEqual((yield* ofStore(yield* storeOf)).peerId, first.peerId)
    }))

  it.effect("is refused when it is damaged, left as it is, and never told to anyone", () =>
    Effect.gen(function*() {
      const store = yield* storeOf
      const secret = Hex.encode(yield* (yield* ofStore(store)).exportKey)
      const text = yield* Effect.fromNullishOr(yield* store.get(key))
      const other = secret.startsWith("0") ? "1" : "0"
      const damages: ReadonlyArray<readonly [text: string, problem: string]> = [
        [text.slice(0, -9), "it is not JSON"],
        [text.slice(text.indexOf(secret)), "it is not JSON"],
        [text.replace(secret, `${secret}00`), "64 hexadecimal digits"],
        [text.replace("\"version\": 1", "\"version\": 3"), "version 3"],
        [text.replace("peerId", "peer"), "[\"peerId\"]"],
        // A key with a wrong digit is a key too.
        [text.replace(secret, `${other}${secret.slice(1)}`), "its key is not that of its peer id"]
      ]
      for (const [damaged, problem] of damages) {
        assert.notStrictEqual(damaged, text)
        yield* store.set(key, damaged)
        const error = yield* Effect.flip(ofStore(store))
        assert(error._tag === "StoreUnusable")
        assert.strictEqual(error.what, "identity")
        assert.include(error.message, problem)
        assert.include(error.message, "Put a copy of it back, or remove it to be a new peer from now on")
        assert.notInclude(inspect(error, { depth: 9 }), secret.slice(1, 12))
        assert.strictEqual(yield* store.get(key), damaged)
      }
      yield* store.set(key, text)
      assert.strictEqual(Hex.encode(yield* (yield* ofStore(store)).exportKey), secret)
    }))

  it.effect("is no identity when it cannot be kept", () =>
    Effect.gen(function*() {
      const store = yield* storeOf
      const refuse = (method: string) =>
        Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message: "not allowed" }))
      const unwritable = yield* Effect.flip(ofStore({ ...store, set: () => refuse("set") }))
      assert.include(unwritable.message, "it cannot be written (not allowed)")
      const unreadable = yield* Effect.flip(ofStore({ ...store, get: () => refuse("get") }))
      assert.include(unreadable.message, "it cannot be read (not allowed)")
      assert.strictEqual(yield* store.get(key), undefined)
    }))
})
