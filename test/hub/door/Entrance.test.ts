import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import { SignJWT } from "jose"
import { WebSocket } from "ws"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { hubClose } from "../../../src/domain/Signal.ts"
import * as PeerToken from "../../../src/hub/door/PeerToken.ts"
import * as Wire from "../../../src/hub/exchange/Wire.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import * as Options from "../../../src/hub/Options.ts"
import { hubTokenOf } from "../../../src/runtime/MeshOptions.ts"
import { HubToken } from "../../../src/services/signaling/HubToken.ts"
import { SignalingTransport } from "../../../src/services/SignalingTransport.ts"
import * as SignalingWebSocket from "../../../src/services/SignalingWebSocket.ts"
import { ada, bob, type Closing, connect, eventually, handshake, join, nth, rawTcp } from "../TestPeer.ts"

const start = (options: Options.HubOptions) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

/** How a try to connect ends: open, with an HTTP status, or closed again by the hub. */
const attempt = Effect.fnUntraced(function*(
  url: string,
  peerId: string,
  { headers = {}, protocols = [] }: { headers?: Record<string, string>; protocols?: Array<string> } = {}
) {
  const ended = yield* Deferred.make<number | "open">()
  const closed = yield* Deferred.make<Closing>()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => new WebSocket(`${url}/?peerId=${peerId}`, protocols, { headers })),
    (socket) => Effect.sync(() => socket.terminate())
  )
  socket.on("error", () => undefined)
  socket.on("open", () => Deferred.doneUnsafe(ended, Effect.succeed("open")))
  socket.on("close", (code, reason) => Deferred.doneUnsafe(closed, Effect.succeed({ code, reason: String(reason) })))
  socket.on("unexpected-response", (_, { statusCode = 0 }) => Deferred.doneUnsafe(ended, Effect.succeed(statusCode)))
  return { outcome: yield* Deferred.await(ended), closed: Deferred.await(closed), socket }
})

const outcome = (...args: Parameters<typeof attempt>) => Effect.map(attempt(...args), ({ outcome }) => outcome)

describe("addresses", () => {
  const from = (address: string) => ({ headers: { "x-forwarded-for": address } })

  it.effect("behind a trusted proxy have so many connections, and others as many", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ connectionsPerAddress: 2, trustedProxies: ["loopback"] })
      const first = yield* attempt(url, nth(1), from("1.1.1.1"))
      assert.strictEqual(first.outcome, "open")
      assert.strictEqual(yield* outcome(url, nth(2), from("1.1.1.1")), "open")
      assert.strictEqual(yield* outcome(url, nth(3), from("1.1.1.1")), 429)
      assert.strictEqual(yield* outcome(url, nth(4), from("2.2.2.2")), "open")
      assert.strictEqual((yield* stats).refusedBy["address-connections"], 1)
      first.socket.terminate()
      yield* eventually(Effect.map(stats, ({ peers }) => peers === 2))
      // Its place is free, but two were opened in no time.
      assert.strictEqual(yield* outcome(url, nth(5), from("1.1.1.1")), 429)
      assert.strictEqual((yield* stats).refusedBy["address-rate"], 1)
      assert.strictEqual((yield* stats).refused, 2)
    }))

  it.effect("that nobody trusted says are not believed", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ connectionsPerAddress: 1 })
      for (let n = 0; n < 3; n++) assert.strictEqual(yield* outcome(url, nth(n), from("1.1.1.1")), "open")
    }))
})

describe("allowedOrigins", () => {
  it.effect("turns pages of other origins away, and no program", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ allowedOrigins: ["https://example.org"] })
      const page = (origin: string) => outcome(url, ada, { headers: { origin } })
      assert.strictEqual(yield* page("https://example.com"), 403)
      assert.strictEqual(yield* page("null"), 403)
      assert.strictEqual(yield* page("https://example.org"), "open")
      assert.strictEqual(yield* outcome(url, nth(1)), "open")
      assert.strictEqual((yield* stats).refusedBy.origin, 2)
    }))

  it.effect("keeps no connection of whoever was turned away and stays", () =>
    Effect.gen(function*() {
      const { port } = yield* start({ allowedOrigins: ["https://example.org"] })
      const stranger = yield* rawTcp(port, handshake(ada).replace("Host:", "Origin: https://example.com\r\nHost:"))
      yield* stranger.closed
      // The other end is gone for good, and not half open.
      yield* eventually(Effect.sync(() => {
        if (!stranger.socket.destroyed) stranger.socket.write("still here")
        return stranger.socket.destroyed
      }))
    }))
})

