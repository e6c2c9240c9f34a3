import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Options from "../../src/hub/Options.ts"

describe("a hub's options", () => {
  it.effect.each<readonly [Options.HubOptions, RegExp]>([
    // No lonely peer could meet another there any more.
    [{ hubMeshNamespace: "global" }, /another name than global/],
    // Of which no header can be made, or none that a browser understands.
    [{ corsOrigin: "https://example.org\nSet-Cookie: a=b" }, /an origin such as/],
    [{ corsOrigin: "https://example.org/" }, /without a path/],
    // `ws` would take it for none.
    [{ maxMessageBytes: 2 ** 31 }, /1 to 16777216/],
    // With one of these, browsers make no connection to anybody.
    [{ stun: ["stun:stun.example.org:65536"] }, /stun:stun\.example\.org:3478/],
    [{ stun: ["stun:stun.example.org:0"] }, /stun:stun\.example\.org:3478/],
    [{ turn: ["turn:turn.example.org:70000"], turnSecret: "north" }, /turn:turn\.example\.org:3478/],
    [{ moveTo: ["wss://hub.example.org:99999"] }, /wss:\/\/hub\.example\.org/],
    [{ natsUrl: "nats://" }, /nats:\/\/localhost:4222/],
    [{ natsUrl: "nats://a,nats://" }, /nats:\/\/localhost:4222/]
  ])("are refused when they would be a hub that does not work: %j", ([options, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Options.resolve(options))
      assert.include(error.message, String(Object.keys(options)[0]))
      assert.match(error.message, expected)
    }))

  it.effect("take durations as one writes them", () =>
    Effect.gen(function*() {
      for (const drainPatience of [Duration.seconds(5), 5000, "5 seconds"] as const) {
        const settings = yield* Options.resolve({ drainPatience })
        assert.strictEqual(Duration.toMillis(settings.drainPatience), 5000)
      }
      for (const drainPatience of [0, Number.NaN, "soon"]) {
        const error = yield* Effect.flip(Options.resolve({ drainPatience }))
        assert.include(error.message, "drainPatience")
      }
    }))

  it.effect.each<Options.HubOptions>([
    { corsOrigin: "https://example.org:8443" },
    { stun: ["stun:[2001:db8::1]:65535"] },
    { moveTo: ["wss://hub.example.org:1/path"] },
    { natsUrl: "nats://ada:secret@a:4222, tls://b" },
    { maxMessageBytes: 16 * 1024 * 1024 }
  ])("are taken as they are: %j", (options) =>
    Effect.gen(function*() {
      yield* Options.resolve(options)
    }))
})
