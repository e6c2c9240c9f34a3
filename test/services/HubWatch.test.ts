/** Watching networks, asking for them and leaving them quietly, from the peer's side. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { NetworkName } from "../../src/domain/NetworkName.ts"
import type { Farewell, HubSession, Watched } from "../../src/services/SignalingTransport.ts"
import {
  always,
  dove,
  fails,
  type FakeSocket,
  greets,
  hubA,
  hubB,
  joinScoped,
  lark,
  makeWorld,
  open,
  opens,
  settle,
  welcomes
} from "./HubWorld.ts"

const counts = (present: number, waiting: number): Watched => ({ _tag: "Counts", present, waiting })
const unknown: Watched = { _tag: "Unknown" }
const unsupported: Watched = { _tag: "Unsupported" }

const say = (socket: FakeSocket, networkName: string, present: number, waiting: number) =>
  Effect.andThen(
    Effect.sync(() => socket.say({ type: "network-counts", networkName, data: { present, waiting }, timestamp: 1 })),
    settle
  )

/** A watch and a reader that is never late, with all that it has read. */
const watchScoped = Effect.fnUntraced(function*(
  session: HubSession,
  networkName: NetworkName,
  options?: { readonly waiting?: boolean }
) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const watched = yield* Scope.provide(session.watch(networkName, options), scope)
  const seen: Array<Watched> = []
  const reader = yield* Effect.forkScoped(Stream.runForEach(watched, (item) => Effect.sync(() => seen.push(item))))
  yield* settle
  return { seen, watched, ended: Fiber.join(reader), close: Scope.close(scope, Exit.void) }
})

/** What a socket was told of watching. */
const watchFrames = (socket: FakeSocket) =>
  socket.sent.map((frame) => JSON.parse(frame)).filter(({ type }) => type === "watch" || type === "unwatch")
const watchFrame = (networkName: string, waiting: boolean) => ({ type: "watch", data: { waiting }, networkName })

describe("watching", () => {
  it.effect("says what the hub tells, and unwatches when its scope closes", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(lark)
      const watch = yield* watchScoped(session, dove, { waiting: true })
      assert.deepStrictEqual(watch.seen, [unknown])
      yield* say(world.only, "dove", 0, 1)
      yield* say(world.only, "dove", 0, 1)
      yield* say(world.only, "lark", 7, 7)
      yield* say(world.only, "dove", 2, 0)
      assert.deepStrictEqual(watch.seen, [unknown, counts(0, 1), counts(2, 0)])
      yield* watch.close
      yield* watch.ended
      assert.deepStrictEqual(watchFrames(world.only), [
        watchFrame("dove", true),
        { type: "unwatch", networkName: "dove" }
      ])
      yield* say(world.only, "dove", 3, 0)
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))

  it.effect("gives a late reader what is known, and a slow one the last of it", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(lark)
      const { watched } = yield* watchScoped(session, dove)
      const gate = yield* Deferred.make<void>()
      const slow = yield* Effect.forkChild(
        Stream.runCollect(Stream.tap(Stream.take(watched, 2), () => Deferred.await(gate)))
      )
      yield* settle
      for (let n = 0; n < 100; n++) yield* say(world.only, "dove", n, 0)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(slow), [unknown, counts(99, 0)])
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(watched, 1)), [counts(99, 0)])
    }))

  it.effect("connects by itself, and hangs up after itself", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      const watch = yield* watchScoped(session, dove)
      assert.deepStrictEqual(world.only.types, ["watch dove"])
      const [scope] = yield* joinScoped(session, lark)
      yield* watch.close
      assert.isFalse(world.only.closed)
      const again = yield* watchScoped(session, dove)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(world.only.closed)
      yield* again.close
      assert.strictEqual(world.only.closedWith, 1000)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      assert.strictEqual(world.only.listeners, 0)
    }))

  it.effect("waits for a hub that is not there, and does not fail", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: fails("no route") })
      const session = yield* open(world, [hubA])
      const watch = yield* watchScoped(session, dove)
      assert.strictEqual((yield* session.state)._tag, "Waiting")
      world.behave(hubA, welcomes)
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* say(world.last, "dove", 1, 0)
      assert.deepStrictEqual(watch.seen, [unknown, counts(1, 0)])
    }))

  it.effect("is renewed on every connection, and knows nothing in between", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(lark)
      const watch = yield* watchScoped(session, dove, { waiting: true })
      yield* say(world.only, "dove", 1, 0)
      world.only.drop(1006)
      yield* settle
      assert.deepStrictEqual(watch.seen, [unknown, counts(1, 0), unknown])
      yield* TestClock.adjust("500 millis")
      yield* settle
      assert.deepStrictEqual(world.last.types, ["announce lark", "watch dove"])
      assert.deepStrictEqual(watchFrames(world.last), [watchFrame("dove", true)])
      yield* say(world.last, "dove", 2, 0)
      assert.deepStrictEqual(watch.seen.slice(-1), [counts(2, 0)])
    }).pipe(always(1)))

  it.effect("is unsupported by an older hub, which is told nothing, until a newer one takes over", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: greets, [hubB]: welcomes })
      const session = yield* open(world, [hubA, hubB])
      yield* session.join(lark)
      const watch = yield* watchScoped(session, dove)
      assert.deepStrictEqual(watch.seen, [unsupported])
      const passing = yield* watchScoped(session, dove)
      yield* passing.close
      assert.deepStrictEqual(watchFrames(world.only), [])
      world.behave(hubA, fails("gone"))
      world.only.drop(1006)
      yield* settle
      yield* TestClock.adjust("500 millis")
      yield* settle
      yield* say(world.last, "dove", 1, 0)
      assert.deepStrictEqual(watch.seen, [unsupported, unknown, counts(1, 0)])
    }).pipe(always(1)))

  it.effect("twice is one watch to the hub, which waits while either does", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(lark)
      const one = yield* watchScoped(session, dove)
      const other = yield* watchScoped(session, dove, { waiting: true })
      yield* say(world.only, "dove", 1, 0)
      assert.deepStrictEqual([one.seen.at(-1), other.seen.at(-1)], [counts(1, 0), counts(1, 0)])
      yield* other.close
      yield* one.close
      assert.deepStrictEqual(watchFrames(world.only), [
        watchFrame("dove", false),
        watchFrame("dove", true),
        watchFrame("dove", false),
        { type: "unwatch", networkName: "dove" }
      ])
    }))

  it.effect("ends with the session", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(open(world, [hubA]), scope)
      const watch = yield* watchScoped(session, dove)
      yield* Scope.close(scope, Exit.void)
      yield* watch.ended
      assert.strictEqual(world.only.closedWith, 1000)
      const late = yield* watchScoped(session, dove)
      assert.deepStrictEqual(late.seen, [unknown])
      yield* late.close
      assert.strictEqual(world.sockets.length, 1)
    }))
})

