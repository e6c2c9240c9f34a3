/** Questions and answers, channels, order, and what neighbours that are slow or gone do to messages. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Schema, Stream } from "effect"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import type { WebRtc } from "../../src/services/WebRtc.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { grow } from "../support/town.ts"
import { messages } from "../support/town/messages.ts"

type Peer = Mesh["Service"]

/** What a peer is told, from now on. */
const ear = Effect.fnUntraced(function*(of: Peer) {
  const heard: Array<unknown> = []
  yield* of.events.pipe(
    Stream.runForEach((event: MeshEvent) =>
      Effect.sync(() => event._tag === "Message" ? void heard.push(event.content) : undefined)
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return heard
})

const joined = Effect.fnUntraced(function*(count: number) {
  const peers = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n + 1), (n) => mesh(n))
  yield* Effect.forEach(peers, (each) => each.join)
  yield* elapse(5)
  return peers
})

const pair = Effect.map(joined(2), ([ada, bob]) => {
  assert(ada !== undefined && bob !== undefined)
  return { ada, bob }
})

describe("a question", () => {
  it.effect("is answered, by the one who offered last", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const heard = yield* ear(bob)
      yield* bob.answer(({ content }) => Effect.succeed(`first ${JSON.stringify(content)}`))
      assert.deepStrictEqual(yield* ada.ask(bob.peerId, "a"), "first \"a\"")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* bob.answer(({ from }) => Effect.succeed(new Uint8Array([from.length])))
        assert.deepStrictEqual(yield* ada.ask(bob.peerId, { any: "thing" }), new Uint8Array([40]))
      }))
      assert.deepStrictEqual(yield* ada.ask(bob.peerId, null), "first null")
      // It is no message.
      assert.deepStrictEqual(heard, [])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("goes across other peers", () =>
    Effect.gen(function*() {
      const peers = yield* joined(24)
      for (const each of peers) {
        yield* each.answer(({ from }) => Effect.succeed([from, each.peerId]))
      }
      const [first] = peers
      assert.isDefined(first)
      const answers = yield* Effect.forEach(peers.slice(1), (each) => first.ask(each.peerId, "who?"), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(answers, peers.slice(1).map(({ peerId }) => [first.peerId, peerId]))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that is not answered fails, and says why", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const ask = ada.ask(bob.peerId, "?", { timeout: "2 seconds" }).pipe(
        Effect.flip,
        Effect.map(({ message }) => message)
      )
      assert.include(yield* ask, "nobody answers questions there")
      yield* bob.answer(() => Effect.fail(new Error("it is a secret")))
      assert.include(yield* ask, "it is a secret")
      yield* bob.answer(() => Effect.die("a fault"))
      assert.include(yield* ask, "failed to find one")
      yield* bob.answer(() => Effect.never)
      assert.include(yield* ask, "none came within 2s")
      const nobody = yield* Effect.flip(ada.ask(peer(77), "?", { timeout: "20 seconds" }))
      assert.strictEqual(nobody._tag, "PeerUnreachable")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a channel", () => {
  const Move = Schema.Struct({ at: Schema.DateFromString, x: Schema.Int, y: Schema.Int })

  it.effect("carries values of its type, and nothing else", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const heard = yield* ear(bob)
      const [mine, theirs] = [yield* ada.channel("moves", Move), yield* bob.channel("moves", Move)]
      const other = yield* ada.channel("moves", Schema.String)
      const elsewhere = yield* ada.channel("elsewhere", Move)
      const posts = yield* theirs.posts.pipe(
        Stream.map((post) => post._tag === "Post" ? [post.from, post.value] : []),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkScoped({ startImmediately: true })
      )
      const value = (x: number) => ({ at: new Date(0), x, y: -1 })
      assert.strictEqual((yield* mine.publish(value(1))).neighbours, 1)
      yield* other.publish("not a move")
      yield* elsewhere.publish(value(2))
      yield* mine.publish(value(3))
      assert.deepStrictEqual(yield* Fiber.join(posts), [[ada.peerId, value(1)], [ada.peerId, value(3)]])
      assert.strictEqual(yield* theirs.rejected, 1)
      assert.deepStrictEqual(heard, [])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("refuses what its schema does not encode, and a name that is none", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      const channel = yield* ada.channel("moves", Move)
      assert.deepInclude(yield* Effect.flip(channel.publish({ at: new Date(0), x: 0.5, y: 1 })), {
        _tag: "InvalidInput",
        field: "value"
      })
      assert.strictEqual((yield* Effect.flip(channel.publish({ at: new Date(0), x: 1, y: 1 })))._tag, "NotJoined")
      assert.deepInclude(yield* Effect.flip(ada.channel("", Move)), { _tag: "InvalidInput", field: "name" })
    }).pipe(simulate, Effect.provide(world)))
})

describe("ordered broadcasts", () => {
  it.effect("are heard in the order in which each peer said them", () =>
    Effect.gen(function*() {
      const peers = yield* joined(30)
      const ears = yield* Effect.forEach(peers, ear)
      const sayings = peers.slice(0, 4).map((each, who) =>
        Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) => each.broadcast([who, n], { ordered: true }))
      )
      yield* Effect.all(sayings, { concurrency: "unbounded" })
      yield* elapse(10)
      for (const [index, heard] of ears.entries()) {
        for (let who = 0; who < 4; who++) {
          if (who === index) continue
          assert.deepStrictEqual(
            heard.filter((content) => Array.isArray(content) && content[0] === who),
            Array.from({ length: 50 }, (_, n) => [who, n])
          )
        }
      }
    }).pipe(simulate, Effect.provide(world)))
})

