import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Lookout from "../../../src/hub/exchange/Lookout.ts"
import type { Peer } from "../../../src/hub/exchange/Member.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import { decodeJson, nth, random } from "../TestPeer.ts"

const red = NetworkName.make("red")
const blue = NetworkName.make("blue")

/** A lookout at work, and its peers with what each was told: network, present, waiting and when. */
const start = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const registry = Registry.make({ networksPerPeer: 8, random })
  const lookout = Lookout.make({ registry, now })
  yield* Effect.forkScoped(lookout.serve)
  let n = 0
  const peer = () => {
    let told: Array<unknown> = []
    const peer: Peer = {
      peerId: nth(n++),
      send: (frame) => {
        const { data, networkName } = decodeJson(frame)
        return told.push([networkName, data, now()]) > 0
      }
    }
    return {
      watch: (name: NetworkName = red, waiting = false) => lookout.watch(peer, name, waiting),
      unwatch: (name: NetworkName = red) => lookout.unwatch(peer, name),
      forget: () => lookout.forget(peer),
      join: (name: NetworkName = red) => {
        registry.join(peer, name, {})
        lookout.moved(peer, name)
      },
      leave: (name: NetworkName = red) => {
        registry.leave(peer, name)
        lookout.moved(peer, name)
      },
      /** What was told since one looked last. */
      get told() {
        const before = told
        told = []
        return before
      }
    }
  }
  return { peer }
})

const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

/** Lets time pass, and the lookout do what is due before and after. */
const pass = (millis: number) =>
  settle.pipe(Effect.andThen(TestClock.adjust(`${millis} millis`)), Effect.andThen(settle))

const counts = (present: number, waiting: number, at: number, name: NetworkName = red) => [
  name,
  { present, waiting },
  at
]

describe("Lookout", () => {
  it.effect("tells at once, and then every change", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b] = [peer(), peer()]
      a.watch()
      assert.deepStrictEqual(a.told, [counts(0, 0, 0)])
      yield* pass(1000)
      b.join()
      yield* settle
      assert.deepStrictEqual(a.told, [counts(1, 0, 1000)])
      yield* pass(1000)
      b.leave()
      yield* settle
      assert.deepStrictEqual(a.told, [counts(0, 0, 2000)])
      assert.deepStrictEqual(b.told, [])
    }))

  it.effect("tells each watcher who waits beside itself", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b, c] = [peer(), peer(), peer()]
      a.watch(red, true)
      assert.deepStrictEqual(a.told, [counts(0, 0, 0)])
      b.watch(red, true)
      assert.deepStrictEqual(b.told, [counts(0, 1, 0)])
      c.watch(red, false)
      assert.deepStrictEqual(c.told, [counts(0, 2, 0)])
      yield* pass(200)
      assert.deepStrictEqual(a.told, [counts(0, 1, 100)])
      assert.deepStrictEqual([b.told, c.told], [[], []])
      b.forget()
      yield* settle
      assert.deepStrictEqual([a.told, b.told, c.told], [[counts(0, 0, 200)], [], [counts(0, 1, 200)]])
    }))

  it.effect("counts who has come as present, and no longer as waiting", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b] = [peer(), peer()]
      a.watch()
      b.watch(red, true)
      yield* pass(200)
      void [a.told, b.told]
      b.join()
      yield* settle
      assert.deepStrictEqual([a.told, b.told], [[counts(1, 0, 200)], [counts(1, 0, 200)]])
      yield* pass(100)
      b.leave()
      yield* settle
      assert.deepStrictEqual([a.told, b.told], [[counts(0, 1, 300)], [counts(0, 0, 300)]])
    }))

  it.effect("tells a watcher at most once in 100 ms, and always the last count", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const a = peer()
      a.watch()
      yield* pass(1000)
      void a.told
      const times: Array<unknown> = []
      for (let n = 0; n < 100; n++) {
        peer().join()
        yield* pass(7)
        times.push(...a.told)
      }
      yield* pass(100)
      times.push(...a.told)
      assert.deepStrictEqual(times.slice(0, 3), [counts(1, 0, 1000), counts(15, 0, 1100), counts(29, 0, 1200)])
      assert.deepStrictEqual(times.at(-1), counts(100, 0, 1700))
      assert.strictEqual(times.length, 8)
      yield* pass(10_000)
      assert.deepStrictEqual(a.told, [])
    }))

  it.effect("keeps the distance after the first answer, too", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b] = [peer(), peer()]
      a.watch(blue)
      yield* pass(50)
      b.watch(red)
      peer().join(red)
      yield* pass(50)
      assert.deepStrictEqual(b.told, [counts(0, 0, 50)])
      yield* pass(100)
      assert.deepStrictEqual(b.told, [counts(1, 0, 200)])
    }))

  it.effect("says nothing of what came and went in between, nor of other networks", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b, c] = [peer(), peer(), peer()]
      a.watch()
      yield* pass(100)
      void a.told
      b.join()
      b.leave()
      c.join(blue)
      yield* pass(1000)
      assert.deepStrictEqual(a.told, [])
    }))

  it.effect("answers who asks again, in the next round", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const a = peer()
      for (let n = 0; n < 100; n++) a.watch()
      yield* pass(1000)
      assert.deepStrictEqual(a.told, [counts(0, 0, 0), counts(0, 0, 100)])
    }))

  it.effect("forgets who watches no more", () =>
    Effect.gen(function*() {
      const { peer } = yield* start
      const [a, b] = [peer(), peer()]
      a.watch()
      a.watch(blue, true)
      yield* pass(200)
      void a.told
      b.join()
      a.unwatch()
      a.forget()
      yield* pass(1000)
      assert.deepStrictEqual(a.told, [])
      b.watch(blue)
      assert.deepStrictEqual(b.told, [counts(0, 0, 1200, blue)])
    }))
})
