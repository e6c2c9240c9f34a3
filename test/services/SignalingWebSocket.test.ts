import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as NetworkName from "../../src/domain/NetworkName.ts"
import { malformed } from "../../src/services/signaling/HubConnection.ts"
import { HubTimings } from "../../src/services/signaling/HubTimings.ts"
import {
  ada,
  always,
  bob,
  discovered,
  dove,
  drain,
  fails,
  FakeSocket,
  greeting,
  greets,
  hubA,
  hubB,
  ignores,
  joinScoped,
  lark,
  makeWorld,
  offer,
  open,
  opens,
  refuses,
  settle,
  welcomes
} from "./HubWorld.ts"

describe("joining", () => {
  it.effect("dials when the first network is joined, and not before", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* settle
      assert.strictEqual(world.sockets.length, 0)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      const membership = yield* session.join(dove)
      assert.deepStrictEqual(world.sockets.map(({ url }) => url), [`ws://a.test/?peerId=${ada}`])
      assert.deepStrictEqual(yield* session.state, { _tag: "Connected", url: hubA, since: 0 })
      assert.deepStrictEqual(yield* Queue.take(membership.news), { _tag: "Announced" })
    }))

  it.effect("announces before the hub has said a word, and is Connected only when it greets", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: opens })
      const session = yield* open(world, [hubA])
      const joining = yield* Effect.forkChild(session.join(dove), { startImmediately: true })
      yield* settle
      const socket = world.only
      assert.deepStrictEqual(socket.sent, [
        `{"type":"announce","data":{"peerId":"${ada}","homing":1},"networkName":"dove"}`
      ])
      assert.deepStrictEqual(yield* session.state, { _tag: "Connecting", url: hubA, attempt: 1 })
      assert.isUndefined(joining.pollUnsafe())
      socket.say(greeting)
      yield* Fiber.join(joining)
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))

  it.effect("shares one socket between networks, and announces each", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      yield* session.join(lark)
      assert.deepStrictEqual(world.only.types, ["announce dove", "announce lark"])
    }))

  it.effect("holds one network at a time at an older hub: the newest, on a connection of its own", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubB, hubA])
      const [home, first] = yield* joinScoped(session, dove)
      const [probe, second] = yield* joinScoped(session, lark)
      assert.deepStrictEqual(world.dialled, [hubB, hubB])
      // Closed before the next is opened, for an id may connect once; and without a goodbye, so that no link is cut.
      assert.deepStrictEqual(world.sockets[0]?.types, ["announce dove"])
      assert.strictEqual(world.sockets[0]?.closedWith, 1000)
      assert.deepStrictEqual(world.last.types, ["announce lark"])
      assert.include((yield* Effect.flip(first.send(offer))).message, "not connected at this moment")
      yield* second.send(offer)
      yield* Scope.close(probe, Exit.void)
      yield* settle
      assert.strictEqual(world.sockets.length, 3)
      assert.deepStrictEqual(world.sockets[1]?.types, ["announce lark", "offer lark"])
      assert.deepStrictEqual(world.last.types, ["announce dove"])
      yield* first.send(offer)
      yield* Scope.close(home, Exit.void)
      assert.deepStrictEqual(world.last.types, ["announce dove", "offer dove", "goodbye dove"])
      assert.strictEqual(world.last.closedWith, 1000)
    }))

  it.effect("stays on the newest network of an older hub when the other is left", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const [home] = yield* joinScoped(session, dove)
      yield* joinScoped(session, lark)
      yield* Scope.close(home, Exit.void)
      yield* settle
      assert.strictEqual(world.sockets.length, 2)
      assert.deepStrictEqual(world.last.types, ["announce lark"])
    }))

  it.effect("asks once more to be introduced, and fails at once when nobody could", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      const [scope, membership] = yield* joinScoped(session, dove)
      yield* membership.announce
      assert.deepStrictEqual(world.only.types, ["announce dove", "announce dove"])
      yield* Scope.close(scope, Exit.void)
      assert.include((yield* Effect.flip(membership.announce)).message, "this network was left")
    }))

  it.effect("keeps the path and the query of the address, and makes http into ws", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, greets)
      const hubs = ["http://a.test:8080/birds?token=1", "https://b.test/x#here"] as const
      for (const hub of hubs) yield* Effect.scoped(Effect.flatMap(open(world, [hub]), (session) => session.join(dove)))
      assert.deepStrictEqual(world.sockets.map(({ url }) => url), [
        `ws://a.test:8080/birds?token=1&peerId=${ada}`,
        `wss://b.test/x?peerId=${ada}`
      ])
    }))

  it.effect("fails, saying what is wrong with an address", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const problemOf = (hub: string) =>
        Effect.flatMap(open(world, [hub]), (session) => Effect.flip(session.join(dove))).pipe(Effect.scoped)
      assert.include((yield* problemOf("localhost:3000")).message, "starts with localhost: where ws:, wss:, http:")
      assert.include((yield* problemOf("ftp://a.test")).message, "starts with ftp:")
      assert.include((yield* problemOf("a hub")).message, "not a URL")
      assert.strictEqual(world.sockets.length, 0)
    }))

  it.effect("fails when every hub was tried once in vain, and the session is idle again", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: fails("no route"), [hubB]: fails("no such host") })
      const session = yield* open(world, [hubA, hubB])
      const error = yield* Effect.flip(session.join(dove))
      assert.strictEqual(error._tag, "HubUnreachable")
      assert.include(error.message, "ws://a.test: no route; ws://b.test: no such host")
      yield* settle
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(world.sockets.length, 2)
    }))

  it.effect("gives each hub ten seconds to open", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: ignores, [hubB]: greets })
      const session = yield* open(world, [hubA, hubB])
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(world.sockets.length, 1)
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* Fiber.join(joining)
      assert.deepStrictEqual(world.dialled, [hubA, hubB])
      assert.isTrue(world.sockets[0]?.closed)
    }))

  it.effect("gives each hub ten seconds to greet", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: opens })
      const session = yield* open(world, [hubA])
      const joining = yield* Effect.forkChild(Effect.flip(session.join(dove)))
      yield* TestClock.adjust("10 seconds")
      assert.include((yield* Fiber.join(joining)).message, "no answer within 10s")
      assert.strictEqual(world.only.closedWith, 1000)
    }))

  it.effect("fails with the hub's reason when it refuses", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: refuses(1008, "Maximum connections reached") })
      const error = yield* Effect.flatMap(open(world, [hubA]), (session) => Effect.flip(session.join(dove)))
      assert.strictEqual(error._tag, "HubRefused")
      assert.include(error.message, "code 1008: Maximum connections reached")
    }))

  it.effect("goes on to the next hub when one refuses", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: refuses(1008, "full") })
      const session = yield* open(world, [hubA, hubB])
      yield* session.join(dove)
      assert.deepStrictEqual(world.dialled, [hubA, hubB])
    }))

  it.effect("survives a constructor that throws, as in a browser on https:", () =>
    Effect.gen(function*() {
      const dial = () => {
        throw new Error("insecure")
      }
      const session = yield* open({ dial }, [hubA])
      assert.include((yield* Effect.flip(session.join(dove))).message, "insecure")
    }))

  it.effect("can be given up, and leaves nothing", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: ignores })
      const session = yield* open(world, [hubA])
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      yield* Fiber.interrupt(joining)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      assert.strictEqual(world.only.closedWith, 1000)
      assert.strictEqual(world.only.listeners, 0)
    }))
})

