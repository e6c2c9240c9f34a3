/** A mesh with a supervisor of somebody's own, in the simulated world, and where it has been. */
import { Clock, Context, Effect, Layer, Stream } from "effect"
import { Mesh } from "../../src/runtime/Mesh.ts"
import { World } from "../../src/testing/World.ts"

/** Joins `home` under a supervisor, and keeps each network that it comes to and when, in milliseconds since 1970. */
export const tour = Effect.fnUntraced(function*<A>(home: string, supervisor: Layer.Layer<A>) {
  const world = yield* World
  const layer = world.mesh("traveller", { networkName: home }).pipe(Layer.provideMerge(supervisor))
  const context = yield* Layer.build(layer)
  const mesh = Context.get(context, Mesh)
  const visited: Array<readonly [networkName: string, at: number]> = []
  yield* mesh.events.pipe(
    Stream.runForEach((event) =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        if (event._tag === "StatusChanged" && event.type === "network") visited.push([event.networkName, at])
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  const networks = () => visited.map(([networkName]) => networkName)
  return { context, mesh, visited, networks }
})

/** Somebody else, who is in a network and stays there. */
export const resident = Effect.fnUntraced(function*(name: string, networkName: string) {
  const mesh = yield* World.use((world) => world.peer(name, { networkName, allowGlobalFallback: false }))
  yield* mesh.join
  return mesh
})
