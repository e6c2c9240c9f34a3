/** Hubs with real sockets, in one process: who is admitted, and what the HTTP side says of the others. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import { hubMesh } from "../../../src/domain/NetworkName.ts"
import { HubDialer } from "../../../src/hub/federation/Duplex.ts"
import * as Handshake from "../../../src/hub/federation/Handshake.ts"
import * as HubSocket from "../../../src/hub/federation/HubSocket.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { connect, decodeJson, halfOpen, join, nth, textFrame } from "../TestPeer.ts"

const hub = (options: HubOptions) =>
  Effect.map(
    Layer.build(Layer.fresh(Hub.layer({ port: 0, isHub: true, hubMeshMaxPeers: 0, ...options }))),
    (context) => Context.get(context, Hub)
  )

const get = (url: string, path: string) =>
  Effect.promise(async () => decodeJson(await (await fetch(`${url.replace("ws:", "http:")}${path}`)).text()))

const quietly = <A, E>(body: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.scoped(body).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

const until = Effect.fnUntraced(function*<E>(what: string, test: Effect.Effect<boolean, E>) {
  for (let tries = 0; tries < 400; tries++) {
    if (yield* test) return
    yield* Effect.sleep(25)
  }
  return assert.fail(what)
})

const known = (one: Hub["Service"], count: number) =>
  until(
    "hubs know each other",
    Effect.map(one.hubs, (hubs) => hubs.filter(({ connection }) => connection === "websocket").length === count)
  )

/** The first that another hub is told, having said this. */
const firstWord = (url: string, headers: Readonly<Record<string, string>>, word: object) =>
  Effect.callback<string>((resume) => {
    const socket = new WebSocket(`${url}/hub-link`, { headers })
    socket.on("open", () => socket.send(JSON.stringify(word)))
    socket.on("message", (data) => resume(Effect.succeed(String(data))))
    socket.on("close", () => resume(Effect.succeed("closed")))
    socket.on("error", () => undefined)
    return Effect.sync(() => socket.terminate())
  })

const hello = {
  type: "hub-hello",
  version: 1,
  hub: nth(4),
  namespace: "pigeonhub-mesh",
  nonce: "0".repeat(64),
  secret: false
}

const decodeHubs = Schema.decodeUnknownSync(
  Schema.Struct({ hubs: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })
)

const secret = "a secret that hubs share, of more than 32 bytes"

