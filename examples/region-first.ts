/**
 * A supervisor that knows a place on the way: while nobody is at home it takes the peer to its region, and from there to
 * `global` if the region is empty too. Home it goes as soon as somebody is there.
 *
 *     npm run hub
 *     npm run example examples/region-first.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Duration, Effect, Layer, Stream } from "effect"
import { FallbackPolicy, Mesh, NetworkHealth, NetworkName } from "homing"
import * as Node from "homing/node"

/** Home, then the region, then `global`; each is left after the grace period alone. */
export const regionFirst = (
  region: NetworkName.NetworkName,
  settings: NetworkHealth.FallbackSettings = NetworkHealth.defaultSettings
): FallbackPolicy => ({
  decide: (health) => {
    // The default knows when to leave home and when to return. All that is new is the step after the first.
    const verdict = NetworkHealth.decide(health, { ...settings, refuge: region })
    const inRegion = health.networkName === region
    const alone = health.aloneForMillis >= Duration.toMillis(settings.grace)
    return verdict._tag === "Stay" && inRegion && alone && health.allowGlobalFallback
      ? NetworkHealth.fallBack(NetworkName.global, `nobody in ${region} either`)
      : verdict
  }
})

/** The policy as a layer, to be provided to `Mesh.layer`. */
export const RegionFirst = Layer.succeed(FallbackPolicy, regionFirst(NetworkName.NetworkName.make("eu-west")))

/** Joins, and says where it is taken. */
const program = Effect.gen(function*() {
  const mesh = yield* Mesh
  yield* mesh.events.pipe(
    Stream.runForEach((event) => event._tag === "StatusChanged" ? Effect.log(event.message) : Effect.void),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  yield* Effect.never
})

if (import.meta.main) {
  const MeshLayer = Mesh.layer({ hubs: "ws://localhost:3000", networkName: "gaming" }).pipe(
    Layer.provide(RegionFirst),
    Layer.provide(Node.layer)
  )
  program.pipe(Effect.scoped, Effect.provide(MeshLayer), NodeRuntime.runMain)
}
