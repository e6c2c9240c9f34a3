import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SignJWT, UnsecuredJWT } from "jose"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as PeerToken from "../../../src/hub/door/PeerToken.ts"
import { ada, bob } from "../TestPeer.ts"

const secret = "a secret that is long enough for it"
const now = Date.UTC(2026, 0, 1)
const keyOf = (text: string) => new TextEncoder().encode(text)
const { verify } = PeerToken.make(Redacted.make(secret), () => now)

const sign = (
  claims: Record<string, unknown>,
  { alg = "HS256", key = secret, seconds = 60 }: { alg?: string; key?: string; seconds?: number } = {}
) =>
  Effect.promise(() =>
    new SignJWT(claims).setProtectedHeader({ alg }).setExpirationTime(now / 1000 + seconds).sign(keyOf(key))
  )

const reasonOf = (token: string | undefined) => Effect.map(Effect.flip(verify(token, ada)), ({ reason }) => reason)

describe("a token", () => {
  it.effect("lets in, everywhere or to the networks it names", () =>
    Effect.gen(function*() {
      const expiresAt = now + 65_000
      assert.deepStrictEqual(yield* verify(yield* sign({}), ada), { expiresAt })
      const token = yield* sign({ sub: ada.toUpperCase(), networks: ["red", "blue"] })
      assert.deepStrictEqual(yield* verify(token, ada), {
        expiresAt,
        networks: new Set([NetworkName.make("red"), NetworkName.make("blue")])
      })
    }))

  it.effect("is needed, and must be of this secret, this peer and this time", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* reasonOf(undefined), "A peer token is needed")
      assert.strictEqual(yield* reasonOf(yield* sign({}, { seconds: -6 })), "The peer token has expired")
      assert.strictEqual(yield* reasonOf(yield* sign({ sub: bob })), "The peer token is for another peer")
      const other = "another secret that is long enough, too"
      assert.strictEqual(yield* reasonOf(yield* sign({}, { key: other })), "The peer token is not valid")
      const longer = secret.padEnd(64, "x")
      assert.strictEqual(yield* reasonOf(yield* sign({}, { alg: "HS512", key: longer })), "The peer token is not valid")
      for (const token of ["", "x", "a.b.c", new UnsecuredJWT({}).setExpirationTime("1h").encode()]) {
        assert.strictEqual(yield* reasonOf(token), "The peer token is not valid")
      }
    }))

  it.effect("without an end, or with claims of the wrong kind, is none", () =>
    Effect.gen(function*() {
      const endless = yield* Effect.promise(() =>
        new SignJWT({}).setProtectedHeader({ alg: "HS256" }).sign(keyOf(secret))
      )
      assert.strictEqual(yield* reasonOf(endless), "The peer token is not valid")
      for (const claims of [{ networks: "red" }, { networks: ["a/b"] }, { sub: "me" }]) {
        assert.strictEqual(yield* reasonOf(yield* sign(claims)), "The peer token is not valid")
      }
    }))
})

describe("ofRequest", () => {
  it("finds a subprotocol before the query", () => {
    assert.strictEqual(PeerToken.ofRequest("/?token=a.b.c", {}), "a.b.c")
    const headers = { "sec-websocket-protocol": "homing, homing.token.d.e.f" }
    assert.strictEqual(PeerToken.ofRequest("/?token=a.b.c", headers), "d.e.f")
    assert.isUndefined(PeerToken.ofRequest("/x", { "sec-websocket-protocol": "other" }))
  })

  it("never answers with the token", () => {
    assert.strictEqual(PeerToken.chooseSubprotocol(new Set(["homing.token.x", "homing"])), "homing")
    assert.isFalse(PeerToken.chooseSubprotocol(new Set(["homing.token.x"])))
  })
})