describe("leaving", () => {
  it.effect("says goodbye, and hangs up with the last network", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      const [first] = yield* joinScoped(session, dove)
      const [second] = yield* joinScoped(session, lark)
      yield* Scope.close(first, Exit.void)
      assert.deepStrictEqual(world.only.types, ["announce dove", "announce lark", "goodbye dove"])
      assert.isFalse(world.only.closed)
      yield* Scope.close(second, Exit.void)
      assert.strictEqual(
        world.only.sent.at(-1),
        `{"type":"goodbye","data":{"peerId":"${ada}","timestamp":0},"networkName":"lark"}`
      )
      assert.strictEqual(world.only.closedWith, 1000)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      assert.strictEqual(world.only.listeners, 0)
    }))

  it.effect("keeps quiet while another membership of the network takes over", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const [old] = yield* joinScoped(session, dove)
      const [, successor] = yield* joinScoped(session, dove)
      yield* Scope.close(old, Exit.void)
      assert.deepStrictEqual(world.only.types, ["announce dove", "announce dove"])
      world.only.say(discovered("dove"))
      yield* settle
      assert.deepStrictEqual(yield* drain(successor), ["Announced", "peer-discovered"])
    }))

  it.effect("says goodbye for every network when the session closes first", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(open(world, [hubA]), scope)
      const membership = yield* session.join(dove)
      yield* session.join(lark)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(world.only.types, ["announce dove", "announce lark", "goodbye dove", "goodbye lark"])
      assert.strictEqual(world.only.closedWith, 1000)
      assert.include((yield* Effect.flip(session.join(dove))).message, "this session is closed")
      assert.include((yield* Effect.flip(membership.send(offer))).message, "this network was left")
    }))

  it.effect("ends the stream of changes with the session", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(open(makeWorld(), [hubA]), scope)
      const changes = yield* Effect.forkChild(Stream.runCollect(session.changes), { startImmediately: true })
      yield* session.join(dove)
      yield* settle
      yield* Scope.close(scope, Exit.void)
      const seen = yield* Fiber.join(changes)
      assert.deepStrictEqual(seen.map(({ _tag }) => _tag), ["Idle", "Connecting", "Connected", "Idle"])
    }))

  it.effect("does not wait for ever for a hub that does not confirm the close", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: (socket) => (socket.confirmsClose = false, greets(socket)) })
      const session = yield* open(world, [hubA])
      const [scope] = yield* joinScoped(session, dove)
      const leaving = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* settle
      assert.isUndefined(leaving.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(leaving)
      assert.isTrue(world.only.terminated)
    }))

  it.effect("lets who joins while the last one leaves dial anew, after the goodbye", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const [scope] = yield* joinScoped(session, dove)
      yield* Effect.all([Scope.close(scope, Exit.void), session.join(lark)], { concurrency: "unbounded" })
      assert.strictEqual(world.sockets.length, 2)
      assert.strictEqual(world.sockets[0]?.closedWith, 1000)
      assert.deepStrictEqual(world.sockets[1]?.types, ["announce lark"])
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))
})

