/** What is opened is closed: 200 times in and out of a network, over real sockets and real WebRTC, leave nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Metric, Schedule } from "effect"
import { Hub } from "../../src/hub/Hub.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Node from "../../src/runtime/node.ts"

const networks = 10
const rounds = 10

const mesh = (hub: string, networkName: string) =>
  Mesh.layer({ hubs: hub, networkName }).pipe(
    Layer.provide(Node.layer),
    Layer.fresh,
    Layer.build,
    Effect.map((context) => Context.get(context, Mesh))
  )

/** How many of each kind of socket, timer and the like keep the process alive. */
const resources = () => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Waits, in real time, until a condition holds. */
const eventually = (condition: Effect.Effect<boolean>) =>
  condition.pipe(Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (holds) => holds }))

describe("200 times join and leave", () => {
  it.live("end with the sockets, timers, fibers and map entries they began with", () =>
    Effect.gen(function*() {
      let fibers = 0
      const counting = Layer.succeed(Metric.FiberRuntimeMetrics)({
        recordFiberStart: () => void fibers++,
        recordFiberEnd: () => void fibers--
      })
      yield* Effect.gen(function*() {
        const hub = yield* Hub
        const pairs = yield* Effect.forEach(
          Array.from({ length: networks }, (_, n) => `network-${n}`),
          (network) => Effect.all([mesh(hub.url, network), mesh(hub.url, network)])
        )

        const round = Effect.forEach(pairs, ([a, b]) =>
          Effect.gen(function*() {
            yield* Effect.all([a.join, b.join], { concurrency: 2 })
            yield* eventually(Effect.map(b.peers, (peers) => peers.length === 1))
            yield* a.broadcast("here and gone")
            yield* Effect.all([a.leave, b.leave], { concurrency: 2 })
          }), { concurrency: 5, discard: true })

        const atRest = Effect.map(hub.stats, (stats) => stats.connections === 0)
        // The first round loads and caches what is loaded and cached once.
        yield* round
        yield* eventually(atRest)
        yield* Effect.sleep("200 millis")
        const before = { fibers, resources: resources() }

        yield* Effect.repeat(round, { times: rounds - 1 })
        yield* eventually(atRest)
        yield* eventually(Effect.sync(() => fibers <= before.fibers)).pipe(Effect.timeoutOption("10 seconds"))

        assert.isAtMost(fibers, before.fibers, "fibers")
        for (const [kind, count] of Object.entries(resources())) {
          assert.isAtMost(count, before.resources[kind] ?? 0, kind)
        }
        for (const pair of pairs) {
          for (const { status } of pair) {
            const { actors, links, state } = yield* status
            assert.deepStrictEqual([actors.map(({ path }) => path), links, state], [
              ["mesh", "mesh/hub", "mesh/fallback"],
              [],
              "idle"
            ])
          }
        }
        assert.deepInclude(yield* hub.stats, { connections: 0, peers: 0, networks: 0 })
      }).pipe(Effect.provide(Hub.layer({ port: 0 })), Effect.provide(counting))
    }), 120_000)
})
