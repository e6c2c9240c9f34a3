/** Peers who find each other's way home through a real hub. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NetworkName from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { Hub } from "../../src/hub/Hub.ts"
import { type HubSession, SignalingTransport } from "../../src/services/SignalingTransport.ts"
import * as SignalingWebSocket from "../../src/services/SignalingWebSocket.ts"
import { ada, bob } from "./HubWorld.ts"

const home = NetworkName.NetworkName.make("home")
const { global } = NetworkName

const startHub = Effect.map(Layer.build(Hub.layer({ port: 0 })), Context.get(Hub))

const connect = (url: string, peerId: PeerId) =>
  Effect.flatMap(SignalingTransport, (transport) => transport.open({ peerId, hubs: [url] })).pipe(
    Effect.provide(Layer.provide(SignalingWebSocket.layer, NodeWS.layerWebSocketConstructor))
  )

/** Waits until a watch of the home network shows these counts. */
const untilHome = (session: HubSession, waiting: boolean, present: number, others: number) =>
  Effect.flatMap(session.watch(home, { waiting }), (watched) =>
    Stream.runHead(Stream.filter(
      watched,
      (seen) => seen._tag === "Counts" && seen.present === present && seen.waiting === others
    )))

describe("home and away", () => {
  it.live("two who wait elsewhere see each other wait, and then who went first", () =>
    Effect.gen(function*() {
      const { url } = yield* startHub
      const a = yield* connect(url, ada)
      const b = yield* connect(url, bob)
      const away = yield* Scope.make()
      const inGlobal = yield* Scope.provide(
        a.join(global, { farewell: Effect.succeed("leave"), discoverable: false }),
        away
      )
      const stays = yield* b.join(global)
      yield* Effect.all([untilHome(a, true, 0, 1), untilHome(b, true, 0, 1)], { concurrency: "unbounded" })
      assert.strictEqual(inGlobal.networkName, global)
      // a goes home: it is in both for a moment, and then leaves without a goodbye.
      yield* a.join(home)
      yield* untilHome(b, true, 1, 0)
      yield* Scope.close(away, Exit.void)
      const signals = yield* Stream.fromQueue(stays.news).pipe(
        Stream.filter((news) => news._tag === "Signal"),
        Stream.map(({ signal }) => signal.type),
        Stream.takeUntil((type) => type === "peer-disconnected"),
        Stream.runCollect
      )
      assert.deepStrictEqual(signals, ["peer-discovered", "peer-disconnected"])
      assert.strictEqual(yield* Queue.size(stays.news), 0)
      assert.deepStrictEqual<unknown>(yield* a.networks, [
        { name: home, present: 1, waiting: 1 },
        { name: global, present: 1, waiting: 0 }
      ])
    }))
})
