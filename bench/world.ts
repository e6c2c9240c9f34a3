/**
 * How fast the simulated world is: 100 meshes in one network, an hour of their time.
 *
 * Run with `node bench/world.ts`; `node bench/world.ts 20 10` takes 20 meshes and 10 minutes, and `node bench/world.ts
 * 100 60 5` lets links be probed five times less often. With `node --expose-gc` it also says what a mesh takes in memory.
 */
import { Duration, Effect } from "effect"
import { defaults, LinkSettings } from "../src/services/link/LinkSettings.ts"
import { World } from "../src/testing/World.ts"

const count = Number(process.argv[2] ?? 100)
const minutes = Number(process.argv[3] ?? 60)
const patience = Number(process.argv[4] ?? 1)

const settings: LinkSettings = {
  ...defaults,
  probeInterval: Duration.times(defaults.probeInterval, patience),
  suspectAfter: Duration.times(defaults.suspectAfter, patience),
  deadAfter: Duration.times(defaults.deadAfter, patience)
}

const program = Effect.gen(function*() {
  const world = yield* World
  const startedAt = performance.now()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const took = (what: string) =>
    console.log(
      `${what.padEnd(40)} ${((performance.now() - startedAt) / 1000).toFixed(1)} s, cpu ${
        (process.cpuUsage().user / 1e6).toFixed(1)
      } s`
    )
  const meshes = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => world.peer(n))
  took(`${count} meshes made`)
  yield* world.run(Effect.forEach(meshes, (mesh) => mesh.join, { concurrency: "unbounded" }))
  took("all joined")
  yield* world.elapse("1 minute")
  took("a minute passed")
  yield* world.elapse(`${minutes - 1} minutes`)
  took(`${minutes} minutes passed`)
  const links = yield* Effect.forEach(meshes, (mesh) => Effect.map(mesh.peers, (peers) => peers.length))
  console.log(`${links.reduce((a, b) => a + b, 0) / 2} links, ${(yield* world.trace).length} happenings`)
  if (globalThis.gc !== undefined) {
    globalThis.gc()
    const { heapUsed, rss } = process.memoryUsage()
    console.log(
      `${Math.round((heapUsed - before) / count / 1024)} KiB of heap a mesh, ${Math.round(rss / 2 ** 20)} MiB of memory`
    )
  }
  return took
})

const took = await Effect.runPromise(program.pipe(
  Effect.provideService(LinkSettings, settings),
  Effect.provide(World.layer())
))
took("all left")
