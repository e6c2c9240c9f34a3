/** Signals that come over the mesh: their sender is who signed them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { type Signaled, signedBytes } from "../../src/domain/OverlayFrame.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { Identity } from "../../src/services/Identity.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

const gaming = NetworkName.make("gaming")

describe("a signal over the mesh", () => {
  it.effect("is taken from who signed it, for us, in this network, and unchanged", () =>
    Effect.gen(function*() {
      const { still } = yield* World
      const eve = yield* still(Effect.provide(Identity, Identity.layerFromKey(new Uint8Array(32).fill(9))))
      const ada = yield* mesh(1)
      yield* ada.join
      yield* elapse(1)
      // Smaller than any id in these tests, so that others dial it.
      const relay = peer(0)
      const { channel } = yield* stranger(relay, gaming)
      yield* elapse(2)
      const wire = yield* channel

      let id = 0
      const tell = (from: PeerId, signal: object) =>
        wire.send(JSON.stringify({
          type: "signal",
          id: `signal-${id++}`,
          from,
          to: ada.peerId,
          signal,
          ttl: 9,
          path: [from, relay],
          visited: [from, relay]
        }))
      const malformed = Effect.map(ada.status, ({ dropped }) => dropped.malformed)
      const offer: Signaled = { type: "offer", data: { type: "offer", sdp: "v=0\r\no=- 1 1 IN IP4 0.0.0.0" } }
      const sign = (networkName = gaming, from = eve.peerId, to = ada.peerId, signal = offer) =>
        still(eve.sign("signal", signedBytes(networkName, from, to, signal)))

      const before = yield* malformed
      const forgeries: ReadonlyArray<readonly [PeerId, Signaled]> = [
        [eve.peerId, offer],
        [peer(5), { ...offer, signature: yield* sign() }],
        [peer(5), { ...offer, signature: yield* sign(gaming, peer(5)) }],
        [eve.peerId, { ...offer, signature: yield* sign(NetworkName.make("work")) }],
        [eve.peerId, { ...offer, signature: yield* sign(gaming, eve.peerId, peer(5)) }],
        [eve.peerId, { type: "offer", data: { type: "offer", sdp: "v=0\r\nanother" }, signature: yield* sign() }]
      ]
      for (const [from, signal] of forgeries) yield* tell(from, signal)
      yield* elapse(0.5)
      assert.strictEqual((yield* malformed) - before, forgeries.length)

      yield* tell(eve.peerId, { ...offer, signature: yield* sign() })
      yield* elapse(0.2)
      assert.strictEqual((yield* malformed) - before, forgeries.length)
    }).pipe(simulate, Effect.provide(world)))
})
