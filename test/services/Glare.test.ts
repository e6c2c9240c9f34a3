import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, PubSub, Queue } from "effect"
import { global } from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { decodeHubSignal } from "../../src/domain/Signal.ts"
import { ConnectionPool, type LinkNews } from "../../src/services/ConnectionPool.ts"
import { defaults, LinkSettings } from "../../src/services/link/LinkSettings.ts"
import { SessionContext } from "../../src/services/SessionContext.ts"
import type { HubMembership, MembershipNews } from "../../src/services/SignalingTransport.ts"
import { Supervisor } from "../../src/services/Supervisor.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import * as SimulatedWebRtc from "../../src/testing/SimulatedWebRtc.ts"
import { elapse, peer } from "../support/simulation.ts"

/** Two pools and nothing else: what one signals reaches the other. */
const pair = Effect.fnUntraced(function*(a: PeerId, b: PeerId) {
  const network = yield* SimulatedNetwork
  const pools = new Map<PeerId, ConnectionPool["Service"]>()
  const news = yield* Queue.unbounded<MembershipNews>()
  const poolOf = Effect.fnUntraced(function*(self: PeerId) {
    const wire = yield* network.wire<{ to: PeerId; text: string }>(({ text, to }) =>
      Effect.gen(function*() {
        const signal = yield* Effect.fromResult(decodeHubSignal(text))
        if (
          "fromPeerId" in signal && signal.type === "offer" || signal.type === "answer" ||
          signal.type === "ice-candidate"
        ) {
          yield* pools.get(to)?.receive(signal) ?? Effect.void
        }
      }).pipe(Effect.orDie)
    )
    const hub: HubMembership = {
      networkName: global,
      news,
      foreign: Effect.succeed(0),
      send: (signal) =>
        Effect.sync(() => wire.send({ to: signal.targetPeerId, text: JSON.stringify({ ...signal, fromPeerId: self }) }))
    }
    const context = Layer.succeed(SessionContext, {
      self,
      networkName: global,
      hub,
      iceServers: [],
      minPeers: 4,
      maxPeers: 8,
      emit: () => Effect.void,
      dropped: { foreignNetwork: 0, malformed: 0, duplicate: 0 }
    })
    const layer = ConnectionPool.layer.pipe(Layer.provide(context), Layer.provide(Layer.fresh(Supervisor.layer)))
    const pool = Context.get(yield* Layer.build(Layer.fresh(layer)), ConnectionPool)
    pools.set(self, pool)
    return { pool, news: yield* pool.news }
  })
  return [yield* poolOf(a), yield* poolOf(b)] as const
})

const opened = (subscription: PubSub.Subscription<LinkNews>) =>
  Effect.map(PubSub.takeUpTo(subscription, 100), (news) => news.filter((link) => link._tag === "Opened").length)

describe("simultaneous offers", () => {
  it.effect("500 pairs that dial each other at the same instant all end with exactly one link", () =>
    Effect.gen(function*() {
      const pairs = yield* Effect.forEach(
        Array.from({ length: 500 }, (_, n) => n),
        (n) => pair(peer(2 * n + 1), peer(2 * n + 2))
      )
      yield* Effect.forEach(
        pairs,
        Effect.fnUntraced(function*([a, b], n) {
          yield* a.pool.dial(peer(2 * n + 2), { dialect: "homing" })
          yield* b.pool.dial(peer(2 * n + 1), { dialect: "homing" })
        })
      )
      yield* elapse(5)
      for (const [a, b] of pairs) {
        assert.deepStrictEqual([Array.from(a.pool.neighbours()).length, Array.from(b.pool.neighbours()).length], [1, 1])
        assert.deepStrictEqual([yield* opened(a.news), yield* opened(b.news)], [1, 1])
      }
    }).pipe(
      // Nobody waits for the other's offer: all offers cross.
      Effect.provideService(LinkSettings, { ...defaults, offerWait: Duration.zero }),
      Effect.provide(SimulatedWebRtc.layer),
      Effect.provide(SimulatedNetwork.layer())
    ))
})
