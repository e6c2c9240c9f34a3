// What somebody who uses Effect writes. Only type-checked, against the declarations of the installed package.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Mesh, type MeshEvent, type MeshOptions, PeerId } from "homing"
import * as Browser from "homing/browser"
import { Hub, type HubCannotListen, type HubOptions } from "homing/hub"
import * as Node from "homing/node"
import { SimulatedNetwork, SimulatedSignaling, SimulatedWebRtc } from "homing/testing"

const options: MeshOptions = { hubs: "ws://localhost:3000", networkName: "garden" }

export const program = Effect.gen(function*() {
  const mesh = yield* Mesh
  yield* mesh.join
  const { neighbours: heard } = yield* mesh.broadcast({ hello: "world" })
  const self: string = PeerId.short(mesh.peerId)
  yield* mesh.events.pipe(
    Stream.runForEach((event: MeshEvent) => Effect.log(event._tag === "Message" ? event.content : event._tag))
  )
  return { heard, self }
}).pipe(
  Effect.catchTag("HubUnreachable", (error) => Effect.fail(error.urls.join())),
  Effect.provide(Mesh.layer(options).pipe(Layer.provide(Node.layer)))
)

export const inBrowser: Layer.Layer<Mesh, unknown> = Mesh.layer(options).pipe(Layer.provide(Browser.layer))

const hubOptions: HubOptions = { port: 0 }
export const hub: Layer.Layer<Hub, HubCannotListen> = Layer.orDie(Hub.layer(hubOptions))

export const world = Layer.merge(SimulatedSignaling.layer, SimulatedWebRtc.layer).pipe(
  Layer.provide(SimulatedNetwork.layer({ latency: ["1 milli", "2 millis"] }))
)
