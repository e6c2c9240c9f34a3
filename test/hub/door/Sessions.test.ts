/** Our own clients at real hubs: two sessions of one peer, and those of strangers. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { Identity } from "../../../src/services/Identity.ts"
import * as HubProof from "../../../src/services/signaling/HubProof.ts"
import { SignalingTransport } from "../../../src/services/SignalingTransport.ts"
import * as SignalingWebSocket from "../../../src/services/SignalingWebSocket.ts"
import { connect } from "../TestPeer.ts"

const red = NetworkName.make("red")

const hubAt = (options: HubOptions = {}) =>
  Effect.map(
    Layer.build(Layer.fresh(Hub.layer({ port: 0, hubMeshMaxPeers: 0, ...options }))),
    (context) => Context.get(context, Hub)
  )

const fresh = Identity.pipe(Effect.provide(Layer.fresh(Identity.layer)))

const session = (self: Identity["Service"], url: string) =>
  Effect.flatMap(SignalingTransport, (transport) => transport.open({ peerId: self.peerId, hubs: [url] })).pipe(
    Effect.provideService(HubProof.HubProof, HubProof.of(self))
  )

const quietly = <A, E>(body: Effect.Effect<A, E, Scope.Scope | SignalingTransport>) =>
  Effect.scoped(body).pipe(
    Effect.provide(Layer.provide(SignalingWebSocket.layer, NodeWS.layerWebSocketConstructor)),
    Effect.provideService(References.MinimumLogLevel, "None")
  )

const until = Effect.fnUntraced(function*<E>(what: string, test: Effect.Effect<boolean, E>) {
  for (let tries = 0; tries < 400; tries++) {
    if (yield* test) return
    yield* Effect.sleep("10 millis")
  }
  return assert.fail(what)
})

describe("two sessions of one peer", () => {
  it.live("do not take each other's place for ever", () =>
    quietly(Effect.gen(function*() {
      const hub = yield* hubAt()
      const self = yield* fresh
      const first = yield* session(self, hub.url)
      yield* first.join(red)
      yield* until("it is proven", Effect.map(hub.stats, ({ proven }) => proven === 1))
      const second = yield* session(self, hub.url)
      yield* second.join(red)
      yield* until("the first gives way", Effect.map(first.state, ({ _tag }) => _tag === "TakenOver"))
      // Four times as long as a session waits that tries again.
      yield* Effect.sleep("2 seconds")
      assert.strictEqual((yield* hub.stats).proven, 2)
      assert.strictEqual((yield* second.state)._tag, "Connected")
      // Whoever is used is the one that its owner joins with.
      yield* first.join(NetworkName.make("blue"))
      yield* until("the second gives way", Effect.map(second.state, ({ _tag }) => _tag === "TakenOver"))
      assert.strictEqual((yield* hub.stats).peers, 1)
    })))

  it.live("begin at the same moment, and one of them stays", () =>
    quietly(Effect.gen(function*() {
      const hub = yield* hubAt()
      const self = yield* fresh
      const sessions = yield* Effect.forEach([1, 2, 3], () => session(self, hub.url))
      yield* Effect.forEach(sessions, (session) => Effect.ignore(session.join(red)), { concurrency: 3 })
      yield* Effect.sleep("2 seconds")
      const tags = yield* Effect.forEach(sessions, (session) => Effect.map(session.state, ({ _tag }) => _tag))
      assert.strictEqual(tags.filter((tag) => tag === "Connected").length, 1, tags.join(" "))
      assert.strictEqual((yield* hub.stats).peers, 1)
    })))

  it.live("at two hubs are one, and strangers are refused at both", () =>
    quietly(Effect.gen(function*() {
      const one = yield* hubAt({ isHub: true })
      const two = yield* hubAt({ isHub: true, bootstrapHubs: [one.url] })
      yield* until(
        "hubs know each other",
        Effect.map(one.hubs, (hubs) => hubs.some(({ connection }) => connection === "websocket"))
      )
      const self = yield* fresh
      const first = yield* session(self, one.url)
      yield* first.join(red)
      yield* until("it is proven", Effect.map(one.stats, ({ proven }) => proven === 1))
      yield* Effect.sleep("200 millis")
      for (const { url } of [one, two]) {
        const stranger = yield* connect(url, self.peerId)
        assert.deepStrictEqual(yield* stranger.closed, { code: 1008, reason: "Peer already connected" })
      }
      const second = yield* session(self, two.url)
      const [took] = yield* Effect.timed(second.join(red))
      assert.isBelow(Duration.toMillis(took), 1000)
      yield* until("the first gives way", Effect.map(first.state, ({ _tag }) => _tag === "TakenOver"))
      assert.deepStrictEqual([(yield* one.stats).peers, (yield* two.stats).peers], [0, 1])
      assert.strictEqual((yield* second.state)._tag, "Connected")
    })))
})
