/** What comes over one link is handed out by subject, and no subject waits for another. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Frame } from "../../../src/domain/Frame.ts"
import type { Arrival } from "../../../src/services/link/Inbox.ts"
import * as Lanes from "../../../src/services/link/Lanes.ts"
import { peer } from "../../support/simulation.ts"

const binary = (n: number): Arrival => ({ frame: { type: "__BINARY__", bytes: new Uint8Array([n]) }, bytes: 10 })
const end = (stream: number): Arrival => ({ frame: { type: "stream-end", stream }, bytes: 10 })

/** A server that notes what it handles, and takes as long as it is let. */
const server = (pace: Effect.Effect<void> = Effect.void, needsAll = false) => {
  const handled: Array<number | undefined> = []
  const batches: Array<number> = []
  return {
    handled,
    batches,
    needsAll,
    handle: (_: unknown, batch: Lanes.Batch) =>
      Effect.andThen(
        pace,
        Effect.sync(() => {
          batches.push(batch.length)
          for (const frame of batch) {
            handled.push(frame.type === "__BINARY__" ? frame.bytes[0] : frame.type === "stream-end" ? frame.stream : -1)
          }
        })
      )
  }
}

const lanesFor = Effect.fnUntraced(function*(
  serverOf: Lanes.LanesOptions["serverOf"],
  limit: Lanes.LanesOptions["limit"] = { bytes: 1000, frames: 100 }
) {
  const scope = yield* Effect.scope
  const counts = { done: 0, refused: 0, overrun: 0 }
  const lanes = Lanes.make({
    from: peer(1),
    limit,
    serverOf,
    done: (arrivals) => void (counts.done += arrivals.length),
    refused: () => void counts.refused++,
    overrun: () => void counts.overrun++,
    tend: (_, effect) => Effect.forkIn(Effect.forever(effect), scope)
  })
  const put = (arrivals: ReadonlyArray<Arrival>) => Effect.forEach(arrivals, lanes.put, { discard: true })
  return { lanes: { ...lanes, put }, counts }
})

const bySubject = (messages: Lanes.Server, streams: Lanes.Server) => (type: Frame["type"]) =>
  type === "__BINARY__" ? messages : streams

describe("lanes", () => {
  it.effect("take at once what has a lane already, and nothing else", () =>
    Effect.gen(function*() {
      const messages = server()
      const served = yield* Deferred.make<Lanes.Server>()
      const { lanes } = yield* lanesFor((type) => type === "__BINARY__" ? messages : Deferred.await(served))
      assert.deepStrictEqual([lanes.offer(binary(1)), lanes.offer(end(1))], [false, false])
      yield* lanes.put([binary(1)])
      assert.deepStrictEqual([lanes.offer(binary(2)), lanes.offer(end(1))], [true, false])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([messages.handled, messages.batches], [[1, 2], [2]])
    }))

  it.effect("go on where another has to wait, and each keeps its order", () =>
    Effect.gen(function*() {
      const [messages, streams] = [server(Effect.sleep("1 minute")), server()]
      const { counts, lanes } = yield* lanesFor(bySubject(messages, streams))
      yield* lanes.put([binary(1), end(1), binary(2), end(2)])
      yield* TestClock.adjust("1 second")
      yield* lanes.put([end(3), binary(3)])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([messages.handled, streams.handled, counts.done], [[], [1, 2, 3], 3])
      yield* TestClock.adjust("3 minutes")
      // What came meanwhile is handled together.
      assert.deepStrictEqual([messages.handled, messages.batches, counts.done], [[1, 2, 3], [2, 1], 6])
    }))

  it.effect("refuse what finds no room, count it, and leave the others alone", () =>
    Effect.gen(function*() {
      const [messages, streams] = [server(Effect.sleep("1 minute")), server(Effect.void, true)]
      const { counts, lanes } = yield* lanesFor(bySubject(messages, streams), { bytes: 1000, frames: 3 })
      yield* lanes.put([1, 2, 3, 4, 5].map(binary))
      yield* lanes.put([end(1), end(2)])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(counts, { done: 4, refused: 2, overrun: 0 })
      assert.deepStrictEqual(streams.handled, [1, 2])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(messages.handled, [1, 2, 3])
      // There is room again.
      assert.isTrue(lanes.offer(binary(6)))
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual([messages.handled, counts.refused, counts.done], [[1, 2, 3, 6], 2, 8])
    }))

  it.effect("are bounded by bytes, or by a single frame of any size", () =>
    Effect.gen(function*() {
      const messages = server(Effect.sleep("1 minute"))
      const { counts, lanes } = yield* lanesFor(() => messages, { bytes: 25, frames: 100 })
      yield* lanes.put([{ ...binary(1), bytes: 1000 }, binary(2)])
      assert.strictEqual(counts.refused, 1)
      yield* TestClock.adjust("1 minute")
      yield* lanes.put([binary(3), binary(4), binary(5)])
      assert.strictEqual(counts.refused, 2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(messages.handled, [1, 3, 4])
    }))

  it.effect("say so where a subject cannot do without", () =>
    Effect.gen(function*() {
      const streams = server(Effect.never, true)
      const { counts, lanes } = yield* lanesFor(() => streams, { bytes: 1000, frames: 2 })
      yield* lanes.put([1, 2, 3].map(end))
      assert.deepStrictEqual([counts.refused, counts.overrun], [0, 1])
    }))

  it.effect("are settled once everything is handled", () =>
    Effect.gen(function*() {
      const [messages, streams] = [server(Effect.sleep("1 minute")), server(Effect.sleep("10 seconds"))]
      const { lanes } = yield* lanesFor(bySubject(messages, streams))
      yield* lanes.settled
      yield* lanes.put([binary(1), end(1)])
      const settled = yield* Effect.forkChild(lanes.settled)
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(settled.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(settled)
    }))

  it.effect("have their turn while somebody waits for a server of what comes after", () =>
    Effect.gen(function*() {
      const [messages, streams] = [server(), server()]
      const served = yield* Deferred.make<Lanes.Server>()
      const { lanes } = yield* lanesFor((type) => type === "__BINARY__" ? messages : Deferred.await(served))
      const put = yield* Effect.forkChild(lanes.put([binary(1), end(1), binary(2)]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(messages.handled, [1])
      yield* Deferred.succeed(served, streams)
      yield* Fiber.join(put)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([messages.handled, streams.handled], [[1, 2], [1]])
    }))
})