describe("peerTokenSecret", () => {
  const secret = "a secret that is long enough for it"
  const mint = (claims: Record<string, unknown>, expiration = 60) =>
    Effect.promise(() =>
      new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setExpirationTime(expiration).sign(
        new TextEncoder().encode(secret)
      )
    )

  it.effect("lets in whoever has a token, to the networks it is for", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      const without = yield* attempt(url, nth(1))
      assert.deepStrictEqual(yield* without.closed, { code: 1008, reason: "A peer token is needed" })
      const token = yield* mint({ networks: ["red"] })
      const peer = yield* connect(url, ada, `/?token=${token}&ignored`)
      assert.deepStrictEqual(yield* peer.closed, { code: 1008, reason: "Invalid peerId format" })
      const offered = yield* attempt(url, ada, { protocols: ["homing", `${PeerToken.prefix}${token}`] })
      assert.strictEqual(offered.socket.protocol, "homing")
    }))

  it.effect("ends a connection when its token expires, by a code of its own", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      const peer = yield* connect(url, ada, "/", `&token=${yield* mint({})}`)
      const { data } = yield* peer.until("connected")
      assert.deepInclude(data, { homing: { version: 1, features: Wire.features, expiresIn: 65_000 } })
      // With a ping now and then, as peers do.
      for (let n = 0; n < 6; n++) {
        yield* TestClock.adjust("10 seconds")
        yield* peer.drain
      }
      yield* TestClock.adjust("4 seconds")
      yield* peer.drain
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* peer.closed, { code: hubClose.tokenExpired, reason: "The peer token has expired" })
    }))

  it.effect("lets a connection stand for longer by a fresh token, for the same peer and for no fewer networks", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      const peer = yield* connect(url, ada, "/", `&token=${yield* mint({ networks: ["red"] })}`)
      yield* peer.until("connected")
      yield* TestClock.adjust("50 seconds")
      const said = Effect.fnUntraced(function*(token: string) {
        yield* peer.send({ type: "token", data: { token } })
        const { data, error, type } = yield* peer.next
        return type === "token" ? data : error
      })
      const problem = "Your fresh token does not count"
      assert.strictEqual(
        yield* said(yield* mint({ networks: ["blue"] }, 120)),
        `${problem}: It is for fewer networks than the one that you came with`
      )
      assert.strictEqual(yield* said(yield* mint({ sub: bob }, 120)), `${problem}: The peer token is for another peer`)
      assert.strictEqual(yield* said(yield* mint({}, 40)), `${problem}: The peer token has expired`)
      assert.strictEqual(yield* said("a.b.c"), `${problem}: The peer token is not valid`)
      assert.include(String(yield* said("a b")), "Not a valid token")
      assert.deepStrictEqual(yield* said(yield* mint({ networks: ["red", "blue"] }, 120)), { expiresIn: 75_000 })
      for (let n = 0; n < 6; n++) {
        yield* peer.drain
        yield* TestClock.adjust("10 seconds")
      }
      yield* peer.announce("blue", {})
      yield* peer.announce("green", {})
      assert.deepStrictEqual(
        (yield* peer.drain).map((frame) => frame["error"]),
        ["The network green is not among those that your token is for"]
      )
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* peer.closed).code, hubClose.tokenExpired)
    }))

  it.effect("is renewed by a session again and again, which never has to leave", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      const counts = { minted: 0, taken: 0 }
      const source = Effect.flatMap(Clock.currentTimeMillis, (now) => {
        counts.minted++
        return mint({}, now / 1000 + 60)
      })
      const construct = yield* Socket.WebSocketConstructor
      const overheard: typeof construct = (url, protocols) => {
        const socket = construct(url, protocols)
        socket.addEventListener("message", ({ data }) => void (String(data).includes("\"token\"") && counts.taken++))
        return socket
      }
      const session = yield* Effect.flatMap(
        SignalingTransport,
        (transport) => Effect.provideService(transport.open({ peerId: ada, hubs: [url] }), HubToken, source)
      ).pipe(
        Effect.provide(Layer.provide(SignalingWebSocket.layer, Layer.succeed(Socket.WebSocketConstructor, overheard)))
      )
      yield* session.join(NetworkName.make("red"))
      for (let n = 0; n < 60; n++) {
        yield* TestClock.adjust("5 seconds")
        yield* session.networks
        // Making and checking a token takes real time.
        yield* eventually(Effect.sync(() => counts.taken === counts.minted - 1))
      }
      assert.deepInclude(yield* session.state, { _tag: "Connected", since: 0 })
      // Every 52 to 55 seconds.
      assert.deepStrictEqual(counts, { minted: 6, taken: 5 })
    }).pipe(Effect.provide(NodeWS.layerWebSocketConstructor)))

  it.effect("is passed over by a hub that asks for none", () =>
    Effect.gen(function*() {
      const { url } = yield* start({})
      const peer = yield* join(url, ada)
      yield* peer.send({ type: "token", data: { token: yield* mint({}) } })
      assert.deepStrictEqual(yield* peer.drain, [])
    }))

  it.effect("keeps its bearer out of other networks", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      const token = yield* mint({ networks: ["red"] })
      const peer = yield* connect(url, `${ada}&token=${token}`)
      yield* peer.until("connected")
      yield* peer.announce("red", {})
      yield* peer.announce("blue", {})
      yield* peer.send({ type: "watch", networkName: "blue" })
      const errors = (yield* peer.drain).map((frame) => frame["error"])
      assert.deepStrictEqual(
        errors,
        Array.from({ length: 2 }, () => "The network blue is not among those that your token is for")
      )
    }))

  it.live("lets a mesh in whose token is asked for at each connection", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ peerTokenSecret: secret })
      let asked = 0
      const hubToken = async () => {
        asked++
        return new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1m")
          .sign(new TextEncoder().encode(secret))
      }
      const transport = yield* SignalingTransport
      const session = yield* transport.open({ peerId: ada, hubs: [url] }).pipe(
        Effect.provideService(HubToken, hubTokenOf({ hubToken }))
      )
      yield* session.join(NetworkName.make("red"))
      assert.strictEqual((yield* session.state)._tag, "Connected")
      assert.strictEqual(asked, 1)
      const refused = yield* transport.open({ peerId: nth(1), hubs: [url] })
      const error = yield* Effect.flip(refused.join(NetworkName.make("red")))
      assert.strictEqual(error._tag, "HubRefused")
      assert.include(error.message, "A peer token is needed")
    }).pipe(Effect.provide(Layer.provide(SignalingWebSocket.layer, NodeWS.layerWebSocketConstructor))))

  it.effect("is not told when it is too short", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Options.resolve({ peerTokenSecret: "swordfish" }))
      assert.include(error.message, "PEER_TOKEN_SECRET")
      assert.include(error.message, "32 bytes")
      assert.notInclude(error.message, "swordfish")
      assert.notInclude(JSON.stringify(error), "swordfish")
    }))
})

describe("an option that cannot be used", () => {
  it.effect.each(
    [
      [{ trustedProxies: ["10.0.0.0/40"] }, "TRUSTED_PROXIES", "networks such as 10.1.0.0/16"],
      [{ allowedOrigins: ["https://example.org/"] }, "ALLOWED_ORIGINS", "an origin such as https://example.org"],
      [{ introductions: 0 }, "INTRODUCTIONS", "a whole number above 0"]
    ] as const
  )("is named, with its variable and what it accepts: %j", ([options, variable, expected]) =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(Options.resolve(options))
      assert.include(message, variable)
      assert.include(message, expected)
    }))
})
