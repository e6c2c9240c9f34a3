import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue, Result, Schema, Stream } from "effect"
import type { Cause } from "effect"
import { TestClock } from "effect/testing"
import { Output } from "../../../src/cli/Output.ts"
import * as Program from "../../../src/cli/peer/Program.ts"
import { PeerMessage } from "../../../src/cli/PeerProtocol.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { Mesh } from "../../../src/runtime/Mesh.ts"
import { elapse, mesh, peer, world } from "../../support/simulation.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(PeerMessage))

/** A peer for a program, whose input and output are here. */
const program = Effect.fnUntraced(function*(n: number) {
  const input = yield* Queue.unbounded<string, Cause.Done>()
  const messages: Array<PeerMessage> = []
  const output = Layer.succeed(Output, {
    line: (text) => Effect.sync(() => void messages.push(decode(text))),
    broken: Effect.never
  })
  const self = yield* mesh(n)
  const fiber = yield* Program.run(Stream.map(Stream.fromQueue(input), Result.succeed)).pipe(
    Effect.provideService(Mesh, self),
    Effect.provide(output),
    Effect.forkChild({ startImmediately: true })
  )
  return {
    peerId: self.peerId,
    messages,
    fiber,
    write: (op: unknown) => void Queue.offerUnsafe(input, typeof op === "string" ? op : JSON.stringify(op)),
    end: () => void Queue.endUnsafe(input),
    replies: () => messages.filter((message) => message.event === "reply")
  }
})

