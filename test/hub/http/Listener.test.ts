import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { createServer } from "node:net"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { ada, bob, connect } from "../TestPeer.ts"

const start = (options: HubOptions) => Effect.map(Layer.build(Hub.layer(options)), Context.get(Hub))

/** Takes a port for the length of the scope, unless somebody else has it. Port 0 is any. */
const occupy = (port: number, host = "127.0.0.1") =>
  Effect.gen(function*() {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => createServer()),
      (server) => Effect.sync(() => server.close())
    )
    return yield* Effect.callback<number>((resume) => {
      const done = () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
      }
      server.once("error", done).listen(port, host, done)
    })
  })

/** How many ports a hub tries unless told otherwise. */
const portRetries = 10

/** Takes a port and as many above it as a hub tries; gives the first. */
const occupyRow = Effect.gen(function*() {
  const first = yield* occupy(0)
  for (let step = 1; step <= portRetries; step++) yield* occupy(first + step)
  return first
})

describe("listening", () => {
  it.effect("at localhost is reached by either of its addresses", () =>
    Effect.gen(function*() {
      const { host, port, url } = yield* start({ port: 0 })
      assert.strictEqual(host, "localhost")
      assert.strictEqual(url, `ws://localhost:${port}`)
      const four = yield* connect(`ws://127.0.0.1:${port}`, ada)
      const six = yield* connect(`ws://[::1]:${port}`, bob)
      yield* four.until("connected")
      yield* six.until("connected")
    }))

  it.effect("gives way to the next free port, and says so loudly", () =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void logs.push(`${logLevel}: ${String(message)}`))
      const taken = yield* occupy(0)
      const { port, url } = yield* Effect.provide(start({ port: taken }), Logger.layer([logger]))
      assert.isAbove(port, taken)
      assert.isAtMost(port, taken + portRetries)
      assert.include(logs, `Warn: Port ${taken} is taken: this hub listens at port ${port} instead`)
      const a = yield* connect(url, ada)
      yield* a.until("connected")
    }))

  it.effect("counts a port as taken when only one of the two addresses is", () =>
    Effect.gen(function*() {
      const taken = yield* occupy(0, "::1")
      const { port } = yield* start({ port: taken })
      assert.isAbove(port, taken)
    }))

  it.effect("gives up when ten further ports are taken", () =>
    Effect.gen(function*() {
      const first = yield* occupyRow
      const error = yield* Effect.flip(start({ port: first }))
      assert.deepInclude(error, { _tag: "HubCannotListen", port: first, code: "EADDRINUSE" })
      assert.include(error.message, "all are taken")
    }))

  it.effect("at a port or nowhere, when no other will do", () =>
    Effect.gen(function*() {
      const taken = yield* occupy(0)
      const error = yield* Effect.flip(start({ port: taken, portRetries: 0 }))
      assert.deepInclude(error, { _tag: "HubCannotListen", port: taken, code: "EADDRINUSE" })
      assert.include(error.message, "it is taken")
    }))

  it.effect("fails at an address that this machine does not have", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(start({ port: 0, host: "192.0.2.1" }))
      assert.deepInclude(error, { _tag: "HubCannotListen", code: "EADDRNOTAVAIL" })
    }))

  it.effect("at all interfaces is reached at localhost", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ port: 0, host: "0.0.0.0" })
      const a = yield* connect(url, ada)
      yield* a.until("connected")
    }))

  it.effect.each<HubOptions>([
    { port: -1 },
    { port: 65536 },
    { port: 3.5 },
    { host: "" },
    { maxConnections: 0 },
    { maxMessageBytes: Number.NaN },
    { heartbeat: Duration.zero },
    { closingPatience: Duration.infinity }
  ])("refuses the options %j and names the field", (options) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(start(options))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.include(error.message, String(Object.keys(options)[0]))
    }))
})
