import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { IncomingMessage, ServerResponse } from "node:http"
import { Socket } from "node:net"
import { setImmediate } from "node:timers/promises"
import { inTurn, perConnection, perTurn } from "../../../src/hub/http/Requests.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import { ada, connect, rawTcp } from "../TestPeer.ts"

const request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
const answers = (bytes: Uint8Array) => Buffer.from(bytes).toString().split("{\"live\":true}").length - 1

describe("requests over HTTP", () => {
  it.effect("are begun a few in each turn of the event loop, in the order in which they came", () =>
    Effect.gen(function*() {
      const begun: Array<string | undefined> = []
      const handle = inTurn(({ url }) => void begun.push(url))
      const urls = Array.from({ length: 3 * perTurn }, (_, n) => `/${n}`)
      for (const url of urls) {
        const request = Object.assign(new IncomingMessage(new Socket()), { url })
        handle(request, new ServerResponse(request))
      }
      assert.deepStrictEqual(begun, urls.slice(0, perTurn))
      yield* Effect.promise(() => setImmediate())
      assert.isAtLeast(begun.length, 2 * perTurn)
      assert.isBelow(begun.length, 3 * perTurn + 1)
      while (begun.length < urls.length) yield* Effect.promise(() => setImmediate())
      assert.deepStrictEqual(begun, urls)
    }))

  it.effect("of one connection are answered one after the other, and cut when nobody waits for answers", () =>
    Effect.gen(function*() {
      const { port, url } = Context.get(yield* Layer.build(Hub.layer({ port: 0 })), Hub)
      const patient = yield* rawTcp(port, request.repeat(perConnection))
      yield* patient.until((bytes) => answers(bytes) === perConnection)
      patient.socket.write(request)
      yield* patient.until((bytes) => answers(bytes) === perConnection + 1)
      const greedy = yield* rawTcp(port, request.repeat(1000))
      const outcome = yield* Effect.raceFirst(
        Effect.as(greedy.closed, "cut"),
        Effect.as(greedy.until((bytes) => answers(bytes) === 1000), "answered")
      )
      assert.strictEqual(outcome, "cut")
      const peer = yield* connect(url, ada)
      yield* peer.until("connected")
    }))
})
