/** What becomes of messages while a peer moves: whatever was accepted arrives, or its sender is told. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, simulate } from "../support/simulation.ts"

/** What a peer heard, as `kind from number`. */
const ear = Effect.fnUntraced(function*(peer: Mesh["Service"]) {
  const heard: Array<string> = []
  yield* peer.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "Message") heard.push(`${event.kind} ${event.from} ${JSON.stringify(event.content)}`)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return heard
})

/** Says numbered things again and again, and keeps count of those that were accepted. */
const streaming = Effect.fnUntraced(function*(
  say: (n: number) => Effect.Effect<unknown, { readonly _tag: string }>
) {
  const accepted: Array<number> = []
  const refused: Array<string> = []
  const one = (n: number) =>
    Effect.match(say(n), {
      onSuccess: () => void accepted.push(n),
      onFailure: (error) => void refused.push(error._tag)
    })
  let said = 0
  const fiber = yield* Effect.forkScoped(Effect.forever(
    // Some at once, so that links have something waiting whenever the peer sets out.
    Effect.forEach([0, 1, 2], () => Effect.forkScoped(one(said++))).pipe(Effect.andThen(Effect.sleep("90 millis")))
  ))
  return { accepted, refused, stop: Fiber.interrupt(fiber) }
})

/** Eleven peers, of whom one goes away and home again while the others stream to it and to everyone. */
const journey = (seed: number) =>
  Effect.gen(function*() {
    const traveller = yield* mesh(0, { allowGlobalFallback: false })
    const others = yield* Effect.forEach(Array.from({ length: 10 }, (_, n) => n + 1), (n) => mesh(n))
    yield* Effect.forEach([traveller, ...others], (each) => each.join, { concurrency: "unbounded" })
    yield* elapse(10)
    const ears = new Map<PeerId, Array<string>>()
    for (const each of [traveller, ...others]) ears.set(each.peerId, yield* ear(each))

    const streams = yield* Effect.forEach(others, (other) =>
      Effect.gen(function*() {
        return {
          other,
          direct: yield* streaming((n) => other.send(traveller.peerId, n)),
          // All of them would be a flood of little use: a few say it to everyone.
          broadcast: yield* others.indexOf(other) < 3
            ? streaming((n) => other.broadcast(n))
            : Effect.succeed({ accepted: [], refused: [], stop: Effect.void })
        }
      }))
    const own = yield* streaming((n) => traveller.broadcast(n))
    yield* elapse(2)
    const saidBefore = streams.map(({ broadcast }) => broadcast.accepted.length)
    const ownBefore = own.accepted.length
    yield* traveller.moveTo("elsewhere")
    yield* elapse(5)
    yield* traveller.moveTo("gaming")
    yield* elapse(5)
    for (const { broadcast, direct } of streams) yield* Effect.all([direct.stop, broadcast.stop])
    yield* own.stop
    yield* elapse(20)

    const heardBy = (peer: Mesh["Service"]) => new Set(ears.get(peer.peerId))
    const lost: Array<string> = []
    const expect = (peer: Mesh["Service"], what: string) => {
      if (!heardBy(peer).has(what)) lost.push(`${others.indexOf(peer)} misses ${what}`)
    }
    for (const [index, { broadcast, direct, other }] of streams.entries()) {
      for (const n of direct.accepted) expect(traveller, `direct ${other.peerId} ${n}`)
      for (const n of broadcast.accepted) {
        for (const each of others) {
          if (each !== other) expect(each, `broadcast ${other.peerId} ${n}`)
        }
      }
      // Accepted before the traveller set out, and so for it too.
      for (const n of broadcast.accepted.slice(0, saidBefore[index])) {
        expect(traveller, `broadcast ${other.peerId} ${n}`)
      }
    }
    for (const n of own.accepted.slice(0, ownBefore)) {
      for (const each of others) expect(each, `broadcast ${traveller.peerId} ${n}`)
    }
    const twice = [traveller, ...others].filter((each) => heardBy(each).size !== ears.get(each.peerId)?.length)
    return {
      lost,
      twice: twice.length,
      direct: streams.map(({ direct }) => [direct.accepted.length, direct.refused.length])
    }
  }).pipe(simulate, Effect.provide(World.layer({ seed })))

describe("while a peer moves away and home again", () => {
  for (const seed of [1, 2, 3]) {
    it.effect(`nothing that was accepted is lost (seed ${seed})`, () =>
      Effect.gen(function*() {
        const { direct, lost, twice } = yield* journey(seed)
        assert.deepStrictEqual(lost, [])
        assert.strictEqual(twice, 0)
        for (const [accepted, refused] of direct) {
          assert.isAbove(accepted ?? 0, 20)
          assert.isAbove(refused ?? 0, 0)
        }
      }))
  }
})
