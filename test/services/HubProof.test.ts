import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { hubClose } from "../../src/domain/Signal.ts"
import { Signature } from "../../src/domain/Signature.ts"
import * as HubLoss from "../../src/services/signaling/HubLoss.ts"
import { HubProof, type Question } from "../../src/services/signaling/HubProof.ts"
import { HubToken } from "../../src/services/signaling/HubToken.ts"
import {
  ada,
  dove,
  type FakeSocket,
  hubA,
  hubB,
  joinScoped,
  lark,
  makeWorld,
  open,
  opens,
  settle,
  welcome
} from "./HubWorld.ts"

const signature = Signature.make("A".repeat(128))
const nonce = "n".repeat(22)
const greeting = {
  ...welcome,
  data: { ...welcome.data, homing: { ...welcome.data.homing, challenge: nonce } }
}

/** Signs everything, and remembers what. */
const scribe = () => {
  const signed: Array<Question> = []
  return {
    signed,
    prover: (question: Question) =>
      Effect.sync(() => {
        signed.push(question)
        return signature
      })
  }
}

describe("a session that can prove its key", () => {
  it.effect("says so where it dials, and proves it when it is greeted or before", () =>
    Effect.gen(function*() {
      const { prover, signed } = scribe()
      const world = makeWorld({}, opens)
      const session = yield* Effect.provideService(open(world, [hubA]), HubProof, prover)
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      assert.strictEqual(world.only.url, `${hubA}/?peerId=${ada}&proof=1`)
      world.only.say({ type: "challenge", data: { nonce }, fromPeerId: "system" })
      yield* settle
      world.only.say(welcome)
      yield* Fiber.join(joining)
      assert.deepStrictEqual(signed, [{ nonce, host: "a.test" }])
      assert.deepStrictEqual(world.only.types, ["announce dove", "prove"])
      assert.deepStrictEqual(JSON.parse(world.only.sent[1] ?? ""), {
        type: "prove",
        data: { host: "a.test", signature }
      })
      // Once is enough for one connection, whatever the hub says.
      world.only.say(greeting)
      world.only.say({ type: "challenge", data: { nonce } })
      yield* settle
      assert.strictEqual(signed.length, 1)
      world.only.drop(1006)
      yield* TestClock.adjust("1 second")
      yield* settle
      world.last.say(greeting)
      yield* settle
      assert.strictEqual(world.sockets.length, 2)
      assert.deepStrictEqual(world.last.types, ["announce dove", "prove"])
    }))

  it.effect("signs no more than what a nonce is", () =>
    Effect.gen(function*() {
      const { prover, signed } = scribe()
      const world = makeWorld({}, opens)
      const session = yield* Effect.provideService(open(world, [hubA]), HubProof, prover)
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      for (const odd of ["", "short", "n".repeat(65), "n".repeat(21) + "\"", 7, { nonce }]) {
        world.only.say({ type: "challenge", data: { nonce: odd } })
        yield* settle
      }
      // A greeting with such a one is still a greeting.
      world.only.say({ ...greeting, data: { ...greeting.data, homing: { ...greeting.data.homing, challenge: "\"" } } })
      yield* Fiber.join(joining)
      assert.deepStrictEqual(signed, [])
    }))

  it.effect("says nothing of it without a key", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, opens)
      const session = yield* open(world, [hubA])
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      world.only.say(greeting)
      yield* Fiber.join(joining)
      assert.strictEqual(world.only.url, `${hubA}/?peerId=${ada}`)
      assert.deepStrictEqual(world.only.types, ["announce dove"])
    }))
})

