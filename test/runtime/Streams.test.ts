/** Streams between real meshes, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Queue, Result, Scope, Stream } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { costOf } from "../../src/domain/StreamFrame.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import type { Duplex, StreamRequest } from "../../src/services/streams/Duplex.ts"
import { defaults } from "../../src/services/streams/StreamSettings.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

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

  it.effect("makes its writer wait while nobody reads, and goes on where it was", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob)
      const sent = noise(4 * defaults.window)
      let written = 0
      const writing = yield* Effect.gen(function*() {
        for (let at = 0; at < sent.length; at += 10_000) {
          yield* here.write(sent.subarray(at, at + 10_000))
          written = at + 10_000
        }
        yield* here.end
      }).pipe(Effect.forkChild)
      yield* elapse(30)
      assert.isAtMost(written, defaults.window)
      assert.isAtLeast(written, defaults.window * 0.9)
      assert.isUndefined(writing.pollUnsafe())
      assert.deepStrictEqual(yield* collect(there.stream), sent)
      yield* Fiber.join(writing)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is refused with the reason that was given, and when nobody is there to take it", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const unheard = yield* Effect.flip(ada.openStream(bob.peerId))
      assert.deepStrictEqual([unheard._tag, unheard.message.includes("nobody takes streams")], ["StreamRefused", true])
      yield* onStream(bob, (request) => request.refuse(`no ${request.name} today`))
      const refused = yield* Effect.flip(ada.openStream(bob.peerId, { name: "music" }))
      assert.deepStrictEqual([refused._tag, refused.message.includes("no music today")], ["StreamRefused", true])
      for (const options of [{ name: "" }, { name: "x".repeat(257) }, { metadata: "x".repeat(4096) }]) {
        assert.strictEqual((yield* Effect.flip(ada.openStream(bob.peerId, options)))._tag, "InvalidInput")
      }
      assert.strictEqual((yield* Effect.flip(ada.openStream(ada.peerId)))._tag, "StreamRefused")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is refused when nobody decides, and when the peer does not exist", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      yield* onStream(bob, () => Effect.void)
      const undecided = yield* Effect.flip(ada.openStream(bob.peerId))
      assert.include(undecided.message, "nobody decided within 1m")
      assert.strictEqual((yield* Effect.flip(ada.openStream(peer(77))))._tag, "StreamRefused")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("tells who offers what, and can be decided on once", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const scope = yield* Effect.scope
      const seen = yield* Deferred.make<unknown>()
      yield* onStream(bob, (request) =>
        Effect.gen(function*() {
          yield* Scope.provide(request.accept, scope)
          const again = yield* Effect.flip(Scope.provide(request.accept, scope))
          yield* request.refuse("too late")
          yield* Deferred.succeed(seen, [
            request.peerId,
            request.networkName,
            request.name,
            request.metadata,
            again._tag
          ])
        }))
      const duplex = yield* ada.openStream(bob.peerId, { name: "log", metadata: { lines: 3 } })
      assert.deepStrictEqual(yield* Deferred.await(seen), [ada.peerId, "gaming", "log", { lines: 3 }, "StreamLost"])
      yield* duplex.write(Uint8Array.of(1))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that is given up is not taken for whole by its reader", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const heard: Array<number> = []
      const outcome = yield* Deferred.make<unknown>()
      yield* onStream(bob, (request) =>
        Effect.scoped(request.accept.pipe(
          Effect.flatMap(({ stream }) => Stream.runForEach(stream, (chunk) => Effect.sync(() => heard.push(...chunk)))),
          Effect.exit,
          Effect.flatMap((exit) => Deferred.succeed(outcome, exit))
        )))
      yield* Effect.scoped(Effect.gen(function*() {
        const { write } = yield* ada.openStream(bob.peerId)
        yield* write(Uint8Array.of(1))
        return yield* Effect.fail("something else went wrong")
      })).pipe(Effect.ignore)
      const exit = yield* Deferred.await(outcome)
      assert.include(String(exit), "was given up")
      assert.deepStrictEqual(heard, [1])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("ends well when its scope does, though its reader is slow and nobody reads the other direction", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const scope = yield* Effect.scope
      const accepted = yield* Deferred.make<Duplex>()
      yield* onStream(
        bob,
        (request) =>
          Effect.flatMap(Scope.provide(request.accept, scope), (duplex) => Deferred.succeed(accepted, duplex))
      )
      const sent = noise(100_000)
      yield* Effect.scoped(Effect.flatMap(ada.openStream(bob.peerId), ({ write }) => write(sent)))
      const there = yield* Deferred.await(accepted)
      yield* elapse(5)
      assert.deepStrictEqual(yield* collect(there.stream), sent)
      const unread = yield* Effect.flip(there.write(Uint8Array.of(1)))
      assert.include(unread.message, "nobody reads it any more")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is lost with its link, at both ends, after what had arrived", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob)
      yield* here.write(Uint8Array.of(1, 2, 3))
      yield* elapse(1)
      yield* World.use((world) => world.partition([ada.peerId], [bob.peerId]))
      yield* elapse(30)
      const problem = yield* Effect.flip(here.write(Uint8Array.of(4)))
      assert.deepStrictEqual([problem._tag, problem.message.includes("link")], ["StreamLost", true])
      assert.deepStrictEqual((yield* there.read)[0], Uint8Array.of(1, 2, 3))
      assert.strictEqual((yield* Effect.flip(there.read))._tag, "StreamLost")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is lost when either end leaves the network, or goes to another", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob)
      yield* bob.moveTo("work")
      yield* elapse(1)
      assert.strictEqual((yield* Effect.flip(there.write(Uint8Array.of(1))))._tag, "StreamLost")
      const problem = yield* Effect.flip(here.write(Uint8Array.of(1)))
      assert.deepStrictEqual([problem._tag, problem.networkName], ["StreamLost", NetworkName.make("gaming")])
      assert.strictEqual((yield* Effect.flip(ada.openStream(bob.peerId)))._tag, "StreamRefused")
      yield* ada.leave
      assert.strictEqual((yield* Effect.flip(ada.openStream(bob.peerId)))._tag, "NotJoined")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("does not wait for another whose reader is slow", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const duplexes: Array<Duplex> = []
      const scope = yield* Effect.scope
      yield* onStream(bob, (request) =>
        Effect.map(Scope.provide(request.accept, scope), (duplex) => void duplexes.push(duplex)))
      const stuck = yield* ada.openStream(bob.peerId, { name: "stuck" })
      yield* Effect.forkChild(stuck.write(noise(4_000_000)))
      const free = yield* ada.openStream(bob.peerId, { name: "free" })
      yield* Effect.forkChild(Effect.andThen(free.write(noise(2_000_000)), free.end))
      yield* elapse(1)
      const there = duplexes.find(({ name }) =>
        name === "free"
      )
      assert.isDefined(there)
      assert.strictEqual((yield* collect(there.stream)).length, 2_000_000)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is drawn in the supervision tree while it is open, below what looks after all of them", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const drawn = (one: Peer) =>
        Effect.map(
          one.status,
          ({ actors }) =>
            actors.filter(({ path }) => path.startsWith("mesh/gaming/streams")).map(({ path, state }) =>
              `${path.replace("mesh/gaming/streams", "")} ${state}`
            )
        )
      assert.deepStrictEqual(yield* drawn(ada), [" 0 streams, 0 frames wait"])
      const [here, there] = yield* connect(ada, bob, { name: "talk" })
      const [all, one] = yield* drawn(bob)
      assert.match(all ?? "", /^ 1 streams/)
      assert.match(one ?? "", new RegExp(`^/${ada.peerId}/\\d+ open, for "talk"$`))
      assert.strictEqual((yield* drawn(ada)).length, 2)
      yield* here.abort("enough")
      yield* elapse(1)
      assert.deepStrictEqual([yield* drawn(ada), yield* drawn(bob)].map(({ length }) => length), [1, 1])
      assert.isTrue(Result.isFailure(yield* Effect.result(there.read)))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes on while messages over its link wait for a slow subscriber", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob)
      // Takes one event, and then none.
      yield* bob.events.pipe(Stream.runForEach(() => Effect.never), Effect.forkScoped({ startImmediately: true }))
      for (let n = 0; n < 5_000; n++) yield* ada.broadcast(n)
      const before = yield* Clock.currentTimeMillis
      yield* here.write(Uint8Array.of(1, 2, 3))
      assert.deepStrictEqual(yield* there.read, [Uint8Array.of(1, 2, 3)])
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("gives its place back when it is over, however it ends", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      yield* onStream(bob, (request) =>
        request.name === "refused"
          ? request.refuse("no")
          : Effect.scoped(Effect.flatMap(request.accept, ({ stream }) => Stream.runDrain(stream))))
      for (let n = 0; n < 2 * defaults.incoming; n++) {
        yield* Effect.flip(ada.openStream(bob.peerId, { name: "refused" }))
        yield* Effect.scoped(Effect.flatMap(ada.openStream(bob.peerId), ({ write }) => write(Uint8Array.of(n))))
        yield* Effect.scoped(Effect.flatMap(ada.openStream(bob.peerId), ({ abort }) => abort("changed my mind")))
        const given = yield* Effect.forkChild(Effect.scoped(ada.openStream(bob.peerId)))
        yield* Fiber.interrupt(given)
      }
      // And no more than so many at a time.
      yield* onStream(ada, (request) => Effect.andThen(request.accept, Effect.never).pipe(Effect.scoped))
      for (let n = 0; n < defaults.outgoing; n++) yield* bob.openStream(ada.peerId)
      assert.include(
        (yield* Effect.flip(bob.openStream(ada.peerId))).message,
        `${defaults.outgoing} streams were opened to it already`
      )
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is reset when it was idle for long", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const [here, there] = yield* connect(ada, bob)
      yield* elapse(500)
      yield* here.write(Uint8Array.of(1))
      yield* elapse(500)
      yield* here.write(Uint8Array.of(2))
      yield* elapse(700)
      assert.include((yield* Effect.flip(here.write(Uint8Array.of(3)))).message, "idle")
      yield* there.read
      assert.include(String(yield* Effect.flip(Effect.forever(there.read))), "idle")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a stream to a peer that is not linked", () => {
  it.effect("has a link of its own, which both ends keep while it is open and then let go", () =>
    Effect.gen(function*() {
      // A ring of bare neighbours: each peer has two links and no more.
      const all = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, n) => n + 1),
        (n) => mesh(n, { minPeers: 2, maxPeers: 2 })
      )
      yield* Effect.forEach(all, (one) => one.join, { concurrency: "unbounded" })
      yield* elapse(60)
      const [ada] = all
      assert(ada)
      const near = new Set((yield* ada.peers).map(({ peerId }) => peerId))
      const bob = all.find(({ peerId }) => peerId !== ada.peerId && !near.has(peerId))
      assert(bob)
      const isLinked = Effect.map(ada.peers, (links) => links.some(({ peerId }) => peerId === bob.peerId))
      yield* Effect.scoped(Effect.gen(function*() {
        const [here, there] = yield* connect(ada, bob)
        assert.isTrue(yield* isLinked)
        const heard = yield* Effect.forkChild(collect(there.stream))
        yield* here.write(noise(1_000_000))
        // Longer than an unwanted link is kept, and several rounds of the overlay.
        yield* elapse(120)
        yield* here.end
        assert.strictEqual((yield* Fiber.join(heard)).length, 1_000_000)
        assert.isTrue(yield* isLinked)
      }))
      yield* elapse(30)
      assert.isFalse(yield* isLinked)
      // The ring stands, and was not told of it: a message still reaches everyone.
      for (const one of all) assert.isAtMost((yield* one.peers).length, 4)
      yield* ada.send(bob.peerId, "still reached")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a stream over a link that the overlay lets go", () => {
  it.effect("goes on, and the ring is none the worse for it", () =>
    Effect.gen(function*() {
      const few = { minPeers: 2, maxPeers: 2 }
      // Of the twelve, these two sit far apart on the ring.
      const [ada, bob] = [yield* mesh(1, few), yield* mesh(3, few)]
      yield* Effect.all([ada.join, bob.join], { concurrency: "unbounded" })
      yield* elapse(5)
      const [here, there] = yield* connect(ada, bob)
      yield* here.write(Uint8Array.of(1))
      const others = yield* Effect.forEach([2, 4, 5, 6, 7, 8, 9, 10, 11, 12], (n) => mesh(n, few))
      for (const other of others) {
        yield* other.join
        yield* elapse(3)
      }
      yield* elapse(120)
      yield* here.write(Uint8Array.of(2))
      assert.deepStrictEqual((yield* there.read).map((chunk) => Array.from(chunk)), [[1]])
      assert.deepStrictEqual((yield* there.read).map((chunk) => Array.from(chunk)), [[2]])
      const linkOf = (one: Peer, other: Peer) =>
        Effect.map(one.peers, (links) => links.filter(({ peerId }) => peerId === other.peerId).length)
      assert.deepStrictEqual([yield* linkOf(ada, bob), yield* linkOf(bob, ada)], [1, 1])
      // Beside the two links of the ring, so the overlay did let it go.
      assert.deepStrictEqual([(yield* ada.peers).length, (yield* bob.peers).length], [3, 3])
      yield* here.end
      yield* there.end
      yield* elapse(5)
      for (const one of [ada, bob, ...others]) yield* one.send(one === ada ? bob.peerId : ada.peerId, "heard")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a stream that keeps no link", () => {
  it.effect("is refused where there is none, and lost with one that the overlay lets go", () =>
    Effect.gen(function*() {
      const few = { minPeers: 2, maxPeers: 2 }
      const [ada, bob] = [yield* mesh(1, few), yield* mesh(3, few)]
      yield* Effect.all([ada.join, bob.join], { concurrency: "unbounded" })
      yield* elapse(5)
      const scope = yield* Effect.scope
      yield* onStream(bob, (request) => request.acceptOnly.pipe(Scope.provide(scope)))
      const here = yield* ada.openStream(bob.peerId, { keepsLink: false })
      yield* here.write(Uint8Array.of(1))
      for (const n of [2, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
        const other = yield* mesh(n, few)
        yield* other.join
        yield* elapse(3)
      }
      yield* elapse(120)
      assert.strictEqual((yield* Effect.flip(here.write(Uint8Array.of(2))))._tag, "StreamLost")
      assert.isFalse((yield* ada.peers).some(({ peerId }) => peerId === bob.peerId))
      const refused = yield* Effect.flip(Effect.scoped(ada.openStream(bob.peerId, { keepsLink: false })))
      assert.include(refused.message, "no link")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a neighbour that does not keep to the rules", () => {
  /** Smaller than any id in these tests, so that others dial it; its streams have even numbers then. */
  const evil = peer(0)

  /** An honest peer that takes what it is offered, and a stranger with a channel to it. */
  const scene = Effect.gen(function*() {
    const ada = yield* mesh(1)
    const bob = yield* mesh(2)
    yield* ada.join
    const taken: Array<Duplex> = []
    const scope = yield* Effect.scope
    yield* onStream(ada, (request) =>
      request.name === "undecided"
        ? Effect.void
        : Effect.map(Scope.provide(request.accept, scope), (duplex) => void taken.push(duplex)))
    yield* elapse(1)
    const other = yield* stranger(evil, NetworkName.make("gaming"))
    yield* elapse(2)
    yield* bob.join
    yield* elapse(2)
    const channel = yield* other.channel
    const say = (frame: object) => channel.send(JSON.stringify(frame))
    /** How many packets that came so far have a text in them. */
    const heard = (text: string) =>
      Effect.map(
        Queue.clear(other.received),
        (packets) =>
          packets.reduce((sum, packet) => sum + (typeof packet === "string" ? packet.split(text).length - 1 : 0), 0)
      )
    return { ada, bob, channel, heard, say, taken }
  })

  const open = (stream: number, name = "s") => ({ type: "stream-open", stream, name, window: 100_000 })

  /** A data frame in its envelope. */
  const data = (stream: number, bytes: Uint8Array) => {
    const header = new TextEncoder().encode(JSON.stringify({ type: "stream-data", stream }))
    const packet = new Uint8Array(5 + header.length + bytes.length)
    packet.set([0xfd, 0, 0, 0, header.length])
    packet.set(header, 5)
    packet.set(bytes, 5 + header.length)
    return packet
  }

  it.effect("and sends more than it was granted has that stream reset, and no other", () =>
    Effect.gen(function*() {
      const { channel, say, taken } = yield* scene
      yield* say(open(1, "greedy"))
      yield* say(open(3, "modest"))
      yield* elapse(1)
      assert.deepStrictEqual(taken.map(({ name }) => name), ["greedy", "modest"])
      const chunk = noise(16_000)
      const fit = Math.floor(defaults.window / costOf(chunk.length))
      for (let sent = 0; sent <= fit; sent++) yield* channel.send(data(1, chunk))
      yield* channel.send(data(3, Uint8Array.of(7)))
      yield* elapse(1)
      const [greedy, modest] = taken
      assert(greedy && modest)
      let read = 0
      const problem = yield* Effect.flip(Effect.forever(Effect.map(greedy.read, (chunks) => {
        read += chunks.length
      })))
      assert.strictEqual(read, fit)
      assert.include(String(problem), "more bytes came than were granted")
      assert.deepStrictEqual((yield* modest.read)[0], Uint8Array.of(7))
      yield* modest.write(Uint8Array.of(8))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("and asks for too many, the same twice, or with numbers that are not its own, gets no more than others", () =>
    Effect.gen(function*() {
      const { ada, bob, channel, heard, say, taken } = yield* scene
      yield* say(open(2, "with our number"))
      yield* say(open(1, "twice"))
      yield* elapse(1)
      yield* say(open(1, "twice"))
      for (let stream = 3; stream < 2003; stream += 2) yield* say(open(stream, "undecided"))
      for (const type of ["stream-end", "stream-credit", "stream-accept"]) {
        yield* say({ type, stream: 99_999, bytes: 1, window: 1 })
      }
      yield* channel.send(data(99_999, Uint8Array.of(1)))
      yield* elapse(1)
      assert.deepStrictEqual(taken.map(({ name }) => name), ["twice"])
      // The one that was asked for twice is over, and has given its place back.
      assert.strictEqual(yield* heard("stream-refuse"), 1000 - defaults.incoming)
      const [twice] = taken
      assert(twice)
      assert.include((yield* Effect.flip(twice.write(Uint8Array.of(1)))).message, "stream-open came")
      const here = yield* bob.openStream(ada.peerId)
      yield* here.write(Uint8Array.of(5))
      const there = taken.find(({ peerId }) => peerId === bob.peerId)
      assert.isDefined(there)
      assert.deepStrictEqual((yield* there.read)[0], Uint8Array.of(5))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("as PeerPigeon, is never asked for a stream", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      yield* ada.join
      yield* elapse(1)
      const other = yield* stranger(evil, NetworkName.make("gaming"), { isPigeon: true })
      yield* other.channel
      yield* elapse(2)
      const refused = yield* Effect.flip(ada.openStream(evil))
      assert.include(refused.message, "PeerPigeon")
    }).pipe(simulate, Effect.provide(world)))
})
