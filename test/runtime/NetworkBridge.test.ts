/** Bridges: what crosses, what does not, and that nothing goes round in circles. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schedule, type Scope, Stream } from "effect"
import { isBroadcast, type MeshEvent } from "../../src/domain/MeshEvent.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Bridge from "../../src/runtime/NetworkBridge.ts"
import { NetworkBridge } from "../../src/runtime/NetworkBridge.ts"
import { Identity } from "../../src/services/Identity.ts"
import { Preferences, type Remembered } from "../../src/services/Preferences.ts"
import { SimulatedNetwork, SimulatedSignaling, SimulatedWebRtc } from "../../src/testing/index.ts"
import { type PeerOptions, World } from "../../src/testing/World.ts"
import { elapse, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

type Message = Extract<MeshEvent, { readonly _tag: "Message" }>

const isMessage = (event: MeshEvent): event is Message => event._tag === "Message"

/** Everything, both ways, as fast as it comes. */
const everything: Bridge.Crossing = { filter: () => true, rate: { messages: 10_000, per: "1 second" } }

/** Somebody in a network, who remembers what was said. */
const person = Effect.fnUntraced(function*(name: string, networkName: string) {
  const mesh = yield* World.use((world) => world.peer(name, { networkName, allowGlobalFallback: false }))
  const heard: Array<Message> = []
  yield* mesh.events.pipe(
    Stream.filter(isMessage),
    Stream.runForEach((message) => Effect.sync(() => void heard.push(message))),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  return { ...mesh, mesh, heard, contents: () => heard.map(({ content }) => content) }
})

const [gaming, work] = [NetworkName.make("gaming"), NetworkName.make("work")]

const side = (bridge: string, networkName: string) => `${bridge} in ${networkName}`

const bridge = Effect.fnUntraced(function*(
  name: string,
  between: readonly [string, string],
  crossing: Bridge.Crossing,
  options: PeerOptions = {}
) {
  const world = yield* World
  const [first, second] = between
  const layer = NetworkBridge.layerOf({
    ...crossing,
    between: [
      world.mesh(side(name, first), { ...options, networkName: first }),
      world.mesh(side(name, second), { ...options, networkName: second })
    ]
  })
  return Context.get(yield* Layer.build(layer), NetworkBridge)
})

/** Ada and Abe in `gaming`, Bob and Bea in `work`, and a bridge between. */
const town = Effect.fnUntraced(function*(crossing: Bridge.Crossing) {
  const [ada, abe] = [yield* person("ada", "gaming"), yield* person("abe", "gaming")]
  const [bob, bea] = [yield* person("bob", "work"), yield* person("bea", "work")]
  const { status } = yield* bridge("bridge", [gaming, work], crossing)
  yield* elapse(5)
  const way = (n: 0 | 1) => Effect.map(status, ({ ways }) => ways[n])
  return { ada, abe, bob, bea, status, way }
})

const quiet = { relayed: 0, refused: 0, known: 0, dropped: 0, failed: 0, waiting: 0, missed: 0 }

describe("a bridge", () => {
  it.effect("says in one network what was said in the other, and says where it comes from", () =>
    Effect.gen(function*() {
      const { abe, ada, bea, bob, way } = yield* town(everything)
      const bytes = Uint8Array.from([0, 255, 7])
      yield* ada.broadcast({ deep: [null, "ä"] })
      yield* elapse(1)
      yield* bob.broadcast(bytes)
      yield* elapse(1)
      const world = yield* World
      const [said] = abe.heard
      for (const reader of [bob, bea]) {
        const message = reader.heard.find(({ bridged }) => bridged !== undefined)
        assert.deepStrictEqual(message?.content, { deep: [null, "ä"] })
        assert.strictEqual(message?.from, yield* world.idOf(side("bridge", "work")))
        assert.strictEqual(message?.networkName, "work")
        assert.strictEqual(message?.id, said?.id)
        assert.deepEqual(message?.bridged, {
          from: ada.peerId,
          networkName: gaming,
          timestamp: said?.timestamp ?? -1,
          via: []
        })
      }
      assert.deepStrictEqual(ada.contents(), [bytes])
      assert.deepEqual(yield* way(0), { ...quiet, from: "gaming", into: "work", heard: 1, relayed: 1 })
      assert.deepEqual(yield* way(1), { ...quiet, from: "work", into: "gaming", heard: 1, relayed: 1 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("carries nothing that is for one peer", () =>
    Effect.gen(function*() {
      const { abe, ada, bea, bob, way } = yield* town(everything)
      const world = yield* World
      yield* ada.send(abe.peerId, "for abe")
      yield* ada.send(abe.peerId, Uint8Array.from([1]))
      yield* ada.send(yield* world.idOf(side("bridge", "gaming")), "for the bridge")
      // Nobody of the other network can be reached.
      const refused = yield* Effect.flip(ada.send(bob.peerId, "for bob"))
      assert.strictEqual(refused._tag, "PeerUnreachable")
      yield* elapse(20)
      assert.deepStrictEqual([bob.contents(), bea.contents()], [[], []])
      assert.deepEqual(yield* way(0), { ...quiet, from: "gaming", into: "work", heard: 0 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("carries nothing of a kind that it does not know", () =>
    Effect.gen(function*() {
      const bob = yield* person("bob", "work")
      const evil = peer(0)
      const { status } = yield* bridge("bridge", [gaming, work], everything)
      const other = yield* stranger(evil, gaming)
      yield* elapse(3)
      const channel = yield* other.channel
      const gossip = { type: "gossip", from: evil, networkName: "gaming", timestamp: 0, ttl: 40, path: [evil] }
      const say = (fields: object) => channel.send(JSON.stringify({ ...gossip, ...fields }))
      for (const subtype of ["dht", "dht-put", "dm", "dm-ack", "storage", "encrypted"]) {
        yield* say({ subtype, id: subtype, content: { key: "gaming:a", value: 1 } })
      }
      yield* say({ subtype: "chat", id: "chat", content: "hello" })
      yield* elapse(1)
      assert.deepStrictEqual(bob.contents(), ["hello"])
      const [there] = (yield* status).ways
      assert.deepInclude(there, { heard: 1, relayed: 1 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("keeps what the filter refuses where it was said", () =>
    Effect.gen(function*() {
      const { abe, ada, bea, bob, way } = yield* town({
        filter: {
          gaming: ({ content }) => content === "public",
          work: ({ content }) => Effect.succeed(content === "news").pipe(Effect.delay("1 second"))
        }
      })
      for (const content of ["secret", "public", "news"]) {
        yield* ada.broadcast(content)
        yield* bob.broadcast(content)
      }
      yield* elapse(10)
      // What comes over the bridge may overtake what comes from far away.
      assert.sameMembers(bea.contents(), ["secret", "public", "news", "public"])
      assert.deepStrictEqual(bob.contents(), ["public"])
      assert.sameMembers(abe.contents(), ["secret", "public", "news", "news"])
      assert.deepStrictEqual(ada.contents(), ["news"])
      assert.deepInclude(yield* way(0), { heard: 3, relayed: 1, refused: 2 })
      assert.deepInclude(yield* way(1), { heard: 3, relayed: 1, refused: 2 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("lets nothing through in a direction for which it has no filter", () =>
    Effect.gen(function*() {
      const { ada, bob, way } = yield* town({ filter: { gaming: () => true } })
      yield* ada.broadcast("there")
      yield* bob.broadcast("and back")
      yield* elapse(2)
      assert.deepStrictEqual([ada.contents(), bob.contents()], [[], ["there"]])
      assert.deepInclude(yield* way(1), { heard: 1, refused: 1 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("survives a filter that throws, fails, dies or never ends, and says how often", () =>
    Effect.gen(function*() {
      const { ada, bob, way } = yield* town({
        filter: ({ content }) => {
          switch (content) {
            case "throw":
              throw new Error("not today")
            case "fail":
              return Effect.fail("no")
            case "die":
              return Effect.die("no")
            case "interrupt":
              return Effect.interrupt
            case "hang":
              return Effect.never
            default:
              return true
          }
        }
      })
      const bad = ["throw", "fail", "die", "interrupt", "hang"]
      for (const content of [...bad, "good"]) yield* ada.broadcast(content)
      yield* elapse(10)
      assert.deepStrictEqual(bob.contents(), ["good"])
      assert.deepInclude(yield* way(0), { heard: 6, relayed: 1, failed: bad.length, waiting: 0 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("relays no more than its rate, and counts what it dropped", () =>
    Effect.gen(function*() {
      const { ada, bea, way } = yield* town({ filter: () => true, rate: { messages: 5, per: "10 seconds" } })
      const flood = (from: number) =>
        Effect.forEach(Array.from({ length: 20 }, (_, n) => from + n), (n) => ada.broadcast(n))
      yield* flood(0)
      yield* elapse(5)
      assert.deepStrictEqual(bea.contents(), [0, 1, 2, 3, 4])
      assert.deepInclude(yield* way(0), { heard: 20, relayed: 5, dropped: 15 })
      // Two more are allowed by now.
      yield* flood(100)
      yield* elapse(2)
      assert.deepStrictEqual(bea.contents(), [0, 1, 2, 3, 4, 100, 101])
      assert.deepInclude(yield* way(0), { heard: 40, relayed: 7, dropped: 33 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("drops what waits for too long a filter, and does not slow the network it listens to", () =>
    Effect.gen(function*() {
      const { abe, ada, way } = yield* town({ filter: () => Effect.as(Effect.sleep("4 seconds"), true) })
      const count = 3 * Bridge.capacity
      for (let n = 0; n < count; n++) yield* ada.broadcast(n)
      yield* elapse(1)
      assert.strictEqual(abe.heard.length, count)
      const { dropped, heard, waiting } = yield* way(0)
      assert.strictEqual(heard, count)
      assert.isAtMost(waiting, Bridge.capacity + 1)
      assert.strictEqual(dropped + waiting, count)
      // What has waited for more than 20 s is no news any more.
      yield* elapse(60)
      assert.deepEqual(yield* way(0), {
        ...quiet,
        from: gaming,
        into: work,
        heard: count,
        relayed: 6,
        dropped: count - 6
      })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("stays in its networks although they are empty, and carries on when they are not", () =>
    Effect.gen(function*() {
      const { between, status } = yield* bridge("bridge", ["gaming", "work"], everything, { allowGlobalFallback: true })
      yield* elapse(120)
      const { meshes } = yield* status
      assert.deepStrictEqual(meshes.map(({ networkName }) => networkName), [...between])
      const [ada, bob] = [yield* person("ada", "gaming"), yield* person("bob", "work")]
      yield* elapse(10)
      yield* ada.broadcast("at last")
      yield* elapse(1)
      assert.deepStrictEqual(bob.contents(), ["at last"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("needs no hub once it is linked, and joins networks without joining their peers", () =>
    Effect.gen(function*() {
      const { abe, ada, bea, bob } = yield* town(everything)
      yield* (yield* World).hub.stop
      yield* elapse(30)
      yield* ada.broadcast("still here")
      yield* elapse(1)
      assert.deepStrictEqual([bea.contents(), bob.contents()], [["still here"], ["still here"]])
      const strangers = new Set<string>([bob.peerId, bea.peerId])
      for (const gamer of [ada, abe]) {
        assert.deepStrictEqual((yield* gamer.peers).filter(({ peerId }) => strangers.has(peerId)), [])
        assert.strictEqual((yield* gamer.status).dropped.foreignNetwork, 0)
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("ends with its scope", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* person("ada", "gaming"), yield* person("bob", "work")]
      yield* Effect.scoped(Effect.andThen(bridge("bridge", ["gaming", "work"], everything), elapse(5)))
      yield* ada.broadcast("anyone?")
      yield* elapse(20)
      assert.deepStrictEqual([bob.contents(), yield* ada.peers, yield* bob.peers], [[], [], []])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("leaves the application's preferences alone", () =>
    Effect.gen(function*() {
      const remembered: Array<Remembered> = []
      const keen: Preferences = {
        recall: Effect.succeed({ networkName: NetworkName.make("family"), allowGlobalFallback: true }),
        remember: (change) => Effect.sync(() => void remembered.push(change))
      }
      const { status } = yield* Effect.provideService(bridge("bridge", [gaming, work], everything), Preferences, keen)
      yield* elapse(1)
      assert.deepStrictEqual((yield* status).meshes.map(({ networkName }) => networkName), [gaming, work])
      assert.deepStrictEqual(remembered, [])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("refuses options that cannot be used, and says which", () =>
    Effect.gen(function*() {
      const problem = (between: readonly [string, string], crossing: Bridge.Crossing) =>
        Effect.flip(Effect.scoped(bridge("bridge", between, crossing)))
      const networks = ["gaming", "work"] as const
      const filter = () => true
      assert.include((yield* problem(["gaming", "gaming"], { filter })).message, "both networks are gaming")
      assert.include((yield* problem(networks, { filter: { wrok: filter } })).message, "\"wrok\"")
      for (const rate of [{ messages: 0, per: "1 second" }, { messages: 1, per: 0 }] as const) {
        assert.include((yield* problem(networks, { filter, rate })).message, "rate cannot be used")
      }
    }).pipe(simulate, Effect.provide(world)))
})

describe("a mesh", () => {
  it.effect("relays to its home alone, and nothing that was said there", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* person("ada", "gaming"), yield* person("bob", "gaming")]
      const traveller = yield* World.use((world) => world.peer("traveller", { networkName: "work" }))
      yield* traveller.join
      yield* elapse(5)
      yield* ada.broadcast("hello")
      yield* elapse(1)
      const message = bob.heard.find(isBroadcast)
      assert.isDefined(message)
      if (message === undefined) return
      assert.isFalse(yield* bob.relay(message))
      assert.isTrue(yield* traveller.relay(message))
      assert.isFalse(yield* traveller.relay(message))
      yield* elapse(30)
      assert.isTrue(yield* traveller.isUsingGlobalFallback)
      assert.strictEqual((yield* Effect.flip(traveller.relay(message)))._tag, "AwayFromHome")
      yield* traveller.leave
      assert.strictEqual((yield* Effect.flip(traveller.relay(message)))._tag, "NotJoined")
    }).pipe(simulate, Effect.provide(world)))
})

describe("anyone", () => {
  it.effect("can claim to be a bridge, and not that a message comes from the network it is sent to", () =>
    Effect.gen(function*() {
      const ada = yield* person("ada", "gaming")
      const evil = peer(0)
      const other = yield* stranger(evil, gaming)
      yield* elapse(3)
      const channel = yield* other.channel
      const gossip = { type: "gossip", subtype: "chat", from: evil, networkName: "gaming", timestamp: 0, ttl: 40 }
      const say = (id: string, bridged: object) =>
        channel.send(JSON.stringify({ ...gossip, id, path: [evil], content: id, bridged }))
      const origin = { from: ada.peerId, networkName: "work", timestamp: 0, via: [] }
      yield* say("claimed", origin)
      yield* say("from here", { ...origin, networkName: "gaming" })
      yield* say("through here", { ...origin, via: ["gaming"] })
      yield* say("from too far", { ...origin, via: Array.from({ length: 8 }, (_, n) => `n${n}`) })
      yield* say("from nobody", { ...origin, from: "me" })
      yield* elapse(1)
      assert.deepStrictEqual(ada.contents(), ["claimed"])
      assert.strictEqual(ada.heard[0]?.from, evil)
      assert.strictEqual((yield* ada.status).dropped.malformed, 4)
    }).pipe(simulate, Effect.provide(world)))
})

/** How often each of some people heard each message that others sent. */
const expectOnce = (people: ReadonlyArray<{ readonly peerId: string; readonly heard: ReadonlyArray<Message> }>) => {
  for (const reader of people) {
    const ids = reader.heard.map(({ id }) => id)
    assert.strictEqual(new Set(ids).size, ids.length, "a message was heard twice")
    const contents = reader.heard.map(({ content }) => content).toSorted()
    const others = people.filter(({ peerId }) => peerId !== reader.peerId).map(({ peerId }) => peerId).toSorted()
    assert.deepStrictEqual<unknown>(contents, others)
  }
}

const seeds = Array.from({ length: 12 }, (_, seed) => seed)

/** Several bridges, and what came of it when everybody has said their own id once. */
const gathering = Effect.fnUntraced(function*(
  networks: ReadonlyArray<string>,
  pairs: ReadonlyArray<readonly [string, string]>
) {
  const people = yield* Effect.forEach(
    networks.flatMap((network) => [1, 2, 3].map((n) => [`${network} ${n}`, network] as const)),
    ([name, network]) => person(name, network),
    { concurrency: "unbounded" }
  )
  const built = yield* Effect.forEach(pairs, (between, n) => bridge(`bridge ${n}`, between, everything), {
    concurrency: "unbounded"
  })
  yield* elapse(15)
  yield* Effect.forEach(people, (each) => each.broadcast(each.peerId), { concurrency: "unbounded" })
  yield* elapse(10)
  const ways = (yield* Effect.forEach(built, ({ status }) => status)).flatMap(({ ways }) => ways)
  const sum = (key: "heard" | "relayed" | "known" | "dropped" | "failed" | "waiting") =>
    ways.reduce((total, way) => total + way[key], 0)
  const bridges = (yield* Effect.forEach(built, ({ status }) => status)).flatMap(({ meshes }) => meshes)
  const statuses = [...yield* Effect.forEach(people, ({ status }) => status), ...bridges]
  const ends = statuses.reduce((total, { connectedCount }) => total + connectedCount, 0)
  const duplicates = statuses.reduce((total, { dropped }) => total + dropped.duplicate, 0)
  const heard = people.reduce((total, { heard }) => total + heard.length, sum("heard"))
  // Each message goes over each link once each way at most, whoever brought it.
  assert.isAtMost(heard + duplicates, people.length * ends)
  return { people, sum }
})

const inAnyWeather = (
  name: string,
  body: Effect.Effect<void, unknown, World | Scope.Scope>
) => {
  for (const seed of seeds) {
    const weather = World.layer({ seed, jitter: "200 millis", slowSetups: 0.1 })
    it.effect(`${name} (seed ${seed})`, () => body.pipe(simulate, Effect.provide(weather)))
  }
}

describe("two bridges between the same two networks", () => {
  it.effect("say nothing that the other has said, nor bring it back", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* person("ada", "gaming"), yield* person("bob", "work")]
      const fast = yield* bridge("fast", [gaming, work], everything)
      const slow = yield* bridge("slow", [gaming, work], { filter: () => Effect.as(Effect.sleep("2 seconds"), true) })
      yield* elapse(5)
      yield* ada.broadcast("hello")
      yield* elapse(10)
      assert.deepStrictEqual([ada.contents(), bob.contents()], [[], ["hello"]])
      const [fastThere, fastBack] = (yield* fast.status).ways
      assert.deepInclude(fastThere, { heard: 1, relayed: 1 })
      assert.deepInclude(fastBack, { heard: 0 })
      const [slowThere, slowBack] = (yield* slow.status).ways
      assert.deepInclude(slowThere, { heard: 1, relayed: 0, known: 1 })
      assert.deepInclude(slowBack, { heard: 1, relayed: 0, known: 1 })
    }).pipe(simulate, Effect.provide(world)))

  inAnyWeather(
    "let everybody hear everything once",
    Effect.gen(function*() {
      const { people, sum } = yield* gathering(["gaming", "work"], [["gaming", "work"], ["gaming", "work"]])
      expectOnce(people)
      // Six messages: each crosses at least once, and at most once by each bridge.
      assert.isAtLeast(sum("relayed"), 6)
      assert.isAtMost(sum("relayed"), 12)
      assert.deepStrictEqual([sum("dropped"), sum("failed"), sum("waiting")], [0, 0, 0])
      assert.strictEqual(sum("heard"), sum("relayed") + sum("known"))
    })
  )
})

describe("a ring of three networks", () => {
  const networks = ["gaming", "work", "family"]
  const ring = [["gaming", "work"], ["work", "family"], ["family", "gaming"]] as const

  inAnyWeather(
    "lets everybody hear everything once, and comes to rest",
    Effect.gen(function*() {
      const { people, sum } = yield* gathering(networks, ring)
      expectOnce(people)
      // Nine messages, each of which comes to two other networks, from two sides at most.
      assert.isAtLeast(sum("relayed"), 18)
      assert.isAtMost(sum("relayed"), 36)
      assert.strictEqual(sum("heard"), sum("relayed") + sum("known"))
    })
  )

  it.effect("with two bridges on each side does too", () =>
    Effect.gen(function*() {
      const { people, sum } = yield* gathering(networks, [...ring, ...ring])
      expectOnce(people)
      assert.isAtMost(sum("relayed"), 72)
    }).pipe(simulate, Effect.provide(world)))
})

describe("a chain of networks", () => {
  it.effect("is named by what comes through it", () =>
    Effect.gen(function*() {
      const [ada, cal] = [yield* person("ada", "gaming"), yield* person("cal", "family")]
      yield* bridge("one", ["gaming", "work"], everything)
      yield* bridge("two", ["work", "family"], everything)
      yield* elapse(5)
      yield* ada.broadcast("hello")
      yield* elapse(1)
      assert.deepStrictEqual(cal.contents(), ["hello"])
      assert.deepInclude(cal.heard[0]?.bridged, { from: ada.peerId, networkName: gaming, via: [work] })
      assert.strictEqual(cal.heard[0]?.from, yield* World.use((world) => world.idOf(side("two", "family"))))
    }).pipe(simulate, Effect.provide(world)))
})

describe("a bridge on a platform", () => {
  const parts = Layer.merge(SimulatedSignaling.layer, SimulatedWebRtc.layer).pipe(
    Layer.provide(SimulatedNetwork.layer({ latency: ["1 milli", "2 millis"], setup: ["1 milli", "2 millis"] }))
  )
  const hubs = "ws://anywhere.test"

  it.live("has an identity in each network", () =>
    Effect.gen(function*() {
      const open = (networkName: string) =>
        Mesh.layer({ hubs, networkName }).pipe(
          Layer.provide(Layer.fresh(Identity.layer)),
          Layer.fresh,
          Layer.build,
          Effect.map((context) => Context.get(context, Mesh))
        )
      const [ada, bob] = [yield* open("gaming"), yield* open("work")]
      yield* ada.join
      yield* bob.join
      const layer = NetworkBridge.layer({ hubs, between: ["gaming", "work"], filter: () => true })
      const { status } = Context.get(yield* Layer.build(layer), NetworkBridge)
      const heard = yield* bob.events.pipe(
        Stream.filter(isMessage),
        Stream.take(1),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.all([ada.peers, bob.peers]).pipe(
        Effect.repeat({
          schedule: Schedule.spaced("20 millis"),
          until: (peers) => peers.every(({ length }) => length > 0)
        })
      )
      yield* ada.broadcast("hello")
      const [message] = yield* Fiber.join(heard)
      assert.strictEqual(message?.content, "hello")
      const { meshes } = yield* status
      assert.notStrictEqual(meshes[0].peerId, meshes[1].peerId)
      assert.strictEqual(message?.from, meshes[1].peerId)
    }).pipe(Effect.scoped, Effect.provide(parts)))
})