describe("networks", () => {
  const list = [{ name: "dove", present: 2, waiting: 1 }]
  const answer = { type: "networks", data: { networks: list }, fromPeerId: "system", timestamp: 1 }

  it.effect("asks the connected hub, and whoever asks meanwhile shares the answer", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(lark)
      const asking = yield* Effect.forkChild(
        Effect.all([session.networks, session.networks], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* settle
      world.only.say(answer)
      assert.deepStrictEqual<unknown>(yield* Fiber.join(asking), [list, list])
    }))

  it.effect("connects to ask, and hangs up when it is answered", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      const asking = yield* Effect.forkChild(session.networks)
      yield* settle
      assert.deepStrictEqual(world.only.types, ["networks"])
      world.only.say(answer)
      assert.deepStrictEqual<unknown>(yield* Fiber.join(asking), list)
      assert.strictEqual(world.only.closedWith, 1000)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
    }))

  it.effect("fails when the hub is older, silent, not there or lost", () =>
    Effect.gen(function*() {
      const problem = Effect.fnUntraced(function*(
        behaviour: (socket: FakeSocket) => void,
        meanwhile: (world: ReturnType<typeof makeWorld>) => Effect.Effect<unknown> = () => Effect.void
      ) {
        const world = makeWorld({}, behaviour)
        const session = yield* open(world, [hubA])
        const asking = yield* Effect.forkChild(Effect.flip(session.networks))
        yield* settle
        yield* meanwhile(world)
        const error = yield* Fiber.join(asking)
        assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
        return error.message
      })
      assert.include(yield* problem(greets), "does not list its networks")
      assert.include(yield* problem(welcomes, () => TestClock.adjust("5 seconds")), "no answer within 5s")
      assert.include(yield* problem(opens, () => TestClock.adjust("5 seconds")), "no answer within 5s")
      assert.include(yield* problem(fails("no route")), "no route")
      assert.include(
        yield* problem(welcomes, (world) => Effect.sync(() => world.only.drop(1006))),
        "the connection broke"
      )
    }))

  it.effect("fails at once while the hub is away, and when the session is closed", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(open(world, [hubA]), scope)
      yield* session.join(lark)
      world.only.drop(1006)
      yield* settle
      assert.include((yield* Effect.flip(session.networks)).message, "the connection broke")
      yield* Scope.close(scope, Exit.void)
      assert.include((yield* Effect.flip(session.networks)).message, "this session is closed")
    }))
})

describe("being in a network", () => {
  const parting = Effect.fnUntraced(function*(hub: (socket: FakeSocket) => void, farewell: Farewell) {
    const world = makeWorld({}, hub)
    const session = yield* open(world, [hubA])
    yield* session.join(lark)
    const scope = yield* Scope.make()
    yield* Scope.provide(session.join(dove, { farewell: Effect.sync(() => farewell) }), scope)
    yield* Scope.close(scope, Exit.void)
    return world.only.types.at(-1)
  })

  it.effect("ends with the farewell that is chosen when it ends, as far as the hub knows it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* parting(welcomes, "leave"), "leave dove")
      assert.strictEqual(yield* parting(welcomes, "goodbye"), "goodbye dove")
    }))

  it.effect("can be kept out of the list, by any of those who are there", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(dove, { discoverable: true })
      yield* session.join(lark, { discoverable: false })
      yield* session.join(lark)
      const facts = world.only.sent.map((frame) => JSON.parse(frame)).map(({ data }) => data.discoverable)
      assert.deepStrictEqual(facts, [undefined, false, false])
    }))
})
