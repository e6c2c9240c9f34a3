/** The federation suite over the mesh, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import type { SimulatedNetwork } from "../../../src/testing/SimulatedNetwork.ts"
import { type HubPlan, make, simulate } from "../../support/federation/SimulatedTown.ts"
import { tests } from "../../support/federation/suite.ts"
import { type Admitted, type Guest, until } from "../../support/federation/Town.ts"
import { peer } from "../../support/simulation.ts"

const chess = NetworkName.make("chess")
const draughts = NetworkName.make("draughts")

/** How hubs are told of each other. */
const shapes = {
  "a chain": (index: number) => index === 0 ? [] : [`hub${index - 1}`],
  "a star": (index: number) => index === 0 ? [] : ["hub0"],
  "a ring": (index: number, count: number) => [`hub${(index + 1) % count}`]
}

const plan = (count: number, shape: keyof typeof shapes): Readonly<Record<string, HubPlan>> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`hub${index}`, { bootstrap: shapes[shape](index, count) }])
  )

const townOf = Effect.fnUntraced(function*(count: number, shape: keyof typeof shapes, fabric: boolean, seed: number) {
  const town = yield* make({ seed, hubs: plan(count, shape), fabric })
  yield* Effect.forEach(town.hubs, (hub) => hub.start, { discard: true })
  yield* until(
    "hubs know each other",
    () =>
      town.hubs.every((hub) =>
        hub.running.elsewhere.hubs.filter(({ lastHeard }) => lastHeard !== undefined).length === count - 1
      ),
    30
  )
  return town
})

for (const shape of ["a chain", "a star", "a ring"] as const) {
  describe(`${shape} of hubs on sockets`, () => {
    tests({
      town: (count) => townOf(count, shape, false, 7),
      simulate: <A, E>(body: Effect.Effect<A, E, SimulatedNetwork | Scope.Scope>) => simulate(shape, body)
    })
  })
}

describe("hubs that have moved to WebRTC", () => {
  tests({
    town: Effect.fnUntraced(function*(count: number) {
      const town = yield* townOf(count, "a chain", true, 11)
      yield* town.elapse(40)
      const ways = town.hubs.flatMap((hub) => hub.running.elsewhere.hubs.map(({ connection }) => connection))
      assert.isTrue(ways.every((way) => way === "webrtc"), ways.join(" "))
      return town
    }),
    simulate: <A, E>(body: Effect.Effect<A, E, SimulatedNetwork | Scope.Scope>) => simulate("webrtc", body)
  })
})

describe("ten hubs", () => {
  for (const fabric of [false, true]) {
    it.live(`are one hub to their peers, ${fabric ? "over WebRTC" : "on sockets"}`, () =>
      simulate(
        5,
        Effect.gen(function*() {
          const town = yield* townOf(10, "a chain", fabric, 5)
          if (fabric) yield* town.elapse(40)
          const guests = town.hubs.map(({ running }, index) => running.arrive(peer(index + 1)))
          for (const guest of guests) guest.say({ type: "announce", networkName: "chess" })
          yield* until("everybody knows everybody", () =>
            guests.every((guest) =>
              guests.every((other) =>
                other === guest || guest.heard("peer-discovered", other.peerId).length > 0
              )
            ))
          for (const guest of guests) {
            for (const other of guests) {
              if (other !== guest) {
                guest.say({ type: "offer", networkName: "chess", targetPeerId: other.peerId, data: {} })
              }
            }
          }
          yield* until("everybody has everybody's offer", () =>
            guests.every((guest) =>
              guest.heard("offer").length === 9
            ))
          yield* town.elapse(5)
          for (const guest of guests) {
            assert.strictEqual(guest.heard("offer").length, 9)
          }
        })
      ))
  }
})

describe("hubs that did not hear each other", () => {
  for (const proves of [false, true]) {
    it.live(`leave a peer at one of them when they do, ${proves ? "the newer that proved it" : "the older"}`, () =>
      simulate(
        3,
        Effect.gen(function*() {
          const town = yield* townOf(2, "a chain", false, 3)
          const [one, other] = town.hubs
          if (one === undefined || other === undefined) throw new Error("there are two hubs")
          const older = yield* one.running.knock(peer(1), { proves })
          older.say({ type: "announce", networkName: "chess" })
          town.cut(["hub0"], ["hub1"])
          yield* town.elapse(30)
          assert.strictEqual(other.running.exchange.registry.present(chess), 0)
          const newer = yield* other.running.knock(peer(1), { proves })
          newer.say({ type: "announce", networkName: "chess" })
          yield* town.elapse(30)
          assert.isUndefined(older.closing ?? newer.closing)
          town.heal()
          const [stays, goes] = proves ? [newer, older] : [older, newer]
          yield* until("one of them is closed", () => goes.closing !== undefined, 30)
          yield* town.elapse(10)
          assert.strictEqual(goes.closing?.code, proves ? 4001 : 1008)
          assert.isUndefined(stays.closing)
          for (const { running } of town.hubs) assert.strictEqual(running.exchange.registry.present(chess), 1)
        })
      ))
  }
})