describe("a network whose links fail", () => {
  for (const seed of [1, 2, 3, 4]) {
    it.effect(`loses no broadcast to a cut of a quarter of a minute (seed ${seed})`, () =>
      Effect.gen(function*() {
        const peers = yield* joined(14)
        const ears = yield* Effect.forEach(peers, ear)
        const world = yield* World
        const ids = peers.map(({ peerId }) => peerId)
        yield* world.partition(ids.slice(0, 7), ids.slice(7))
        for (let n = 0; n < 15; n++) {
          yield* peers[n % 14]?.broadcast(n) ?? Effect.void
          yield* elapse(1)
        }
        yield* world.heal
        yield* elapse(45)
        for (const [index, heard] of ears.entries()) {
          const others = Array.from({ length: 15 }, (_, n) => n).filter((n) => n % 14 !== index)
          assert.sameMembers(heard, others)
        }
      }).pipe(simulate, Effect.provide(World.layer({ seed }))))

    it.effect(`tells the truth about direct messages while peers vanish (seed ${seed})`, () =>
      Effect.gen(function*() {
        const peers = yield* joined(14)
        const ears = yield* Effect.forEach(peers, ear)
        const world = yield* World
        const sends = yield* Effect.forEach(peers.slice(0, 10), (from, n) =>
          Effect.forEach(peers.slice(0, 10), (to, m) =>
            n === m
              ? Effect.succeed(undefined)
              : Effect.map(Effect.exit(from.send(to.peerId, [n, m])), Exit.isSuccess)), {
          concurrency: "unbounded"
        }).pipe(Effect.forkScoped)
        yield* elapse(0.1)
        for (const each of peers.slice(10)) {
          yield* world.vanish(each.peerId)
        }
        const sent = yield* Fiber.join(sends)
        for (const [n, row] of sent.entries()) {
          for (const [m, success] of row.entries()) {
            const times = ears[m]?.filter((content) =>
              JSON.stringify(content) === JSON.stringify([n, m])
            ).length ?? 0
            assert.isAtMost(times, 1)
            if (success === true) {
              assert.strictEqual(times, 1)
            }
          }
        }
        // Whoever is still there is reached.
        assert.isAtLeast(
          sent.flat().filter((success) =>
            success === true
          ).length,
          80
        )
      }).pipe(simulate, Effect.provide(World.layer({ seed }))))
  }

  it.effect("sends a direct message on another way when its link dies under it", () =>
    Effect.gen(function*() {
      const [ada, bob] = yield* joined(4)
      assert(ada !== undefined && bob !== undefined)
      const heard = yield* ear(bob)
      const world = yield* World
      yield* world.partition([ada.peerId], [bob.peerId])
      // What the link takes now never arrives; that it is dead shows after 10 s.
      yield* ada.send(bob.peerId, "around the corner")
      yield* elapse(5)
      assert.deepStrictEqual(heard, ["around the corner"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("brings direct messages around a third of the peers that vanished, before anybody knows", () =>
    Effect.gen(function*() {
      const world = yield* World
      const citizens = yield* grow(30, 50)
      yield* world.elapse("20 seconds")
      const living = citizens.filter((_, n) => n % 10 > 2)
      for (const citizen of citizens) if (!living.includes(citizen)) yield* world.vanish(citizen.peerId)
      const sent = yield* messages(living, { count: 100, name: "still there?", atOnce: 100 })
      assert.deepStrictEqual(sent.filter(({ confirmed, times }) => !confirmed || times !== 1), [])
    }).pipe(simulate, Effect.provide(World.layer({ seed: 1 }))))

  it.effect("says soon that nobody of that name is there", () =>
    Effect.gen(function*() {
      const world = yield* World
      const [first] = yield* grow(30, 50)
      assert.isDefined(first)
      yield* world.elapse("20 seconds")
      const at = yield* Clock.currentTimeMillis
      const error = yield* Effect.flip(first.mesh.send(peer(7), "hello?"))
      assert.strictEqual(error._tag, "PeerUnreachable")
      assert.isAtMost((yield* Clock.currentTimeMillis) - at, 5000)
    }).pipe(simulate, Effect.provide(World.layer({ seed: 1 }))))

  it.effect("does not wait for one slow neighbour, which hears everything all the same", () =>
    Effect.gen(function*() {
      const turn = Effect.sleep("30 millis")
      const spoil = (webRtc: WebRtc["Service"]): WebRtc["Service"] => ({
        ...webRtc,
        open: ({ handlers, ...options }) =>
          webRtc.open({
            ...options,
            handlers: {
              ...handlers,
              onOpen: (channel) =>
                handlers.onOpen(
                  options.peerId === slow ? { ...channel, writable: Effect.andThen(turn, channel.writable) } : channel
                )
            }
          })
      })
      const slow = yield* World.use((world) => world.idOf(3))
      const peers = [
        yield* mesh(1, { spoil }),
        yield* mesh(2, { spoil }),
        yield* mesh(3),
        yield* mesh(4, { spoil }),
        yield* mesh(5, { spoil })
      ]
      yield* Effect.forEach(peers, (each) => each.join)
      yield* elapse(5)
      const ears = yield* Effect.forEach(peers, ear)
      const [ada] = peers
      assert.isDefined(ada)
      // 10 MB in all: more than twice what a link holds, and 20 s of the slow one.
      const large = "x".repeat(100_000)
      const sending = yield* Effect.forEach(Array.from({ length: 100 }, (_, n) => n), (n) => ada.broadcast([n, large]))
        .pipe(Effect.forkScoped)
      yield* elapse(6)
      assert.isDefined(sending.pollUnsafe())
      assert.strictEqual(ears[1]?.length, 100)
      assert.isBelow(ears[2]?.length ?? 0, 100)
      yield* elapse(120)
      assert.strictEqual(ears[2]?.length, 100)
    }).pipe(simulate, Effect.provide(world)))
})
