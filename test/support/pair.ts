/** Two connection pools and nothing else: what one signals reaches the other a moment later, in order. */
import { Context, Effect, Layer, PubSub, Queue, Result } from "effect"
import { noneDropped } from "../../src/domain/MeshStatus.ts"
import { global } from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { decodeHubSignal, isPeerSignal } from "../../src/domain/Signal.ts"
import { ConnectionPool, type LinkNews } from "../../src/services/ConnectionPool.ts"
import * as Received from "../../src/services/gossip/Received.ts"
import { SessionContext } from "../../src/services/SessionContext.ts"
import type { HubMembership, MembershipNews } from "../../src/services/SignalingTransport.ts"
import { Supervisor } from "../../src/services/Supervisor.ts"
import { nowhere, SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"

/** One of the two. */
export interface End {
  readonly self: PeerId
  readonly pool: ConnectionPool["Service"]
  readonly news: PubSub.Subscription<LinkNews>
  /** How many offers it has sent. */
  offers(): number
}

/** Both ends dial each other. */
export const dialBoth = ([a, b]: readonly [End, End]) =>
  Effect.andThen(a.pool.dial(b.self, { dialect: "homing" }), b.pool.dial(a.self, { dialect: "homing" }))

/** What became of an end's links since it was asked last. */
export const newsOf = (end: End) => PubSub.takeUpTo(end.news, 100)

/** Whether an end has exactly one link. */
export const isLinked = (end: End) => Array.from(end.pool.neighbours()).length === 1

/** A pair of pools with these ids. */
export const pair = Effect.fnUntraced(function*(a: PeerId, b: PeerId) {
  const network = yield* SimulatedNetwork
  const pools = new Map<PeerId, ConnectionPool["Service"]>()

  const end = Effect.fnUntraced(function*(self: PeerId, other: PeerId) {
    let offers = 0
    const arrived = yield* Queue.unbounded<string>()
    const wire = network.wire<string>(nowhere(), nowhere(), (text) => void Queue.offerUnsafe(arrived, text))
    yield* Effect.gen(function*() {
      const signal = decodeHubSignal(yield* Queue.take(arrived))
      const pool = pools.get(other)
      if (pool !== undefined && Result.isSuccess(signal) && isPeerSignal(signal.success)) {
        yield* pool.receive(signal.success)
      }
    }).pipe(Effect.forever, Effect.forkScoped)
    const hub: HubMembership = {
      networkName: global,
      news: yield* Queue.unbounded<MembershipNews>(),
      foreign: Effect.succeed(0),
      announce: Effect.void,
      report: () => Effect.void,
      send: (signal) =>
        Effect.sync(() => {
          if (signal.type === "offer") offers++
          wire.send(JSON.stringify({ ...signal, fromPeerId: self }))
        })
    }
    const context = Layer.succeed(SessionContext, {
      self,
      networkName: global,
      hub,
      iceServers: Effect.succeed([]),
      minPeers: 4,
      maxPeers: 8,
      emit: () => Effect.succeed(true),
      received: Received.make().of(global),
      dropped: { ...noneDropped }
    })
    const layer = ConnectionPool.layer.pipe(Layer.provide(context), Layer.provide(Layer.fresh(Supervisor.layer)))
    const pool = Context.get(yield* Layer.build(Layer.fresh(layer)), ConnectionPool)
    pools.set(self, pool)
    return { self, pool, news: yield* pool.news, offers: () => offers } satisfies End as End
  })

  return [yield* end(a, b), yield* end(b, a)] as const
})
