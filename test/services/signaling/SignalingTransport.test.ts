/** The layers of `SignalingTransport`: over real sockets to a real hub, and in the simulated world. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { describe } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Socket from "effect/socket/Socket"
import { Hub } from "../../../src/hub/Hub.ts"
import * as SignalingWebSocket from "../../../src/services/SignalingWebSocket.ts"
import { World } from "../../../src/testing/World.ts"
import { conformance } from "./conformance.ts"

const realHub = Effect.map(Layer.build(Hub.layer({ port: 0 })), (context) => Context.get(context, Hub).url)

for (
  const [name, constructor] of [
    ["the ws package", NodeWS.layerWebSocketConstructor],
    ["the platform's own WebSocket", Socket.layerWebSocketConstructorGlobal]
  ] as const
) {
  describe(`signaling over ${name}, at a real hub`, () => {
    const layer = Layer.provide(SignalingWebSocket.layer, constructor)
    conformance({
      place: Effect.map(Effect.orDie(realHub), (hub) => ({ hub, layer: () => layer })),
      run: Effect.scoped
    })
  })
}

describe("signaling in the simulated world", () => {
  const world = Layer.fresh(World.layer())
  conformance({
    place: Effect.map(Effect.serviceOption(World), (option) => {
      if (option._tag === "None") throw new Error("no world")
      const { edges, hub } = option.value
      return { hub: hub.url, layer: edges }
    }),
    run: (effect) => Effect.flatMap(World, ({ run }) => run(Effect.scoped(effect))).pipe(Effect.provide(world))
  })
})
