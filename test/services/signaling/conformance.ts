/** What a `SignalingTransport` layer has to do, at whatever hub, as tests that any layer can be put to. */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Queue, Scope, Stream } from "effect"
import * as NetworkName from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import type { HubSignal } from "../../../src/domain/Signal.ts"
import { type HubMembership, type HubSession, SignalingTransport } from "../../../src/services/SignalingTransport.ts"

/** Where a peer signals, and how. */
export interface Place {
  readonly hub: string
  readonly layer: (peerId: PeerId) => Layer.Layer<SignalingTransport>
}

/** A hub, and what lets a test run to its end there: virtual time goes on, real time does by itself. */
export interface Ground {
  readonly place: Effect.Effect<Place, never, Scope.Scope>
  readonly run: (effect: Effect.Effect<void, unknown, Scope.Scope>) => Effect.Effect<void, unknown>
}

const [ada, bob, eve] = ["a", "b", "e"].map((digit) => PeerId.make(digit.repeat(40)))
const dove = NetworkName.NetworkName.make("dove")
const lark = NetworkName.NetworkName.make("lark")

const open = Effect.fnUntraced(function*({ hub, layer }: Place, peerId: PeerId | undefined) {
  assert(peerId !== undefined)
  const transport = Context.get(yield* Layer.build(Layer.fresh(layer(peerId))), SignalingTransport)
  return yield* transport.open({ peerId, hubs: [hub] })
})

/** The next signal of a kind. */
const next = <Type extends HubSignal["type"]>({ news }: HubMembership, type: Type) =>
  Effect.gen(function*() {
    while (true) {
      const one = yield* Queue.take(news)
      if (one._tag === "Signal" && isOf(one.signal, type)) return one.signal
    }
  })

const isOf = <Type extends HubSignal["type"]>(
  signal: HubSignal,
  type: Type
): signal is Extract<HubSignal, { readonly type: Type }> => signal.type === type

const candidate = (n: number) => ({ candidate: `candidate:${n}`, sdpMid: "0", sdpMLineIndex: 0 })

const counts = (session: HubSession, present: number) =>
  Effect.scoped(
    Effect.flatMap(session.watch(dove), (watched) =>
      Stream.runHead(Stream.filter(watched, (seen) => seen._tag === "Counts" && seen.present === present)))
  )

/** Puts a layer to the tests. */
export const conformance = ({ place, run }: Ground) => {
  const test = (name: string, body: (place: Place) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.live(name, () => run(Effect.flatMap(place, body)))

  test("introduces those who are there and those who come to each other, in one network alone", (place) =>
    Effect.gen(function*() {
      const [a, b, e] = [yield* open(place, ada), yield* open(place, bob), yield* open(place, eve)]
      const atDove = yield* a.join(dove)
      const atLark = yield* e.join(lark)
      const comes = yield* b.join(dove)
      assert.strictEqual((yield* next(atDove, "peer-discovered")).data.peerId, bob)
      assert.strictEqual((yield* next(comes, "peer-discovered")).data.peerId, ada)
      assert.deepStrictEqual((yield* Queue.clear(atLark.news)).filter(({ _tag }) => _tag === "Signal"), [])
    }))

  test("carries signals in order, with the name of who sent them, to nobody else", (place) =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(place, ada), yield* open(place, bob)]
      const [one, other] = [yield* a.join(dove), yield* b.join(dove)]
      yield* next(one, "peer-discovered")
      assert(bob !== undefined && ada !== undefined)
      const offer = { type: "offer", sdp: "v=0\r\no=- 1 1" } as const
      yield* one.send({ type: "offer", targetPeerId: bob, data: offer })
      for (let n = 0; n < 20; n++) yield* one.send({ type: "ice-candidate", targetPeerId: bob, data: candidate(n) })
      assert.deepInclude(yield* next(other, "offer"), { fromPeerId: ada, data: offer, networkName: dove })
      for (let n = 0; n < 20; n++) {
        assert.deepStrictEqual((yield* next(other, "ice-candidate")).data, candidate(n))
      }
      yield* other.send({ type: "answer", targetPeerId: ada, data: { type: "answer", sdp: "v=0\r\no=- 2 2" } })
      assert.strictEqual((yield* next(one, "answer")).fromPeerId, bob)
    }))

  test("tells who took leave, and counts who is there for those who watch", (place) =>
    Effect.gen(function*() {
      const [a, b, e] = [yield* open(place, ada), yield* open(place, bob), yield* open(place, eve)]
      const one = yield* a.join(dove)
      const scope = yield* Scope.make()
      yield* Scope.provide(b.join(dove), scope)
      yield* next(one, "peer-discovered")
      yield* counts(e, 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* next(one, "goodbye")).fromPeerId, bob)
      yield* counts(e, 1)
    }))

  test("is in two networks at once, and introduces again when asked", (place) =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(place, ada), yield* open(place, bob)]
      const [atDove, atLark] = [yield* a.join(dove), yield* a.join(lark)]
      yield* b.join(lark)
      assert.strictEqual((yield* next(atLark, "peer-discovered")).networkName, lark)
      yield* atLark.announce
      assert.strictEqual((yield* next(atLark, "peer-discovered")).data.peerId, bob)
      assert.deepStrictEqual((yield* Queue.clear(atDove.news)).filter(({ _tag }) => _tag === "Signal"), [])
    }))

  test("says at once that no hub is there", (place) =>
    Effect.gen(function*() {
      const session = yield* open({ ...place, hub: place.hub.replace(/(test|\d+)\/?$/, "1") }, ada)
      assert.strictEqual((yield* Effect.flip(session.join(dove)))._tag, "HubUnreachable")
    }))
}