describe("coming back", () => {
  it.effect("announces again on every connection", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const membership = yield* session.join(dove)
      world.only.drop(1006)
      yield* settle
      const waiting = yield* session.state
      assert.strictEqual(waiting._tag, "Waiting")
      assert.include((yield* Effect.flip(membership.send(offer))).message, "not connected")
      yield* TestClock.adjust("500 millis")
      yield* settle
      assert.deepStrictEqual(world.sockets[1]?.types, ["announce dove"])
      assert.deepStrictEqual(yield* drain(membership), ["Announced", "Announced"])
    }))

  it.effect("tries the hubs of a round one after the other without a pause, then waits longer and longer", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA, hubB])
      yield* session.join(dove)
      world.behave(hubA, fails("gone"))
      world.behave(hubB, fails("gone"))
      world.only.drop(1006)
      // With a share of 1, the waits are the bounds themselves: 0.5 s after the loss, then doubled per round.
      yield* settle
      const dials: Array<number> = []
      for (const seconds of [0.5, 1, 2, 4, 8, 16, 30, 30, 30]) {
        yield* TestClock.adjust(Duration.seconds(seconds))
        yield* settle
        dials.push(world.sockets.length)
      }
      assert.deepStrictEqual(dials, [3, 5, 7, 9, 11, 13, 15, 17, 19])
      assert.deepStrictEqual(world.dialled.slice(0, 5), [hubA, hubA, hubB, hubA, hubB])
    }).pipe(always(1)))

  it.effect("draws its waits from the seed", () =>
    Effect.gen(function*() {
      const retryAt = Effect.gen(function*() {
        const world = makeWorld()
        const session = yield* open(world, [hubA])
        yield* session.join(dove)
        world.only.drop(1006)
        yield* settle
        return yield* session.state
      }).pipe(Effect.scoped)
      const first = yield* Random.withSeed(retryAt, "coo")
      assert.deepStrictEqual(yield* Random.withSeed(retryAt, "coo"), first)
      assert.notDeepEqual(yield* Random.withSeed(retryAt, "roo"), first)
    }))

  it.effect("does not take an open socket for success: only a greeting resets the backoff", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      world.behave(hubA, refuses(1008, "Peer already connected"))
      world.only.drop(1006)
      yield* settle
      const gaps = [500, 1000, 2000, 4000]
      for (const [index, gap] of gaps.entries()) {
        yield* TestClock.adjust(Duration.millis(gap - 1))
        yield* settle
        assert.strictEqual(world.sockets.length, index + 1, `too early, round ${index}`)
        yield* TestClock.adjust("1 millis")
        yield* settle
        assert.strictEqual(world.sockets.length, index + 2)
      }
      // The half-open socket is forgotten at last, and the hub greets: the next wait is short again.
      world.behave(hubA, greets)
      yield* TestClock.adjust("8 seconds")
      yield* settle
      assert.strictEqual((yield* session.state)._tag, "Connected")
      world.last.drop(1006)
      yield* settle
      const state = yield* session.state
      assert.deepStrictEqual(state, { _tag: "Waiting", url: hubA, problem: "the connection broke", retryAt: 16_000 })
    }).pipe(always(1)))

  it.effect("does not hammer a hub that greets and then refuses", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      const waits: Array<number> = []
      for (const elapsed of [0, 500, 1500, 3500]) {
        world.last.drop(1008, "too many messages")
        yield* settle
        const state = yield* session.state
        const wait = state._tag === "Waiting" ? state.retryAt - elapsed : 0
        waits.push(wait)
        yield* TestClock.adjust(Duration.millis(wait))
        yield* settle
      }
      assert.deepStrictEqual(waits, [500, 1000, 2000, 4000])
    }).pipe(always(1)))

  for (
    const [how, end] of [
      [
        "says that it is closing",
        (socket: FakeSocket) => socket.say({ type: "hub-closing", data: { reason: "update" } })
      ],
      ["closes with 1001", (socket: FakeSocket) => socket.drop(1001)]
    ] as const
  ) {
    it.effect(`comes back spread out, and to another hub first, when the hub ${how}`, () =>
      Effect.gen(function*() {
        const world = makeWorld()
        const session = yield* open(world, [hubA, hubB])
        yield* session.join(dove)
        end(world.only)
        yield* settle
        assert.isTrue(world.only.closed)
        yield* TestClock.adjust("999 millis")
        assert.strictEqual(world.sockets.length, 1)
        yield* TestClock.adjust("1 millis")
        yield* settle
        assert.deepStrictEqual(world.dialled, [hubA, hubB])
        // Half of the spread of 2 s.
      }).pipe(always(0.5)))
  }

  it.effect("keeps trying for as long as somebody is in a network, and stops then", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const [scope] = yield* joinScoped(session, dove)
      world.behave(hubA, fails("gone"))
      world.only.drop(1006)
      yield* TestClock.adjust("1 hour")
      assert.isAbove(world.sockets.length, 100)
      // A newcomer to a session that was connected waits with the others.
      const joining = yield* Effect.forkChild(session.join(lark))
      yield* TestClock.adjust("5 minutes")
      assert.isUndefined(joining.pollUnsafe())
      yield* Fiber.interrupt(joining)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      const count = world.sockets.length
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(world.sockets.length, count)
    }))

  it.effect("announces who joins a connection that is going down on the next one", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: (socket) => (socket.confirmsClose = false, welcomes(socket)) })
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      world.only.say({ type: "hub-closing", data: { reason: "update" } })
      world.behave(hubA, welcomes)
      yield* settle
      const joining = yield* Effect.forkChild(session.join(lark), { startImmediately: true })
      yield* settle
      assert.isUndefined(joining.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      yield* settle
      const membership = yield* Fiber.join(joining)
      assert.deepStrictEqual(world.last.types, ["announce lark", "announce dove"])
      assert.deepStrictEqual(yield* drain(membership), ["Announced"])
    }))

  it.effect("shows every change of state", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const seen: Array<string> = []
      yield* session.changes.pipe(
        Stream.runForEach((state) => Effect.sync(() => seen.push(state._tag))),
        Effect.forkChild
      )
      yield* settle
      const [scope] = yield* joinScoped(session, dove)
      yield* settle
      world.only.drop(1006)
      yield* TestClock.adjust("500 millis")
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* settle
      assert.deepStrictEqual(seen, ["Idle", "Connecting", "Connected", "Waiting", "Connecting", "Connected", "Idle"])
    }))
})

