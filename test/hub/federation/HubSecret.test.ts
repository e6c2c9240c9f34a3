import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHmac } from "node:crypto"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as HubSecret from "../../../src/hub/federation/HubSecret.ts"
import { ada, bob, cyd } from "../TestPeer.ts"

const secret = Redacted.make("what all of our hubs know and nobody else")
const nonce = (digit: string) => HubSecret.Nonce.make(digit.repeat(64))
const handshake: HubSecret.Handshake = {
  namespace: NetworkName.make("pigeonhub-mesh"),
  dialler: { peerId: ada, nonce: nonce("1") },
  listener: { peerId: bob, nonce: nonce("2") }
}

describe("a proof", () => {
  it("is good for its secret, role and handshake", () => {
    for (const role of ["dialler", "listener"] as const) {
      assert.isTrue(HubSecret.isProof(secret, role, handshake, HubSecret.prove(secret, role, handshake)))
    }
  })

  it("is the HMAC of RFC 2104 over the whole handshake", () => {
    const text = JSON.stringify([
      "homing hub handshake 1",
      "dialler",
      "pigeonhub-mesh",
      ada,
      nonce("1"),
      bob,
      nonce("2")
    ])
    const expected = createHmac("sha256", Redacted.value(secret)).update(text).digest("hex")
    assert.strictEqual<string>(HubSecret.prove(secret, "dialler", handshake), expected)
  })

  const proof = HubSecret.prove(secret, "dialler", handshake)
  const { dialler, listener } = handshake
  it.each<[string, HubSecret.Handshake]>([
    ["other nonce of the listener", { ...handshake, listener: { ...listener, nonce: nonce("3") } }],
    ["other nonce of the dialler", { ...handshake, dialler: { ...dialler, nonce: nonce("3") } }],
    ["other listener", { ...handshake, listener: { ...listener, peerId: cyd } }],
    ["other dialler", { ...handshake, dialler: { ...dialler, peerId: cyd } }],
    ["other namespace", { ...handshake, namespace: NetworkName.make("staging") }],
    ["turn of the roles", { ...handshake, dialler: listener, listener: dialler }]
  ])("is no good for any %s", (_, other) => {
    assert.isFalse(HubSecret.isProof(secret, "dialler", other, proof))
  })

  it("is no good when it is sent back, nor without the secret", () => {
    assert.isFalse(HubSecret.isProof(secret, "listener", handshake, proof))
    assert.isFalse(HubSecret.isProof(Redacted.make("something else"), "dialler", handshake, proof))
  })
})

describe("a nonce", () => {
  it.effect("is another one each time", () =>
    Effect.gen(function*() {
      const nonces = yield* Effect.forEach(Array.from({ length: 20 }), () => HubSecret.nonce)
      assert.strictEqual(new Set(nonces).size, 20)
    }).pipe(Effect.provide(SecureRandom.layerWebCrypto)))
})
