/** Streams between real meshes, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Scope, Stream } from "effect"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import type { Duplex, StreamRequest } from "../../src/services/streams/Duplex.ts"
import { elapse, mesh, simulate, world } from "../support/simulation.ts"

type Peer = Mesh["Service"]

/** Meshes 1 to `count` in one network, linked. */
const meshes = Effect.fnUntraced(function*(count: number) {
  const all = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n + 1), (n) => mesh(n))
  yield* Effect.forEach(all, (one) => one.join, { concurrency: "unbounded" })
  yield* elapse(5)
  return all
})

const pair = Effect.map(meshes(2), ([ada, bob]) => {
  assert(ada && bob)
  return { ada, bob }
})

/** Decides on every stream that a peer is offered from now on. */
const onStream = <E, R>(one: Peer, decide: (request: StreamRequest) => Effect.Effect<unknown, E, R>) =>
  one.streams.pipe(
    Stream.runForEach((request) => Effect.forkScoped(decide(request))),
    Effect.forkScoped({ startImmediately: true })
  )

/** Both ends of a stream from one peer to another. */
const connect = Effect.fnUntraced(function*(from: Peer, to: Peer, options: { readonly name?: string } = {}) {
  const accepted = yield* Deferred.make<Duplex>()
  const scope = yield* Effect.scope
  yield* onStream(to, (request) =>
    request.accept.pipe(
      Scope.provide(scope),
      Effect.flatMap((duplex) => Deferred.succeed(accepted, duplex))
    ))
  const here = yield* from.openStream(to.peerId, options)
  return [here, yield* Deferred.await(accepted)] as const
})

/** Bytes that `seed` determines. */
const noise = (length: number, seed = 1) => {
  const bytes = new Uint8Array(length)
  for (let at = 0, x = seed; at < length; at++) bytes[at] = x = (x * 1103515245 + 12345) >>> 0 & 0xff
  return bytes
}

const collect = (stream: Stream.Stream<Uint8Array, unknown>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => new Uint8Array(Buffer.concat(chunks)))

describe("a stream", () => {
  it.effect("carries bytes both ways, and each direction ends by itself", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob, { name: "talk" })
      assert.deepStrictEqual([there.name, there.peerId, here.peerId], ["talk", ada.peerId, bob.peerId])
      const sent = noise(3_000_000)
      const heard = yield* Effect.forkChild(collect(there.stream))
      yield* Stream.run(Stream.make(sent.subarray(0, 1), sent.subarray(1, 5000), sent.subarray(5000)), here.sink)
      assert.deepStrictEqual(yield* Fiber.join(heard), sent)
      const answer = yield* Effect.forkChild(collect(here.stream))
      yield* there.write(Uint8Array.of(1, 2))
      yield* there.end
      assert.deepStrictEqual(yield* Fiber.join(answer), Uint8Array.of(1, 2))
    }).pipe(simulate, Effect.provide(world)))
})
