/** The same layer at the real edge: the `ws` package on both ends of a TCP connection. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as NetworkName from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import { HubTimings } from "../../src/services/signaling/HubTimings.ts"
import { SignalingTransport } from "../../src/services/SignalingTransport.ts"
import * as SignalingWebSocket from "../../src/services/SignalingWebSocket.ts"

const ada = PeerId.make("a".repeat(40))
const dove = NetworkName.NetworkName.make("dove")

for (
  const [name, constructor] of [
    ["the ws package", NodeWS.layerWebSocketConstructor],
    ["the platform's own WebSocket", Socket.layerWebSocketConstructorGlobal]
  ] as const
) {
  describe(`over ${name}`, () => {
    const Transport = Layer.provide(SignalingWebSocket.layer, constructor)

    it.live("announces, and flushes the goodbye before it closes with 1000", () =>
      Effect.gen(function*() {
        const hub = yield* startHub
        const transport = yield* SignalingTransport
        const session = yield* transport.open({ peerId: ada, hubs: [hub.url] })
        const scope = yield* Scope.make()
        yield* Scope.provide(session.join(dove), scope)
        assert.strictEqual(yield* Queue.take(hub.log), `open /?peerId=${ada}`)
        assert.strictEqual(
          yield* Queue.take(hub.log),
          `{"type":"announce","data":{"peerId":"${ada}","homing":1},"networkName":"dove"}`
        )
        yield* Scope.close(scope, Exit.void)
        assert.match(
          yield* Queue.take(hub.log),
          new RegExp(`^{"type":"goodbye","data":{"peerId":"${ada}","timestamp":\\d+},"networkName":"dove"}$`)
        )
        assert.strictEqual(yield* Queue.take(hub.log), "close 1000")
      }).pipe(Effect.provide(Transport)))

    it.live("comes back after the hub dropped it, and announces again", () =>
      Effect.gen(function*() {
        const hub = yield* startHub
        const transport = yield* SignalingTransport
        const session = yield* transport.open({ peerId: ada, hubs: [hub.url] })
        const membership = yield* session.join(dove)
        const arrival = [yield* Queue.take(hub.log), yield* Queue.take(hub.log)]
        hub.dropAll()
        assert.strictEqual(yield* Queue.take(hub.log), "close 1006")
        assert.deepStrictEqual([yield* Queue.take(hub.log), yield* Queue.take(hub.log)], arrival)
        for (let n = 0; n < 2; n++) assert.strictEqual((yield* Queue.take(membership.news))._tag, "Announced")
      }).pipe(Effect.provide(Transport)))

    it.live("fails over to a hub that is there, and leaves no socket when its scope closes", () =>
      Effect.gen(function*() {
        const hub = yield* startHub
        yield* Effect.gen(function*() {
          const transport = yield* SignalingTransport
          const session = yield* transport.open({ peerId: ada, hubs: ["http://127.0.0.1:9", hub.url] })
          yield* session.join(dove)
          const state = yield* session.state
          assert.strictEqual(state._tag === "Connected" && state.url, hub.url)
          assert.strictEqual(hub.clients, 1)
        }).pipe(Effect.scoped)
        yield* hub.empty
      }).pipe(Effect.provide(Transport)))

    it.live("reports a refusal with the hub's words", () =>
      Effect.gen(function*() {
        const hub = yield* startHub
        const transport = yield* SignalingTransport
        const first = yield* transport.open({ peerId: ada, hubs: [hub.url] })
        yield* first.join(dove)
        const second = yield* transport.open({ peerId: ada, hubs: [hub.url] })
        const error = yield* Effect.flip(second.join(dove))
        assert.strictEqual(error._tag === "HubRefused" && error.reason, "Peer already connected")
      }).pipe(Effect.provide(Transport)))

    it.live("says that nobody listens", () =>
      Effect.gen(function*() {
        const transport = yield* SignalingTransport
        const session = yield* transport.open({ peerId: ada, hubs: ["ws://127.0.0.1:9"] })
        const error = yield* Effect.flip(session.join(dove))
        assert.strictEqual(error._tag, "HubUnreachable")
        assert.include(error.message, "No hub answers at ws://127.0.0.1:9")
      }).pipe(Effect.provide(Transport)))

    it.live("gives up on a hub that accepts and says nothing", () =>
      Effect.gen(function*() {
        const hub = yield* startHub
        hub.mute()
        const transport = yield* SignalingTransport
        const timings = yield* HubTimings
        const session = yield* transport.open({ peerId: ada, hubs: [hub.url] }).pipe(
          Effect.provideService(HubTimings, { ...timings, dialTimeout: Duration.millis(200) })
        )
        assert.include((yield* Effect.flip(session.join(dove))).message, "no answer within 200ms")
        yield* hub.empty
      }).pipe(Effect.provide(Transport)))
  })
}

/** A hub that greets, refuses a peer who is here already, and writes down what it hears. */
const startHub = Effect.gen(function*() {
  const log = yield* Queue.unbounded<string>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<NodeWS.WebSocketServer>((resume) => {
      const server: NodeWS.WebSocketServer = new NodeWS.WebSocketServer(
        { port: 0, host: "127.0.0.1" },
        () => resume(Effect.succeed(server))
      )
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        for (const client of server.clients) client.terminate()
        server.close(() => resume(Effect.void))
      })
  )
  const present = new Set<string>()
  let greeting: string | undefined = JSON.stringify({ type: "connected", data: { peerId: ada }, fromPeerId: "system" })
  server.on("connection", (client, request) => {
    const path = String(request.url)
    if (present.has(path)) return client.close(1008, "Peer already connected")
    present.add(path)
    Queue.offerUnsafe(log, `open ${path}`)
    client.on("message", (data) => Queue.offerUnsafe(log, String(data)))
    client.on("close", (code) => {
      present.delete(path)
      Queue.offerUnsafe(log, `close ${code}`)
    })
    if (greeting !== undefined) client.send(greeting)
  })
  const address = server.address()
  return {
    log,
    url: `ws://127.0.0.1:${typeof address === "object" ? address?.port : address}`,
    get clients() {
      return present.size
    },
    /** Waits until every socket is closed; the test's time limit is the limit. */
    empty: Effect.repeat(Effect.sleep("5 millis"), { until: () => present.size === 0 }),
    mute: () => void (greeting = undefined),
    dropAll: () => server.clients.forEach((client) => client.terminate())
  }
})
