import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue } from "effect"
import { TestClock } from "effect/testing"
import type { Packet } from "../../../src/domain/Frame.ts"
import * as Inbox from "../../../src/services/link/Inbox.ts"
import { defaults } from "../../../src/services/link/LinkSettings.ts"
import * as OpenLink from "../../../src/services/link/OpenLink.ts"
import * as Outbox from "../../../src/services/link/Outbox.ts"
import * as Pulse from "../../../src/services/link/Pulse.ts"
import { peer } from "../../support/simulation.ts"

describe("an open link", () => {
  it.effect("hears and answers while its messages are being handled", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make({ bytes: 1000, frames: 100 })
      const sent: Array<Packet> = []
      const lost: Array<string> = []
      yield* OpenLink.make({
        peerId: peer(1),
        dialect: "homing",
        settings: defaults,
        channel: {
          send: (packet) => Effect.sync(() => void sent.push(packet)),
          sendUnsafe: (packet) => sent.push(packet) > 0,
          writable: Effect.void,
          bufferedAmount: () => 0
        },
        inbox,
        gone: Effect.never,
        leads: true,
        pulse: yield* Pulse.make(defaults.probeInterval),
        serverOf: () => ({ handle: () => Effect.never, needsAll: false }),
        refused: () => undefined,
        suspected: () => undefined,
        lost: (reason) => void lost.push(reason)
      })
      inbox.offer({ frame: { type: "__BINARY__", bytes: new Uint8Array(1) }, bytes: 1 })
      for (let nonce = 1; nonce <= 15; nonce++) {
        yield* TestClock.adjust("1 second")
        inbox.offer({ frame: { type: "ping", nonce }, bytes: 20 })
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lost, [])
      assert.strictEqual(sent.filter((packet) => String(packet).includes("\"pong\"")).length, 15)
    }))

  it.effect("says goodbye to a neighbour that is gone before it could answer, and does not wait for it", () =>
    Effect.gen(function*() {
      const gone = yield* Deferred.make<void>()
      const sent: Array<Packet> = []
      const link = yield* OpenLink.make({
        peerId: peer(1),
        dialect: "homing",
        settings: defaults,
        channel: {
          send: (packet) => Effect.sync(() => void sent.push(packet)),
          sendUnsafe: (packet) => sent.push(packet) > 0,
          writable: Effect.void,
          bufferedAmount: () => 0
        },
        inbox: yield* Inbox.make({ bytes: 1000, frames: 100 }),
        gone: Deferred.await(gone),
        leads: true,
        pulse: yield* Pulse.make(defaults.probeInterval),
        serverOf: () => ({ handle: () => Effect.void, needsAll: false }),
        refused: () => undefined,
        suspected: () => undefined,
        lost: () => undefined
      })
      const farewell = yield* link.farewell("moving on", defaults.drainTimeout).pipe(Effect.forkChild)
      yield* TestClock.adjust("10 millis")
      assert.isUndefined(farewell.pollUnsafe())
      assert.include(String(sent.at(-1)), "moving on")
      yield* Deferred.succeed(gone, undefined)
      yield* TestClock.adjust("10 millis")
      assert.isDefined(farewell.pollUnsafe())
    }))

  it.effect("sends what it accepted to a neighbour that leaves, before it lets it go", () =>
    Effect.gen(function*() {
      const room = yield* Queue.unbounded<void>()
      const inbox = yield* Inbox.make({ bytes: 1000, frames: 100 })
      const sent: Array<Packet> = []
      const lost: Array<string> = []
      const link = yield* OpenLink.make({
        peerId: peer(1),
        dialect: "homing",
        settings: defaults,
        channel: {
          send: (packet) => Effect.sync(() => void sent.push(packet)),
          sendUnsafe: () => true,
          writable: Queue.take(room),
          bufferedAmount: () => 0
        },
        inbox,
        gone: Effect.never,
        leads: true,
        pulse: yield* Pulse.make(defaults.probeInterval),
        serverOf: () => ({ handle: () => Effect.void, needsAll: false }),
        refused: () => undefined,
        suspected: () => undefined,
        lost: (reason) => void lost.push(reason)
      })
      // Bytes, for short texts would share a packet.
      for (const n of [1, 2]) assert.isTrue(link.outbox.tryOffer(Outbox.parcel([new Uint8Array([n])])))
      inbox.offer({ frame: { type: "leave", reason: "moving on" }, bytes: 20 })
      yield* Queue.offer(room, undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([sent, lost], [[new Uint8Array([1])], []])
      yield* Queue.offer(room, undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(sent, [new Uint8Array([1]), new Uint8Array([2]), "{\"type\":\"left\"}"])
      assert.deepStrictEqual(lost, ["moving on"])
    }))
})