describe("hubs with sockets", () => {
  it.live("introduce their peers, and tell of each other over HTTP", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({})
      const two = yield* hub({ bootstrapHubs: [one.url], hubId: nth(2000) })
      yield* known(one, 1)
      const ada = yield* join(one.url, nth(1), "chess")
      const bob = yield* join(two.url, nth(2), "chess")
      const met = yield* ada.until("peer-discovered")
      assert.deepInclude(met["data"], { peerId: bob.peerId })
      yield* ada.send({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: { sdp: "v=0" } })
      const offer = yield* bob.until("offer")
      assert.strictEqual(offer["fromPeerId"], ada.peerId)
      const hubs = yield* get(one.url, "/hubs")
      assert.strictEqual(hubs["totalHubs"], 1)
      assert.strictEqual(hubs["hubMeshNamespace"], "pigeonhub-mesh")
      assert.deepInclude(JSON.stringify(hubs["hubs"]), `"peerId":"${nth(2000)}"`)
      assert.deepInclude(JSON.stringify(hubs["hubs"]), `"connection":"websocket"`)
      const health = yield* get(two.url, "/health")
      assert.deepInclude(health, { status: "healthy", isHub: true, hubs: 1 })
      assert.deepStrictEqual((yield* get(two.url, "/networks"))["networks"], [{
        name: "chess",
        present: 2,
        waiting: 0
      }])
    })))

  it.live("are listed with all that is known of them, in PeerPigeon's words and ours", () =>
    quietly(Effect.gen(function*() {
      const start = Date.now()
      const one = yield* hub({})
      const two = yield* hub({ bootstrapHubs: [one.url], hubId: nth(2000) })
      yield* join(two.url, nth(2), "chess")
      yield* until(
        "its member and its address are known",
        Effect.map(one.hubs, (hubs) => hubs.some(({ memberships, url }) => memberships === 1 && url === two.url))
      )
      const { hubs } = decodeHubs(yield* get(one.url, "/hubs"))
      assert.strictEqual(hubs.length, 1)
      const { connectedAt, lastActivity, registeredAt, ...rest } = hubs[0] ?? {}
      assert.deepStrictEqual(rest, {
        peerId: nth(2000),
        url: two.url,
        connection: "websocket",
        memberships: 1,
        networkName: "pigeonhub-mesh",
        data: { isHub: true, capabilities: ["signaling", "relay"], host: "localhost", port: two.port }
      })
      for (const time of [connectedAt, lastActivity, registeredAt]) {
        assert.isAtLeast(Number(time), start)
        assert.isAtMost(Number(time), Date.now())
      }
    })))

  it.live("that are refused are listed at both ends, with who they are and why", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({ hubSecret: secret })
      const [two, three, four] = [nth(2000), nth(3000), nth(4000)]
      const hubs = [
        [two, yield* hub({ bootstrapHubs: [one.url], hubId: two }), "no HUB_SECRET"],
        [three, yield* hub({ bootstrapHubs: [one.url], hubId: three, hubSecret: `no ${secret}` }), "does not know"],
        [four, yield* hub({ bootstrapHubs: [one.url], hubId: four, hubMeshNamespace: "staging" }), "namespace staging"]
      ] as const
      for (const [id, other, why] of hubs) {
        const isListed = (url: string, is: (hub: Readonly<Record<string, unknown>>) => boolean) =>
          until(`${why} at ${url}`, Effect.map(get(url, "/hubs"), (answer) => decodeHubs(answer).hubs.some(is)))
        yield* isListed(one.url, (hub) =>
          hub["peerId"] === id && String(hub["problem"]).includes(why) && hub["connection"] === "refused" &&
          hub["address"] !== undefined && hub["lastActivity"] !== undefined && hub["networkName"] === undefined)
        yield* isListed(other.url, (hub) =>
          hub["url"] === one.url && hub["connection"] === "refused" && hub["problem"] !== undefined &&
          hub["registeredAt"] !== undefined)
      }
      assert.deepInclude(yield* get(one.url, "/hubs"), { totalHubs: 0 })
    })))

  it.live("hold back one that says more than a hub may, say so, and serve their peers meanwhile", () =>
    quietly(
      Effect.gen(function*() {
        const one = yield* hub({})
        const ada = yield* join(one.url, nth(1), "chess")
        const bob = yield* join(one.url, nth(2), "chess")
        const { dial } = yield* HubDialer
        const duplex = yield* dial(one.url)
        const other = yield* Handshake.shake(duplex, "dialler", {
          hub: nth(6666),
          namespace: hubMesh,
          secret: undefined,
          patience: Duration.seconds(5)
        })
        other.listen(() => undefined)
        const beat = { type: "beat", hub: nth(6666), incarnation: 5, clock: 0, age: 0, about: {} }
        let sent = 0
        const count = Effect.map(
          Effect.promise(() => fetch(`${one.url.replace("ws:", "http:")}/metrics`).then((answer) => answer.text())),
          (text) => ({
            held: Number(/^homing_hub_federated_total\{outcome="held"\} (\d+)/m.exec(text)?.[1]),
            malformed: Number(/^homing_hub_federated_total\{outcome="malformed"\} (\d+)/m.exec(text)?.[1])
          })
        )
        // Far more than a burst: what cannot be read costs most.
        while (sent < 40_000) {
          for (let n = 0; n < 1000; n++) {
            duplex.send("nonsense")
            sent++
          }
          duplex.send(JSON.stringify({ ...beat, beat: sent }))
          yield* Effect.yieldNow
        }
        yield* until("it is held back", Effect.map(count, ({ held }) => held > 0))
        assert.isBelow((yield* count).malformed, 20_000)
        assert.include((yield* one.hubs)[0]?.problem, "held back")
        yield* ada.send({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: {} })
        assert.strictEqual((yield* bob.until("offer"))["fromPeerId"], ada.peerId)
        // It goes on when it has made up for it, at a pace that is borne: a thousand a second, as many as are read at once.
        const [start, { malformed }] = [Date.now(), yield* count]
        yield* until("it is read from again", Effect.map(count, (now) => now.malformed > malformed))
        const seconds = (Date.now() - start) / 1000
        assert.isBelow((yield* count).malformed - malformed, 1000 * seconds + 6000)
      }).pipe(Effect.provide([HubSocket.layer, SecureRandom.layerWebCrypto]))
    ))

  it.live("of different namespaces say why they are not connected", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({ hubMeshNamespace: "production" })
      const two = yield* hub({ hubMeshNamespace: "staging", bootstrapHubs: [one.url] })
      for (const [self, other] of [[one, "staging"], [two, "production"]] as const) {
        yield* until(
          "it says why",
          Effect.map(get(self.url, "/hubs"), (hubs) => JSON.stringify(hubs["hubs"]).includes(other))
        )
        assert.deepInclude(yield* get(self.url, "/hubs"), { totalHubs: 0 })
      }
      assert.deepInclude(yield* get(two.url, "/health"), { status: "degraded" })
    })))

  it.live("admit who knows the secret, and nobody else", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({ hubSecret: secret })
      const friend = yield* hub({ hubSecret: secret, bootstrapHubs: [one.url] })
      yield* known(friend, 1)
      for (const other of [{}, { hubSecret: `not ${secret}` }]) {
        const stranger = yield* hub({ ...other, bootstrapHubs: [one.url] })
        yield* until(
          "it is told so",
          Effect.map(stranger.hubs, (hubs) => hubs.some(({ problem }) => problem !== undefined))
        )
        assert.isTrue((yield* stranger.hubs).every(({ connection }) => connection === "refused"))
      }
      assert.strictEqual((yield* one.hubs).filter(({ connection }) => connection === "websocket").length, 1)
    })))

  it.live("let nobody in without a secret who is a page, behind a proxy, or says it is another hub's id", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({ hubId: nth(3000) })
      assert.include(yield* firstWord(one.url, {}, hello), "hub-hello")
      for (const headers of [{ origin: "http://evil.test" }, { "x-forwarded-for": "10.0.0.1" }]) {
        assert.include(yield* firstWord(one.url, headers, hello), "hub-refused")
      }
      assert.include(yield* firstWord(one.url, {}, { ...hello, hub: nth(3000) }), "hub-refused")
      assert.include(yield* firstWord(one.url, {}, { ...hello, version: 2 }), "hub-refused")
    })))

  it.live("let no peer into their own network, nor say that it is a hub, nor carry another's id", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({})
      const two = yield* hub({ bootstrapHubs: [one.url] })
      yield* known(one, 1)
      const ada = yield* connect(one.url, nth(1))
      yield* ada.announce("pigeonhub-mesh", { isHub: true, capabilities: ["signaling", "relay"] })
      assert.include(String((yield* ada.until("error"))["error"]), "the hubs' own")
      const bob = yield* join(two.url, nth(2), "chess")
      yield* ada.announce("chess", { isHub: true })
      assert.deepInclude((yield* bob.until("peer-discovered"))["data"], { peerId: ada.peerId, isHub: false })
      yield* ada.send({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, fromPeerId: nth(9), data: {} })
      assert.strictEqual((yield* bob.until("offer"))["fromPeerId"], ada.peerId)
      assert.deepInclude(yield* get(one.url, "/hubs"), { totalHubs: 1 })
    })))

  it.live("do not count a signaling server among them", () =>
    quietly(Effect.gen(function*() {
      const server = yield* hub({ isHub: false })
      const one = yield* hub({ bootstrapHubs: [server.url] })
      yield* until(
        "it is told so",
        Effect.map(one.hubs, (hubs) => hubs.some(({ problem }) => problem?.includes("not a hub") === true))
      )
      assert.deepInclude(yield* get(server.url, "/health"), { isHub: false, status: "healthy" })
    })))

  it.live("keep a connection that lives, when its peer's id comes to another hub", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({})
      const two = yield* hub({ bootstrapHubs: [one.url] })
      yield* known(one, 1)
      const ada = yield* join(one.url, nth(1), "chess")
      const bob = yield* join(one.url, nth(2), "chess")
      yield* join(two.url, nth(2), "chess")
      yield* Effect.sleep("500 millis")
      yield* ada.send({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: {} })
      assert.strictEqual((yield* bob.until("offer"))["fromPeerId"], ada.peerId)
    })))

  it.live("put a dead connection out when its peer has come to another hub", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hub({ takeoverPatience: Duration.millis(300) })
      const two = yield* hub({ bootstrapHubs: [one.url] })
      yield* known(one, 1)
      const ada = yield* join(one.url, nth(1), "chess")
      const dead = yield* halfOpen(one.port, nth(2))
      dead.socket.write(textFrame(JSON.stringify({ type: "announce", networkName: "chess" })))
      yield* ada.until("peer-discovered")
      const bob = yield* join(two.url, nth(2), "chess")
      yield* until(
        "the living one is reached",
        Effect.gen(function*() {
          yield* ada.send({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: {} })
          return (yield* bob.drain).some((frame) => frame["type"] === "offer")
        })
      )
    })))
})
