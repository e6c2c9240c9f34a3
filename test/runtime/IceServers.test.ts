import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { WebRtcError } from "../../src/domain/Errors.ts"
import { NetworkSession } from "../../src/runtime/NetworkSession.ts"
import * as Received from "../../src/services/gossip/Received.ts"
import { Identity } from "../../src/services/Identity.ts"
import { Supervisor } from "../../src/services/Supervisor.ts"
import { WebRtc } from "../../src/services/WebRtc.ts"
import { ada, dove, greeting, hubA, makeWorld, offer, open, settle } from "../services/HubWorld.ts"

describe("STUN and TURN servers", () => {
  it.effect("of one's own and of the hub go into every connection, as they are when it is made", () =>
    Effect.gen(function*() {
      const own = { urls: "stun:own.test" }
      const offered = { urls: ["turn:hub.test"], username: "1:ada", credential: "first" }
      const used: Array<unknown> = []
      const webRtc = Layer.succeed(WebRtc, {
        engine: "none",
        open: (options) => {
          used.push(options.iceServers)
          return Effect.fail(new WebRtcError({ step: "open a connection", cause: "there is none" }))
        }
      })
      const world = makeWorld({
        [hubA]: (socket) => {
          socket.open()
          queueMicrotask(() => socket.say({ ...greeting, data: { ...greeting.data, iceServers: [offered] } }))
        }
      })
      const hub = yield* open(world, [hubA])
      yield* Layer.build(
        NetworkSession.layer({
          self: ada,
          networkName: dove,
          hub,
          farewell: Effect.succeed("goodbye"),
          iceServers: [own],
          minPeers: 4,
          maxPeers: 8,
          emit: () => Effect.succeed(true),
          received: Received.make()
        }).pipe(Layer.provide([webRtc, Supervisor.layer, Identity.layer]))
      )
      const meet = Effect.fnUntraced(function*(fromPeerId: string) {
        const homing = { version: 1, attempt: "first" }
        world.only.say({ ...offer, data: { ...offer.data, homing }, targetPeerId: ada, fromPeerId, networkName: dove })
        yield* settle
      })
      yield* meet("e".repeat(40))
      assert.deepStrictEqual(used, [[own, offered]])
      world.only.say({ type: "ice-servers", data: { iceServers: [{ ...offered, credential: "second" }] } })
      yield* meet("f".repeat(40))
      assert.deepStrictEqual(used.at(-1), [own, { ...offered, credential: "second" }])
    }))
})