describe("keeping alive", () => {
  it.effect("asks a silent hub for a pong after 25 s, and stays when it answers", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      for (let minute = 0; minute < 10; minute++) {
        yield* TestClock.adjust("24 seconds")
        const pings = world.only.types.filter((type) => type === "ping")
        assert.strictEqual(pings.length, minute)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(world.only.types.at(-1), "ping")
        world.only.say({ type: "pong", data: { timestamp: 1 }, fromPeerId: "system" })
        yield* settle
      }
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))

  it.effect("counts a hub that was silent for 60 s as dead", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      yield* TestClock.adjust("59999 millis")
      assert.deepStrictEqual(world.only.types, ["announce dove", "ping", "ping"])
      assert.strictEqual((yield* session.state)._tag, "Connected")
      yield* TestClock.adjust("1 millis")
      yield* settle
      const state = yield* session.state
      assert.strictEqual(state._tag === "Waiting" && state.problem, "the hub fell silent")
      yield* TestClock.adjust("500 millis")
      yield* settle
      assert.strictEqual(world.sockets.length, 2)
    }))

  it.effect("takes its periods from HubTimings", () =>
    Effect.gen(function*() {
      const world = makeWorld({ [hubA]: ignores })
      const defaults = yield* HubTimings
      const session = yield* open(world, [hubA]).pipe(
        Effect.provideService(HubTimings, { ...defaults, dialTimeout: Duration.seconds(1) })
      )
      const joining = yield* Effect.forkChild(Effect.flip(session.join(dove)))
      yield* TestClock.adjust("1 second")
      assert.include((yield* Fiber.join(joining)).message, "within 1s")
    }))
})

