import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Hub } from "../../src/hub/Hub.ts"
import { ada, connect, eventually, halfOpen, join, nth, opcode, rawTcp } from "./TestPeer.ts"

/** A hub with a scope of its own. */
const start = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const hub = Context.get(yield* Layer.buildWithScope(Hub.layer({ port: 0 }), scope), Hub)
  return { ...hub, stop: Scope.close(scope, Exit.void) }
})

/** Open TCP sockets and servers of this process. */
const resources = Effect.sync(() => process.getActiveResourcesInfo().filter((type) => type.startsWith("TCP")).length)

describe("shutdown", () => {
  it.effect("tells every peer, closes with 1001 and lets nobody in", () =>
    Effect.gen(function*() {
      const hub = yield* start
      const peers = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => nth(n)),
        (id) => join(hub.url, id, "red")
      )
      yield* hub.stop
      for (const peer of peers) {
        assert.deepInclude(yield* peer.until("hub-closing"), { data: { reason: "Hub shutting down" } })
        assert.deepStrictEqual(yield* peer.closed, { code: 1001, reason: "Hub shutting down" })
      }
      const late = yield* connect(hub.url, ada)
      assert.strictEqual((yield* late.closed).code, 1006)
    }))

  it.effect("cuts a peer that does not answer, and one that waits for an id", () =>
    Effect.gen(function*() {
      const hub = yield* start
      const dead = yield* halfOpen(hub.port, ada)
      const waiting = yield* connect(hub.url, ada)
      yield* dead.until((bytes) => bytes.includes(opcode.ping))
      const stopping = yield* Effect.forkChild(hub.stop)
      yield* dead.until((bytes) => bytes.includes(opcode.close))
      assert.strictEqual((yield* waiting.closed).code, 1001)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      yield* dead.closed
    }))

  it.effect("does not wait for requests that never end", () =>
    Effect.gen(function*() {
      const hub = yield* start
      const slow = yield* rawTcp(hub.port, "GET /health HTTP/1.1\r\nHost: x\r\n")
      const idle = yield* rawTcp(hub.port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
      yield* idle.until((bytes) => bytes.length > 0)
      yield* hub.stop
      yield* slow.closed
      yield* idle.closed
    }))

  it.live("takes well below five seconds by the real clock, stragglers or not", () =>
    Effect.gen(function*() {
      const hub = yield* start
      yield* join(hub.url, nth(1), "red")
      yield* halfOpen(hub.port, ada)
      const before = yield* Clock.currentTimeMillis
      yield* hub.stop
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 5000)
    }))

  it.effect("leaves no socket behind", () =>
    Effect.gen(function*() {
      const before = yield* resources
      yield* Effect.scoped(Effect.gen(function*() {
        const hub = yield* start
        for (let n = 0; n < 10; n++) yield* join(hub.url, nth(n), "red")
        const raw = yield* rawTcp(hub.port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        yield* raw.until((bytes) => bytes.length > 0)
        yield* hub.stop
      }))
      // The clients' own ends need another turn of the event loop.
      yield* eventually(Effect.map(resources, (now) => now <= before))
    }))
})