describe("a peer for a program", () => {
  it.effect("is ready first, then says what happens and answers what it is asked", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* program(1), yield* program(2)]
      yield* elapse(5)
      assert.deepEqual<unknown>(one.messages[0], {
        event: "ready",
        peerId: one.peerId,
        networkName: "gaming",
        originalNetworkName: "gaming",
        fallbackMode: false,
        allowGlobalFallback: true
      })
      assert.deepInclude(one.messages, { event: "peerConnected", peerId: two.peerId })
      one.write({ id: 1, op: "broadcast", content: [1, null] })
      one.write({ id: 2, op: "send", to: two.peerId, content: "AQID", encoding: "base64" })
      one.write({ id: 3, op: "peers" })
      one.write("what?")
      yield* elapse(2)
      assert.deepEqual<unknown>(two.messages.filter((message) => message.event === "message"), [
        { event: "message", kind: "broadcast", from: one.peerId, content: [1, null], networkName: "gaming", hops: 1 },
        {
          event: "message",
          kind: "direct",
          from: one.peerId,
          content: "AQID",
          encoding: "base64",
          networkName: "gaming",
          hops: 1
        }
      ])
      assert.deepInclude(one.messages, {
        event: "reply",
        id: 1,
        ok: true,
        result: { networkName: NetworkName.make("gaming"), neighbours: 1 }
      })
      assert.deepInclude(one.messages, {
        event: "reply",
        id: 2,
        ok: true,
        result: { networkName: NetworkName.make("gaming") }
      })
      assert.deepInclude(one.messages, {
        event: "reply",
        id: null,
        ok: false,
        error: { _tag: "InvalidInput", message: "line cannot be used: it is not JSON" }
      })
      // Leaving takes time, which stands still once the test is over.
      one.end()
      two.end()
      yield* elapse(10)
      yield* Fiber.joinAll([one.fiber, two.fiber])
    }).pipe(Effect.provide(world)))

  it.effect("moves to the network it is told, lists the hub's, and shows home and away", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* program(1), yield* program(2)]
      const moves = () =>
        one.messages.filter((message) => message.event === "statusChanged").filter(({ type }) => type === "network")
          .map(({ fallbackMode, networkName, originalNetworkName }) => [networkName, originalNetworkName, fallbackMode])
      const reply = (id: number) => one.replies().find((reply) => reply.id === id)
      yield* elapse(5)
      one.write({ id: 1, op: "setNetworkName", networkName: "work" })
      yield* elapse(5)
      assert.deepEqual<unknown>(reply(1), { event: "reply", id: 1, ok: true, result: null })
      one.write({ id: 2, op: "networks" })
      yield* elapse(1)
      assert.deepEqual<unknown>(reply(2), {
        event: "reply",
        id: 2,
        ok: true,
        result: [{ name: "gaming", present: 1, waiting: 0 }, { name: "work", present: 1, waiting: 0 }]
      })
      yield* elapse(20)
      one.write({ id: 3, op: "setAllowGlobalFallback", allow: false })
      yield* elapse(5)
      assert.deepEqual<unknown>(reply(3), { event: "reply", id: 3, ok: true, result: null })
      one.write({ id: 4, op: "setNetworkName", networkName: "No Spaces" })
      one.write({ id: 5, op: "status" })
      yield* elapse(1)
      assert.deepInclude(reply(4), { ok: false })
      const status = reply(5)
      assert(status?.ok === true && status.result !== null && "networkName" in status.result)
      assert.deepInclude<object>(status.result, {
        networkName: "work",
        allowGlobalFallback: false,
        isInFallbackMode: false
      })
      assert.deepEqual<unknown>(moves(), [
        ["gaming", "gaming", false],
        ["work", "work", false],
        ["global", "work", true],
        ["work", "work", false]
      ])
      one.end()
      two.end()
      yield* elapse(10)
      yield* Fiber.joinAll([one.fiber, two.fiber])
    }).pipe(Effect.provide(world)))

  it.effect("says so when the network it is in becomes its home", () =>
    Effect.gen(function*() {
      const one = yield* program(1)
      yield* elapse(30)
      one.write({ id: 1, op: "setNetworkName", networkName: "global" })
      one.write({ id: 2, op: "setNetworkName", networkName: "global" })
      yield* elapse(1)
      const last = one.messages.findLast((message) => message.event === "statusChanged")
      assert(last)
      assert.deepInclude<object>(last, {
        networkName: "global",
        originalNetworkName: "global",
        fallbackMode: false,
        message: "global is the home now"
      })
      assert.lengthOf(one.messages.filter((message) => "message" in message && message.message === last.message), 1)
      one.end()
      yield* elapse(10)
      yield* Fiber.join(one.fiber)
    }).pipe(Effect.provide(world)))

  it.effect("starts ops in order, many at a time, and awaits them at the end of input", () =>
    Effect.gen(function*() {
      const count = 5 * Program.opsInFlight
      const [one, two] = [yield* program(1), yield* program(2)]
      yield* elapse(5)
      for (let n = 0; n < count; n++) one.write({ id: n, op: "send", to: two.peerId, content: n })
      one.end()
      yield* elapse(5)
      yield* Fiber.join(one.fiber)
      assert.strictEqual(one.replies().filter((reply) => reply.ok).length, count)
      assert.deepStrictEqual(
        two.messages.filter((message) => message.event === "message").map(({ content }) => content),
        Array.from({ length: count }, (_, n) => n)
      )
    }).pipe(Effect.provide(world)))

  it.effect("leaves when it is told to, once what came before is done, and answers that last", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* program(1), yield* program(2)]
      yield* elapse(5)
      one.write({ id: "a", op: "send", to: two.peerId, content: "bye" })
      one.write({ id: "b", op: "leave" })
      one.write({ id: "c", op: "status" })
      yield* elapse(5)
      yield* Fiber.join(one.fiber)
      assert.deepStrictEqual(one.replies().map(({ id }) => id), ["a", "b"])
      assert.deepEqual<unknown>(one.messages.at(-1), { event: "reply", id: "b", ok: true, result: null })
      assert.isTrue(two.messages.some(({ event }) => event === "peerDisconnected"))
    }).pipe(Effect.provide(world)))

  it.effect("says who cannot be reached", () =>
    Effect.gen(function*() {
      const one = yield* program(1)
      yield* elapse(1)
      one.write({ id: 1, op: "send", to: peer(9), content: "anyone?" })
      yield* elapse(20)
      const [reply] = one.replies()
      assert(reply?.ok === false)
      assert.strictEqual(reply.error._tag, "PeerUnreachable")
    }).pipe(Effect.provide(world)))

  it.effect("finishes what it can when it is interrupted", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* program(1), yield* program(2)]
      yield* elapse(5)
      one.write({ id: 1, op: "send", to: two.peerId, content: "last words" })
      yield* TestClock.adjust("10 millis")
      const ending = yield* Effect.forkChild(Fiber.interrupt(one.fiber), { startImmediately: true })
      yield* elapse(5)
      yield* Fiber.join(ending)
      assert.deepInclude(one.messages, {
        event: "reply",
        id: 1,
        ok: true,
        result: { networkName: NetworkName.make("gaming") }
      })
      assert.isTrue(two.messages.some((message) => message.event === "message" && message.content === "last words"))
    }).pipe(Effect.provide(world)))
})