describe("a session whose place is taken by a newer connection of the peer", () => {
  const reason = "Taken over by a newer connection of the same peer"
  const state = { _tag: "TakenOver", url: hubA, problem: reason } as const

  it.effect("stays away by itself, and comes back when a network is joined anew", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA, hubB])
      const [, membership] = yield* joinScoped(session, dove)
      world.only.drop(hubClose.takenOver, reason)
      yield* settle
      assert.deepStrictEqual(yield* session.state, state)
      yield* TestClock.adjust("1 day")
      yield* session.watch(dove)
      yield* settle
      assert.strictEqual(world.sockets.length, 1)
      assert.deepStrictEqual(yield* session.state, state)
      for (const asking of [membership.announce, session.networks]) {
        assert.strictEqual((yield* Effect.flip(asking))._tag, "HubUnreachable")
      }
      assert.strictEqual(world.sockets.length, 1)
      yield* session.join(lark)
      assert.strictEqual(world.sockets.length, 2)
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))

  it.effect("leaves nothing when its networks are left meanwhile, and can begin anew", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* Effect.scoped(Effect.gen(function*() {
        yield* session.join(dove)
        world.only.drop(hubClose.takenOver, reason)
        yield* settle
      }))
      assert.deepStrictEqual(yield* session.state, { _tag: "Idle" })
      yield* session.join(dove)
      assert.strictEqual(world.sockets.length, 2)
    }))

  it.effect("is told so when it was joining", () =>
    Effect.gen(function*() {
      const world = makeWorld({
        [hubA]: (socket) => {
          socket.open()
          queueMicrotask(() => socket.drop(hubClose.takenOver, reason))
        }
      })
      const session = yield* open(world, [hubA, hubB])
      const error = yield* Effect.flip(session.join(dove))
      assert.include(error.message, reason)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(world.sockets.length, 1)
    }))
})

describe("a session with a token that expires", () => {
  const allowed = (expiresIn: number) => ({
    ...welcome,
    data: { ...welcome.data, homing: { ...welcome.data.homing, expiresIn } }
  })
  const tokens = (socket: FakeSocket | undefined) =>
    socket?.sent.map((frame) => JSON.parse(frame)).filter(({ type }) => type === "token").map(({ data }) => data.token)

  it.effect("shows a fresh one in time, again and again, and once in a while", () =>
    Effect.gen(function*() {
      let minted = 0
      const source = Effect.sync(() => `token-${minted++}`)
      const world = makeWorld({}, opens)
      const session = yield* Effect.provideService(open(world, [hubA]), HubToken, source)
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      world.only.say(allowed(40_000))
      yield* Fiber.join(joining)
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual(tokens(world.only), [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(tokens(world.only), ["token-1"])
      world.only.say({ type: "token", data: { expiresIn: 10_000 } })
      yield* settle
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual(tokens(world.only), ["token-1", "token-2"])
      // One that is about to expire anyway is not worth it.
      world.only.say({ type: "token", data: { expiresIn: 2000 } })
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(tokens(world.only), ["token-1", "token-2"])
    }))

  it.effect("does not show the same one twice", () =>
    Effect.gen(function*() {
      const world = makeWorld({}, opens)
      const session = yield* Effect.provideService(open(world, [hubA]), HubToken, Effect.succeed("token"))
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      world.only.say(allowed(10_000))
      yield* Fiber.join(joining)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(tokens(world.only), [])
    }))

  it.effect("goes on without a fresh one until it is sent away", () =>
    Effect.gen(function*() {
      let asked = 0
      const source = Effect.suspend(() =>
        asked++ === 0 ? Effect.succeed("token") : Effect.fail(HubLoss.Unreachable({ problem: "the server is away" }))
      )
      const world = makeWorld({}, opens)
      const session = yield* Effect.provideService(open(world, [hubA]), HubToken, source)
      const joining = yield* Effect.forkChild(session.join(dove))
      yield* settle
      world.only.say(allowed(10_000))
      yield* Fiber.join(joining)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(asked, 2)
      assert.strictEqual((yield* session.state)._tag, "Connected")
    }))

  it.effect("comes back at once when it is sent away, and then patiently", () =>
    Effect.gen(function*() {
      const world = makeWorld()
      const session = yield* open(world, [hubA])
      yield* session.join(dove)
      yield* TestClock.adjust("5 seconds")
      world.only.drop(hubClose.tokenExpired, "The peer token has expired")
      yield* settle
      assert.strictEqual(world.sockets.length, 2)
      assert.strictEqual((yield* session.state)._tag, "Connected")
      // But not again and again, should tokens end as soon as they begin.
      world.last.drop(hubClose.tokenExpired, "The peer token has expired")
      yield* settle
      assert.strictEqual(world.sockets.length, 2)
      yield* TestClock.adjust("5500 millis")
      yield* settle
      assert.strictEqual(world.sockets.length, 3)
      yield* TestClock.adjust("5 seconds")
      world.behave(hubA, (socket) => {
        socket.open()
        queueMicrotask(() => socket.drop(1008, "The peer token has expired"))
      })
      world.last.drop(hubClose.tokenExpired, "The peer token has expired")
      yield* settle
      assert.strictEqual(world.sockets.length, 4)
      assert.strictEqual((yield* session.state)._tag, "Waiting")
    }))
})
