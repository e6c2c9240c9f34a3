/** Hubs of the mesh backplane, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetworkName from "../../../src/domain/NetworkName.ts"
import { type HubPlan, make, simulate } from "../../support/federation/SimulatedTown.ts"
import { until } from "../../support/federation/Town.ts"
import { peer } from "../../support/simulation.ts"

const start = Effect.fnUntraced(function*(
  seed: string | number,
  hubs: Readonly<Record<string, HubPlan>>,
  options: { readonly fabric?: boolean } = {}
) {
  const town = yield* make({ seed, hubs, ...options })
  yield* Effect.forEach(town.hubs, (hub) => hub.start, { discard: true })
  return town
})

describe("hubs", () => {
  it.effect("know each other when one was told of the other", () =>
    simulate(
      1,
      Effect.gen(function*() {
        const town = yield* start(1, { a: { bootstrap: [] }, b: { bootstrap: ["a"] } })
        yield* until("a knows b and b knows a", () => town.hubs.every((hub) => hub.running.elsewhere.hubs.length === 1))
        assert.deepStrictEqual(town.hub("a").running.elsewhere.hubs.map(({ connection, url }) => [connection, url]), [
          ["websocket", "ws://b.test"]
        ])
      })
    ))

  it.effect("know each other when one looked whether the other is near, and miss nobody who is not", () =>
    simulate(
      4,
      Effect.gen(function*() {
        const production = NetworkName.NetworkName.make("production")
        const town = yield* make({
          seed: 4,
          hubs: {
            a: { bootstrap: [] },
            early: { bootstrap: [], nearby: ["a"] },
            alone: { bootstrap: [], nearby: ["nowhere"] },
            other: { bootstrap: [], nearby: ["a"], namespace: production }
          }
        })
        for (const name of ["early", "alone", "other"]) yield* town.hub(name).start
        yield* town.elapse(10)
        yield* town.hub("a").start
        yield* until("a is found", () => town.hub("early").running.elsewhere.hubs.length === 1)
        yield* town.elapse(60)
        for (const name of ["alone", "other"]) {
          const { health, hubs } = town.hub(name).running.elsewhere
          assert.deepStrictEqual([health, hubs], [{ _tag: "Well" }, []])
        }
      })
    ))

  it.effect("of different namespaces never connect, and both say why", () =>
    simulate(
      2,
      Effect.gen(function*() {
        const production = NetworkName.NetworkName.make("production")
        const town = yield* start(2, { a: { bootstrap: ["b"] }, b: { bootstrap: ["a"], namespace: production } })
        yield* town.elapse(60)
        for (
          const [name, other, ours, theirs] of [["a", "b", "pigeonhub-mesh", "production"], [
            "b",
            "a",
            "production",
            "pigeonhub-mesh"
          ]] as const
        ) {
          const known = town.hub(name).running.elsewhere.hubs
          assert.isTrue(known.every(({ connection }) => connection === "refused"))
          const dialled = known.find(({ url }) => url === town.urlOf(other))
          assert.include(dialled?.problem, ours)
          assert.include(dialled?.problem, theirs)
        }
      })
    ))

  it.effect("forget a hub that lost its power within 15 s, and its peers, and know all when it is back", () =>
    simulate(
      3,
      Effect.gen(function*() {
        const town = yield* start(3, { a: { bootstrap: [] }, b: { bootstrap: ["a"] }, c: { bootstrap: ["b"] } })
        const one = town.hub("a").running.arrive(peer(1))
        const three = town.hub("c").running.arrive(peer(3))
        yield* until("all know all", () => town.hubs.every((hub) => hub.running.elsewhere.hubs.length === 2))
        one.say({ type: "announce", networkName: "chess" })
        three.say({ type: "announce", networkName: "chess" })
        yield* until("they are introduced", () => one.heard("peer-discovered", peer(3)).length > 0)
        yield* town.powerCut("c")
        const waited = yield* until("it is forgotten", () => one.heard("peer-disconnected", peer(3)).length > 0)
        assert.isAtLeast(waited, 5000)
        assert.isFalse(town.hub("a").running.elsewhere.hubs.some(({ url }) => url === town.urlOf("c")))
        yield* town.hub("c").start
        const again = town.hub("c").running.arrive(peer(3))
        again.say({ type: "announce", networkName: "chess" })
        yield* until(
          "they are introduced again",
          () => again.heard("peer-discovered", peer(1)).length > 0 && one.heard("peer-discovered", peer(3)).length > 1
        )
      })
    ))

  it.effect("bring the parts of a network together that are at different hubs", () =>
    simulate(
      8,
      Effect.gen(function*() {
        const town = yield* start(8, { a: { bootstrap: [] }, b: { bootstrap: ["a"] }, c: { bootstrap: ["b"] } })
        yield* until("all know all", () => town.hubs.every((hub) => hub.running.elsewhere.hubs.length === 2))
        const guests = [1, 2, 3, 4].map((n) => town.hub(n < 3 ? "a" : "c").running.arrive(peer(n)))
        for (const guest of guests) guest.say({ type: "announce", networkName: "chess" })
        yield* town.elapse(5)
        const introduced = () => guests.reduce((sum, guest) => sum + guest.heard("peer-discovered").length, 0)
        /** All say where they are, as one does every 20 s. */
        const say = (labels: ReadonlyArray<number>) =>
          guests.forEach((guest, index) =>
            guest.say({ type: "ping", networkName: "chess", data: { label: peer(labels[index] ?? 0) } })
          )
        const before = introduced()
        for (let round = 0; round < 6; round++) {
          say([1, 1, 1, 1])
          yield* town.elapse(20)
        }
        assert.strictEqual(introduced(), before, "nobody is introduced where all is one")
        for (let round = 0; round < 4; round++) {
          say([1, 1, 3, 3])
          yield* town.elapse(20)
        }
        assert.isAbove(introduced(), before)
        const across = guests.slice(0, 2).some((guest) =>
          guest.heard("peer-discovered").filter((frame) =>
            JSON.stringify(frame["data"]).includes(peer(3)) || JSON.stringify(frame["data"]).includes(peer(4))
          ).length > 2
        )
        assert.isTrue(across)
      })
    ))

  it.effect("find each other when the hub between them is gone, for it told them where they are", () =>
    simulate(
      6,
      Effect.gen(function*() {
        const town = yield* start(6, { a: { bootstrap: [] }, b: { bootstrap: ["a"] }, c: { bootstrap: ["b"] } })
        yield* until("all know all", () => town.hubs.every((hub) => hub.running.elsewhere.hubs.length === 2))
        yield* town.elapse(5)
        yield* town.hub("b").kill
        yield* until("a and c are linked", () =>
          ["a", "c"].every((name) =>
            town.hub(name).running.elsewhere.hubs.some(({ connection, url }) =>
              connection === "websocket" && url !== town.urlOf("b")
            )
          ))
      })
    ))

  it.effect("let sockets go that WebRTC replaces, all but one, and take them up again when links are lost", () =>
    simulate(
      7,
      Effect.gen(function*() {
        const town = yield* start(7, {
          a: { bootstrap: [] },
          b: { bootstrap: [] },
          c: { bootstrap: ["a", "b"] }
        }, { fabric: true })
        const sockets = () => town.sockets("c")
        yield* until("two sockets stand", () => sockets() === 2)
        yield* until("one is let go, ten seconds after WebRTC stands", () => sockets() === 1, 40)
        const { hubs } = town.hub("c").running.elsewhere
        assert.deepStrictEqual(hubs.map(({ connection }) => connection), ["webrtc", "webrtc"])
        yield* town.elapse(60)
        assert.strictEqual(sockets(), 1)
        // WebRTC fails between all of them, and sockets do not: hubs that were let go are dialled again.
        town.failWebRtc()
        yield* until("both sockets stand again", () => sockets() === 2, 60)
      })
    ))

  it.effect("move to WebRTC, keep a lifeline, and go on as before", () =>
    simulate(
      4,
      Effect.gen(function*() {
        const town = yield* start(4, {
          a: { bootstrap: [] },
          b: { bootstrap: ["a"] },
          c: { bootstrap: ["a", "b"], migrationDelay: Duration.seconds(10) }
        }, { fabric: true })
        yield* until("all are linked over WebRTC", () =>
          town.hubs.every((hub) =>
            hub.running.elsewhere.hubs.length === 2 &&
            hub.running.elsewhere.hubs.every(({ connection }) =>
              connection === "webrtc"
            )
          ), 30)
        yield* town.elapse(30)
        const one = town.hub("b").running.arrive(peer(1))
        const two = town.hub("c").running.arrive(peer(2))
        one.say({ type: "announce", networkName: "chess" })
        yield* town.elapse(1)
        two.say({ type: "announce", networkName: "chess" })
        yield* until("they are introduced", () =>
          one.heard("peer-discovered", peer(2)).length > 0)
        one.say({ type: "offer", networkName: "chess", targetPeerId: peer(2), data: { sdp: "v=0" } })
        yield* until("the offer arrives", () => two.heard("offer", peer(1)).length === 1)
      })
    ))
})