describe("one peer, and strangers that claim its id, at hubs that are cut apart and killed at random", () => {
  const run = (seed: number) =>
    simulate(
      `whose/${seed}`,
      Effect.gen(function*() {
        const count = 4
        const town = yield* townOf(count, seed % 2 === 0 ? "a ring" : "a star", false, seed)
        const random = yield* Random.Random
        const draw = (bound: number) => Math.floor(random.nextDoubleUnsafe() * bound)
        const names = town.hubs.map(({ name }) => name)
        /** Who was let in, in that order. */
        const admitted: Array<{ readonly who: Admitted; readonly hub: string; readonly proves: boolean }> = []
        const living = () => admitted.filter(({ hub, who }) => who.closing === undefined && town.hub(hub).isRunning)
        let silent = new Set<Admitted>()
        for (let event = 0; event < 25; event++) {
          yield* town.elapse(random.nextDoubleUnsafe() * 3)
          const hub = town.hubs[draw(count)]
          if (hub === undefined) continue
          switch (draw(8)) {
            case 0:
              town.cut([hub.name], names.filter((name) => name !== hub.name))
              break
            case 1:
              town.heal()
              break
            case 2:
              if (!hub.isRunning) yield* hub.start
              else if (town.hubs.filter(({ isRunning }) => isRunning).length > 2) {
                yield* hub.kill
                // A killed hub's connections break.
                for (const one of admitted) if (one.hub === hub.name) one.who.leave()
              }
              break
            case 3: {
              const one = living()[draw(living().length)]
              if (one === undefined) break
              one.who.fallSilent()
              silent = new Set([...silent, one.who])
              break
            }
            default: {
              if (!hub.isRunning) break
              const proves = random.nextDoubleUnsafe() < 0.5
              const result = yield* Effect.result(hub.running.knock(peer(1), { proves }))
              if (result._tag === "Failure") break
              result.success.say({ type: "announce", networkName: draw(2) === 0 ? "chess" : "draughts" })
              admitted.push({ who: result.success, hub: hub.name, proves })
            }
          }
        }
        town.heal()
        yield* Effect.forEach(town.hubs, (hub) => hub.start, { discard: true })
        yield* until("hubs agree, and one holds the peer", () =>
          living().length <= 1 &&
          town.hubs.every(({ running: { exchange: { registry } } }) =>
            registry.present(chess) + registry.present(draughts) === living().length
          ), 60)
        yield* town.elapse(20)
        const left = living()
        assert.isAtMost(left.length, 1)
        // And it can come back, wherever it goes, and stays there.
        const home = town.hubs[draw(count)]
        const back = yield* home?.running.knock(peer(1), { proves: true }) ?? Effect.die("there are hubs")
        back.say({ type: "announce", networkName: "chess" })
        yield* town.elapse(20)
        assert.isUndefined(back.closing)
        assert.strictEqual(living().length, 0)
        return { admitted: admitted.length, silent: silent.size, left: left.length }
      })
    )

  it.live.each([1, 2, 3, 4, 5, 6, 7, 8, 121, 123, 139, 258])("are settled: seed %i", (seed) =>
    Effect.gen(function*() {
      const { admitted } = yield* run(seed)
      assert.isAbove(admitted, 0)
    }))
})

describe("hubs that are killed and started at random", () => {
  const run = (seed: number, fabric: boolean) =>
    simulate(
      seed,
      Effect.gen(function*() {
        const count = 5
        const town = yield* townOf(count, seed % 2 === 0 ? "a ring" : "a star", fabric, seed)
        const random = yield* Random.Random
        const guests = new Map<string, Guest>()
        const populate = () => {
          for (const [index, hub] of town.hubs.entries()) {
            if (!hub.isRunning || guests.has(hub.name)) continue
            const guest = hub.running.arrive(peer(index + 1))
            guests.set(hub.name, guest)
            guest.say({ type: "announce", networkName: "chess" })
          }
        }
        populate()
        for (let event = 0; event < 12; event++) {
          yield* town.elapse(random.nextDoubleUnsafe() * 20)
          const hub = town.hubs[Math.floor(random.nextDoubleUnsafe() * count)]
          if (hub === undefined) continue
          // The first hub of a star is the only one that all know.
          if (hub.isRunning && town.hubs.filter(({ isRunning }) => isRunning).length > 2) {
            guests.delete(hub.name)
            yield* random.nextDoubleUnsafe() < 0.3 ? town.powerCut(hub.name) : hub.kill
          } else yield* hub.start
          populate()
        }
        yield* Effect.forEach(town.hubs, (hub) => hub.start, { discard: true })
        populate()
        const all = Array.from(guests.values())
        assert.strictEqual(all.length, count)
        yield* until("every hub knows every member again", () =>
          town.hubs.every((hub) => hub.running.exchange.registry.present(chess) === count), 30)
        for (const guest of all) {
          for (const other of all) {
            if (other !== guest) {
              guest.say({
                type: "offer",
                networkName: "chess",
                targetPeerId: other.peerId,
                data: { from: guest.peerId }
              })
            }
          }
        }
        yield* until(
          "every offer arrives",
          () =>
            all.every((guest) =>
              all.every((other) =>
                other === guest || guest.heard("offer", other.peerId).length === 1
              )
            )
        )
      })
    )

  for (let seed = 0; seed < 20; seed++) it.live(`end as one, on sockets, seed ${seed}`, () => run(seed, false))
  for (let seed = 100; seed < 106; seed++) it.live(`end as one, over WebRTC, seed ${seed}`, () => run(seed, true))
})