describe("receiving", () => {
  it.effect("hands each network its own signals, in order, and counts the foreign ones", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, welcomes)
      const session = yield* open(world, [hubA])
      const doves = yield* session.join(dove)
      const larks = yield* session.join(lark)
      const everybody = yield* session.join(NetworkName.global)
      for (const network of ["dove", "lark", "dove", undefined, "Dove", "crow"]) world.only.say(discovered(network))
      yield* settle
      assert.deepStrictEqual(yield* drain(doves), ["Announced", "peer-discovered", "peer-discovered"])
      assert.deepStrictEqual(yield* drain(larks), ["Announced", "peer-discovered"])
      assert.deepStrictEqual(yield* drain(everybody), ["Announced", "peer-discovered"])
      assert.strictEqual(yield* doves.foreign, 2)
      const late = yield* session.join(dove)
      assert.strictEqual(yield* late.foreign, 0)
    }))

  it.effect("drops what is for somebody else, and our own echo", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const membership = yield* session.join(dove)
      world.only.say({ ...discovered("dove"), targetPeerId: bob })
      world.only.say({ type: "goodbye", fromPeerId: ada, networkName: "dove" })
      world.only.say({ ...discovered("dove"), targetPeerId: ada })
      world.only.say({ type: "goodbye", fromPeerId: bob, networkName: "dove" })
      yield* settle
      assert.deepStrictEqual(yield* drain(membership), ["Announced", "peer-discovered", "goodbye"])
      assert.strictEqual(yield* membership.foreign, 0)
    }))

  it.effect("counts what is malformed, ignores what is unknown, and goes on", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const membership = yield* session.join(dove)
      const before = (yield* Metric.value(malformed)).count
      world.only.emit("message", { data: "not JSON" })
      world.only.emit("message", { data: "[]" })
      world.only.emit("message", { data: new Uint8Array([1, 2, 3]) })
      world.only.emit("message", { data: JSON.stringify({ ...discovered("dove"), padding: " ".repeat(1024 * 1024) }) })
      world.only.say({ type: "offer", fromPeerId: bob, networkName: "dove", data: { type: "offer", sdp: 7 } })
      world.only.say({ type: "peer-discovered", networkName: "dove/../lark", data: { peerId: bob } })
      world.only.say({ type: "weather", data: "fine" })
      world.only.say({ type: "toString" })
      world.only.say(discovered("dove"))
      yield* settle
      assert.deepStrictEqual(yield* drain(membership), ["Announced", "peer-discovered"])
      assert.strictEqual((yield* Metric.value(malformed)).count - before, 6)
    }))

  it.effect("holds the newest 1024 pieces of news for a slow reader", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      const membership = yield* session.join(dove)
      for (let n = 0; n < 1500; n++) world.only.say({ ...discovered("dove"), timestamp: n })
      yield* settle
      const news = yield* Queue.takeAll(membership.news)
      assert.strictEqual(news.length, 1024)
      const last = news.at(-1)
      assert.isTrue(last?._tag === "Signal" && "timestamp" in last.signal && last.signal.timestamp === 1499)
    }))
})

describe("sending", () => {
  it.effect("names the membership's network", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const membership = yield* Effect.flatMap(open(world, [hubA]), (session) => session.join(dove))
      yield* membership.send(offer)
      assert.deepStrictEqual(JSON.parse(world.only.sent.at(-1) ?? ""), { ...offer, networkName: "dove" })
    }))

  it.effect("fails when the socket holds more than it should", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const membership = yield* Effect.flatMap(open(world, [hubA]), (session) => session.join(dove))
      world.only.bufferedAmount = 1024 * 1024 + 1
      assert.include((yield* Effect.flip(membership.send(offer))).message, "does not take what it is sent")
    }))
})
