/** The federation suite over a real NATS server, and what happens when that goes away. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { hubMesh, NetworkName } from "../../../src/domain/NetworkName.ts"
import { Backplane } from "../../../src/hub/backplane/Backplane.ts"
import * as BackplaneNats from "../../../src/hub/backplane/BackplaneNats.ts"
import * as NatsServer from "../../support/federation/NatsServer.ts"
import { tests } from "../../support/federation/suite.ts"
import { run, startable, type Town, until } from "../../support/federation/Town.ts"
import { peer } from "../../support/simulation.ts"

if (NatsServer.program === undefined) console.warn(`Tests over NATS are skipped: ${NatsServer.missing}`)

const hubOn = Effect.fnUntraced(function*(url: string, index: number, namespace = hubMesh) {
  const context = yield* Layer.build(
    Layer.fresh(BackplaneNats.layer({ hub: peer(1000 + index), namespace, url }))
  )
  return yield* run(Context.get(context, Backplane), `ws://hub${index}.test`)
})

const hubAt = (port: number, index: number, namespace = hubMesh) => hubOn(`nats://127.0.0.1:${port}`, index, namespace)

const townOn = Effect.fnUntraced(function*(port: number, count: number) {
  const hubs = yield* Effect.forEach(Array.from({ length: count }, (_, index) => index), (index) => {
    let cut = (): void => undefined
    return startable({
      name: `hub${index}`,
      cut: () => cut(),
      open: Effect.gen(function*() {
        const way = yield* NatsServer.way(port)
        cut = way.cut
        return yield* hubAt(way.port, index)
      })
    })
  })
  yield* Effect.forEach(hubs, (hub) => hub.start, { discard: true })
  yield* until("hubs know each other", () => hubs.every((hub) => hub.running.elsewhere.hubs.length === count - 1))
  const town: Town = { hubs, elapse: (seconds) => Effect.sleep(seconds * 1000) }
  return town
})

const quietly = <A, E>(body: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.scoped(body).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

describe.skipIf(NatsServer.program === undefined)("hubs on NATS", () => {
  tests({
    town: Effect.fnUntraced(function*(count: number) {
      const port = yield* NatsServer.freePort
      yield* NatsServer.serve(port)
      return yield* townOn(port, count)
    }),
    simulate: quietly
  })

  it.live("say that they are degraded while NATS is away, and go on when it is back", () =>
    quietly(Effect.gen(function*() {
      const port = yield* NatsServer.freePort
      const server = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(NatsServer.serve(port), server)
      const town = yield* townOn(port, 2)
      const [ada, bob] = town.hubs.map(({ running }, index) => running.arrive(peer(index + 1)))
      if (ada === undefined || bob === undefined) throw new Error("there are two hubs")
      for (const guest of [ada, bob]) guest.say({ type: "announce", networkName: "chess" })
      yield* until("they know each other", () => ada.heard("peer-discovered", bob.peerId).length > 0)
      yield* Scope.close(server, Exit.void)
      yield* until("both say so", () => town.hubs.every(({ running }) => running.elsewhere.health._tag === "Degraded"))
      ada.say({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: {} })
      assert.strictEqual(ada.heard("error").length, 1)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* NatsServer.serve(port)
        yield* until(
          "both are well",
          () => town.hubs.every(({ running }) => running.elsewhere.health._tag === "Well"),
          20
        )
        const offer = { type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: { sdp: "v=0 again" } }
        yield* until("offers arrive", () => {
          if (bob.heard("offer").length === 0) ada.say(offer)
          return bob.heard("offer").length > 0
        }, 20)
      }))
    })))

  it.live(
    "go on by the other server of a cluster when one is killed, and say when neither is there",
    () =>
      quietly(Effect.gen(function*() {
        const scope = yield* Effect.scope
        const [one, two] = [yield* Scope.fork(scope), yield* Scope.fork(scope)]
        const ports = yield* NatsServer.serveTwo([one, two])
        // Each is on either of the servers, and is told of both.
        const url = ports.map((port) => `nats://127.0.0.1:${port}`).join(",")
        const hubs = [yield* hubOn(url, 0), yield* hubOn(url, 1)]
        yield* until("they know each other", () => hubs.every(({ elsewhere }) => elsewhere.hubs.length === 1))
        const [ada, bob] = hubs.map((hub, index) => hub.arrive(peer(index + 1)))
        if (ada === undefined || bob === undefined) throw new Error("there are two hubs")
        for (const guest of [ada, bob]) guest.say({ type: "announce", networkName: "chess" })
        yield* until("they are introduced", () => ada.heard("peer-discovered", bob.peerId).length > 0)
        const isDegraded = () => hubs.filter(({ elsewhere }) => elsewhere.health._tag === "Degraded").length
        const reached = (sdp: string) =>
          until(`an offer arrives, ${sdp}`, () => {
            ada.say({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: { sdp } })
            return bob.heard("offer").some(({ data }) => JSON.stringify(data).includes(sdp))
          }, 12)

        yield* Scope.close(one, Exit.void)
        yield* reached("by the other")
        yield* until("both are well", () => isDegraded() === 0, 12)
        // Nobody was forgotten meanwhile.
        assert.strictEqual(ada.heard("peer-disconnected").length, 0)
        yield* Scope.close(two, Exit.void)
        yield* until("both are degraded", () => isDegraded() === 2)
        yield* NatsServer.serve(ports[0])
        yield* until("both are well", () => isDegraded() === 0, 12)
        yield* reached("by the first")
      })),
    60_000
  )

  it.live("start without NATS, and find each other when it is there", () =>
    quietly(Effect.gen(function*() {
      const port = yield* NatsServer.freePort
      const [one, two] = [yield* hubAt(port, 1), yield* hubAt(port, 2)]
      const guest = one.arrive(peer(1))
      guest.say({ type: "announce", networkName: "chess" })
      assert.strictEqual(one.elsewhere.health._tag, "Degraded")
      yield* NatsServer.serve(port)
      const other = two.arrive(peer(2))
      other.say({ type: "announce", networkName: "chess" })
      yield* until("they are introduced", () => guest.heard("peer-discovered", peer(2)).length > 0)
    })))

  it.live("of different namespaces share nothing", () =>
    quietly(Effect.gen(function*() {
      const port = yield* NatsServer.freePort
      yield* NatsServer.serve(port)
      const one = yield* hubAt(port, 1)
      const two = yield* hubAt(port, 2, NetworkName.make("production"))
      const three = yield* hubAt(port, 3)
      yield* until("two of one namespace meet", () => one.elsewhere.hubs.length > 0)
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(two.elsewhere.hubs, [])
      assert.deepStrictEqual(three.elsewhere.hubs.map(({ hub }) => hub), [peer(1001)])
    })))

  it.live("hear at once from NATS that nobody holds a peer any more", () =>
    quietly(Effect.gen(function*() {
      const port = yield* NatsServer.freePort
      yield* NatsServer.serve(port)
      const town = yield* townOn(port, 2)
      const [ada, bob] = town.hubs.map(({ running }, index) => running.arrive(peer(index + 1)))
      const [, far] = town.hubs
      if (ada === undefined || bob === undefined || far === undefined) throw new Error("there are two hubs")
      for (const guest of [ada, bob]) guest.say({ type: "announce", networkName: "chess" })
      yield* until("they know each other", () => ada.heard("peer-discovered", bob.peerId).length > 0)
      // Killed, so that presence still believes in it.
      yield* far.kill
      const asked = Date.now()
      yield* Effect.sleep(200)
      ada.say({ type: "offer", networkName: "chess", targetPeerId: bob.peerId, data: {} })
      yield* until("ada is told", () => ada.heard("error").length === 1, 2)
      assert.isBelow(Date.now() - asked, 1000)
    })))
})
