/** What becomes of messages while a peer moves, as a story: whatever was accepted arrives, or its sender is told. */
import { Effect, Fiber, Stream } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { World } from "../../src/testing/World.ts"
import type { Journey } from "./journeys.ts"

type Peer = Mesh["Service"]

/** What a peer heard, as `kind from number`. */
const ear = Effect.fnUntraced(function*(peer: Peer) {
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

const silent = { accepted: [], refused: [], stop: Effect.void }

/** Eleven peers, of whom one goes away and home again while the others stream to it, and some of them to everyone. */
export const switching: Journey = {
  unit: "messages",
  name: "a peer that moves while ten others stream to it",
  promise: "what a send or a broadcast accepted arrives, once, or its sender is told",
  options: {},
  tell: Effect.gen(function*() {
    const world = yield* World
    const gaming = { networkName: "gaming", allowGlobalFallback: false }
    const traveller = yield* world.peer("traveller", gaming)
    const others = yield* Effect.forEach(Array.from({ length: 10 }, (_, n) => n), (n) => world.peer(n, gaming))
    yield* Effect.forEach([traveller, ...others], (each) => each.join, { concurrency: "unbounded" })
    yield* Effect.sleep("10 seconds")
    const ears = new Map<PeerId, Array<string>>()
    for (const each of [traveller, ...others]) ears.set(each.peerId, yield* ear(each))

    const streams = yield* Effect.forEach(others, (other, n) =>
      Effect.gen(function*() {
        return {
          other,
          direct: yield* streaming((n) => other.send(traveller.peerId, n)),
          // All of them would be a flood of little use: a few say it to everyone.
          broadcast: n < 3 ? yield* streaming((n) => other.broadcast(n)) : silent
        }
      }))
    const own = yield* streaming((n) => traveller.broadcast(n))
    yield* Effect.sleep("2 seconds")
    const saidBefore = streams.map(({ broadcast }) => broadcast.accepted.length)
    const ownBefore = own.accepted.length
    yield* traveller.moveTo("elsewhere")
    yield* Effect.sleep("5 seconds")
    yield* traveller.moveTo("gaming")
    yield* Effect.sleep("5 seconds")
    for (const { broadcast, direct } of streams) yield* Effect.all([direct.stop, broadcast.stop])
    yield* own.stop
    yield* Effect.sleep("20 seconds")

    const lost: Array<string> = []
    let count = 0
    const expect = (peer: Peer, what: string) => {
      count++
      if (ears.get(peer.peerId)?.includes(what) !== true) lost.push(`${others.indexOf(peer)} misses ${what}`)
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
      if (direct.accepted.length <= 20) lost.push(`${index} could say ${direct.accepted.length} things only`)
      if (direct.refused.length === 0) lost.push(`${index} was never told that the traveller is away`)
    }
    for (const n of own.accepted.slice(0, ownBefore)) {
      for (const each of others) expect(each, `broadcast ${traveller.peerId} ${n}`)
    }
    for (const [peerId, heard] of ears) {
      if (new Set(heard).size !== heard.length) lost.push(`${peerId} heard something twice`)
    }
    return lost.length === 0 ? count : yield* Effect.fail(lost.slice(0, 10).join("; "))
  }).pipe(Effect.scoped)
}
