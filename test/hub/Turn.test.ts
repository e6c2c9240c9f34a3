import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Hub } from "../../src/hub/Hub.ts"
import * as Options from "../../src/hub/Options.ts"
import * as Turn from "../../src/hub/Turn.ts"
import { ada, bob, connect } from "./TestPeer.ts"

const options: Options.HubOptions = {
  port: 0,
  stun: ["stun:stun.example.org"],
  turn: ["turn:turn.example.org:3478", "turns:turn.example.org:5349?transport=tcp"],
  turnSecret: "north"
}

const start = (options: Options.HubOptions) => Effect.map(Layer.build(Hub.layer(options)), Context.get(Hub))

describe("Turn", () => {
  it("makes the credentials that coturn makes of the same secret", () => {
    // echo -n 1700000000:aaaa… | openssl dgst -binary -sha1 -hmac north | base64
    assert.deepStrictEqual(Turn.credentials("north", ada, 1_700_000_000_999), {
      username: `1700000000:${ada}`,
      credential: "cJJ3gQwILRjhn1xpct0rfXDVb/8="
    })
  })

  it.effect("gives each peer that is in credentials of its own, and new ones at half time", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ ...options, turnLifetime: Duration.seconds(40) })
      const [a, b] = [yield* connect(url, ada), yield* connect(url, bob)]
      const servers = (peerId: typeof ada, expiresAt: number) => [
        { urls: options.stun },
        { urls: options.turn, ...Turn.credentials("north", peerId, expiresAt) }
      ]
      assert.deepInclude((yield* a.until("connected"))["data"], { iceServers: servers(ada, 40_000) })
      assert.deepInclude((yield* b.until("connected"))["data"], { iceServers: servers(bob, 40_000) })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual((yield* a.until("ice-servers"))["data"], { iceServers: servers(ada, 60_000) })
      assert.deepStrictEqual((yield* b.until("ice-servers"))["data"], { iceServers: servers(bob, 60_000) })
    }))

  it.effect("names STUN servers alone without a secret, and nothing without servers", () =>
    Effect.gen(function*() {
      const one = yield* start({ port: 0, stun: ["stun:stun.example.org:3478"] })
      const a = yield* connect(one.url, ada)
      assert.deepInclude((yield* a.until("connected"))["data"], {
        iceServers: [{ urls: ["stun:stun.example.org:3478"] }]
      })
      const two = yield* start({ port: 0 })
      const b = yield* connect(two.url, bob)
      assert.notProperty((yield* b.until("connected"))["data"], "iceServers")
    }))

  it.effect.each<Options.HubOptions>([
    { turn: ["turn:turn.example.org"] },
    { turn: ["stun:stun.example.org"], turnSecret: "north" },
    { stun: ["stun.example.org"] },
    { stun: ["stun:stun.example.org?transport=udp"] },
    { moveTo: ["https://hub.example.org"] },
    { moveTo: ["wss://ada:secret@hub.example.org"] },
    { tlsCert: "cert.pem" },
    { tlsKey: "key.pem" }
  ])("refuses the options %j", (options) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Options.resolve(options))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.include(error.message, "xpected")
      assert.notInclude(error.message, "north")
    }))
})
