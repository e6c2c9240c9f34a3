/** Streams whose link takes nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { global } from "../../../src/domain/NetworkName.ts"
import { ConnectionPool } from "../../../src/services/ConnectionPool.ts"
import type { OpenLink } from "../../../src/services/link/OpenLink.ts"
import * as Outbox from "../../../src/services/link/Outbox.ts"
import * as Register from "../../../src/services/streams/Register.ts"
import { Event, offered } from "../../../src/services/streams/StreamMachine.ts"
import { peer } from "../../support/simulation.ts"

const link: OpenLink = {
  peerId: peer(1),
  dialect: "homing",
  since: 0,
  outbox: Outbox.make({ bytes: 1, frames: 1 }),
  sent: () => 0,
  farewell: () => Effect.void,
  rttMillis: () => undefined
}
const stuck = Layer.mock(ConnectionPool, {
  send: () => Effect.never,
  sendBulk: () => Effect.never,
  neighbour: () => link,
  neighbours: () => [link.peerId],
  size: () => 1,
  openCount: () => 1
})

describe("a register", () => {
  it.effect("loses a stream, and says so, when one of its frames finds no room among those that wait", () =>
    Effect.gen(function*() {
      const register = yield* Register.make
      const facts = { peerId: peer(1), networkName: global, name: "stream", metadata: undefined }
      const [one, other] = [
        register.enter(facts, link, 1, offered(1000)),
        register.enter(facts, link, 3, offered(1000))
      ]
      const credit = { type: "stream-credit", stream: 5, bytes: 1 } as const
      for (let n = 0; n < Register.maxAside; n++) assert.isTrue(register.post(peer(1), credit))
      assert.isFalse(register.post(peer(1), credit))
      assert.strictEqual(register.waiting, Register.maxAside)
      // Its own word for the other end finds no room either.
      one.feed(Event.Accept())
      assert.strictEqual(one.state()._tag, "Closed")
      const error = yield* Effect.flip(one.write(Uint8Array.of(1)))
      assert.include(error.message, "too much waits to be sent")
      assert.deepStrictEqual([register.size, other.state()._tag], [1, "Offered"])
    }).pipe(Effect.scoped, Effect.provide(stuck)))
})
