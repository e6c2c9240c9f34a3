import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Queue, Stream } from "effect"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { capacity } from "../../src/runtime/Subscribers.ts"
import type { WebRtc } from "../../src/services/WebRtc.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

const gaming = NetworkName.make("gaming")

describe("a link", () => {
  it.effect("measures its round trip", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* mesh(1), yield* mesh(2)]
      yield* a.join
      yield* b.join
      yield* elapse(6)
      // One end measures, and both know.
      for (const end of [a, b]) {
        const [link] = yield* end.peers
        assert.isDefined(link?.rttMillis)
        // Twice 20 to 120 ms, each with up to 10 ms of jitter.
        assert.isAtLeast(link?.rttMillis ?? 0, 40)
        assert.isAtMost(link?.rttMillis ?? 0, 260)
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("to a peer that falls silent is mended first, and closed after ten seconds", () =>
    Effect.gen(function*() {
      const heard: Array<MeshEvent> = []
      const ada = yield* mesh(1)
      yield* ada.events.pipe(
        Stream.runForEach((event) => Effect.sync(() => void heard.push(event))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* ada.join
      yield* elapse(1)
      const silent = yield* stranger(peer(0), gaming)
      yield* elapse(3)
      yield* silent.channel
      assert.isFalse(heard.some((event) => event._tag === "PeerDisconnected"))
      yield* elapse(6)
      const asked = yield* Queue.takeAll(silent.received)
      assert.isTrue(asked.some((packet) => String(packet).includes("\"ping\"")))
      yield* elapse(5)
      const lost = heard.find((event) => event._tag === "PeerDisconnected")
      assert.deepInclude(lost, { peerId: peer(0), reason: "no answer for 10 s" })
    }).pipe(simulate, Effect.provide(world)))
})

describe("a broadcast", () => {
  /** Links that take a packet each so often. */
  const sluggish = (turn: Effect.Effect<void>) => (webRtc: WebRtc["Service"]): WebRtc["Service"] => ({
    ...webRtc,
    open: ({ handlers, ...options }) =>
      webRtc.open({
        ...options,
        handlers: {
          ...handlers,
          onOpen: (channel) => handlers.onOpen({ ...channel, writable: Effect.andThen(turn, channel.writable) })
        }
      })
  })
  const large = "x".repeat(1024 * 1024)
  const scene = Effect.fnUntraced(function*(turn: Effect.Effect<void>) {
    const spoil = sluggish(turn)
    const [ada, bob] = [yield* mesh(1, { spoil }), yield* mesh(2, { spoil })]
    const heard: Array<MeshEvent> = []
    yield* Stream.merge(ada.events, bob.events).pipe(
      Stream.runForEach((event) => Effect.sync(() => void heard.push(event))),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* ada.join
    yield* bob.join
    yield* elapse(3)
    const sending = yield* Effect.forEach(Array.from({ length: 12 }), () => ada.broadcast(large), {
      concurrency: "unbounded"
    }).pipe(Effect.forkChild({ startImmediately: true }))
    yield* elapse(60)
    yield* Fiber.join(sending)
    return heard
  })

  it.effect("waits for a link that is slow", () =>
    Effect.gen(function*() {
      const heard = yield* scene(Effect.sleep("50 millis"))
      assert.isUndefined(heard.find((event) => event._tag === "PeerDisconnected"))
      assert.strictEqual(heard.filter((event) => event._tag === "Message").length, 12)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("does not wait for a link that takes nothing", () =>
    Effect.gen(function*() {
      const heard = yield* scene(Effect.never)
      const lost = heard.find((event) => event._tag === "PeerDisconnected")
      assert.deepInclude(lost, { reason: "too slow for the messages of this network" })
    }).pipe(simulate, Effect.provide(world)))
})

describe("a direct message", () => {
  it.effect("that the application of its addressee missed is not confirmed", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      const gate = yield* Latch.make()
      const heard: Array<MeshEvent> = []
      yield* bob.events.pipe(
        Stream.runForEach((event) => gate.whenOpen(Effect.sync(() => void heard.push(event)))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* ada.join
      yield* bob.join
      yield* elapse(3)
      // More than a subscriber has in hand and in its queue.
      const sending = yield* Effect.forEach(
        Array.from({ length: 2 * capacity + 100 }, (_, n) => n),
        (n) => Effect.map(Effect.exit(ada.send(bob.peerId, n)), Exit.isSuccess),
        { concurrency: "unbounded" }
      ).pipe(Effect.forkChild({ startImmediately: true }))
      yield* elapse(20)
      yield* gate.open
      const confirmed = (yield* Fiber.join(sending)).flatMap((success, n) => success ? [n] : [])
      yield* elapse(1)
      assert.deepStrictEqual(heard.flatMap((event) => event._tag === "Message" ? [event.content] : []), confirmed)
    }).pipe(simulate, Effect.provide(world)), 30_000)
})

describe("a link that fails through a fault of ours", () => {
  it.effect("is made anew", () =>
    Effect.gen(function*() {
      let faults = 2
      const spoil = (webRtc: WebRtc["Service"]): WebRtc["Service"] => ({
        ...webRtc,
        open: (options) => faults-- > 0 ? Effect.die("a fault") : webRtc.open(options)
      })
      const [ada, bob] = [yield* mesh(1, { spoil }), yield* mesh(2, { spoil })]
      yield* ada.join
      yield* bob.join
      yield* elapse(60)
      assert.deepStrictEqual((yield* ada.peers).map(({ peerId }) => peerId), [bob.peerId])
      assert.deepStrictEqual((yield* bob.peers).map(({ peerId }) => peerId), [ada.peerId])
    }).pipe(simulate, Effect.provide(world)))
})

describe("errors", () => {
  it.effect("say that no network is joined", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      const error = yield* Effect.flip(ada.broadcast("anyone?"))
      assert.strictEqual(error.message, "Cannot broadcast: this mesh is in no network. Join one first.")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("say that a peer is not there, rather than nothing", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      yield* ada.join
      const alone = yield* Effect.flip(ada.send(peer(7), "hello?"))
      assert.include(alone.message, "no link to anyone")
      yield* bob.join
      yield* elapse(3)
      const lost = yield* Effect.flip(ada.send(peer(7), "hello?")).pipe(Effect.forkChild)
      yield* elapse(5)
      assert.include((yield* Fiber.join(lost)).message, "have not heard of it")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("say that a message is too large, and what the limit is", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      yield* ada.join
      yield* bob.join
      yield* elapse(3)
      const error = yield* Effect.flip(ada.send(bob.peerId, new Uint8Array(9 * 1024 * 1024)))
      assert.strictEqual(error._tag, "MessageTooLarge")
      assert.include(error.message, "8388608")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("name the option that cannot be used", () =>
    Effect.gen(function*() {
      for (
        const [options, field] of [
          [{ networkName: "No Spaces" }, "networkName"],
          [{ networkName: "" }, "networkName"],
          [{ maxPeers: 0 }, "maxPeers"],
          [{ maxPeers: 51 }, "maxPeers"]
        ] as const
      ) {
        const error = yield* Effect.flip(mesh(1, options))
        assert.deepInclude(error, { _tag: "InvalidInput", field })
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("refuse what is neither JSON nor bytes", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      yield* ada.join
      const cyclic: Array<unknown> = []
      cyclic.push(cyclic)
      let deep: unknown = 1
      for (let n = 0; n < 5000; n++) deep = [deep]
      for (const content of [undefined, Number.NaN, () => 1, 1n, cyclic, deep, new Date(), new Map()]) {
        // @ts-expect-error -- what JavaScript can do and TypeScript forbids
        const error = yield* Effect.flip(ada.broadcast(content))
        assert.strictEqual(error._tag, "InvalidInput")
      }
    }).pipe(simulate, Effect.provide(world)))
})
