/** The hash table among real meshes, in the simulated world. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Queue, Random, Stream } from "effect"
import type { DhtChange } from "../../src/domain/DhtRecord.ts"
import { maxValueBytes, positionOf } from "../../src/domain/DhtRecord.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import * as Circle from "../../src/services/dht/Circle.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"
import { components, grow } from "../support/town.ts"

type Peer = Mesh["Service"]

const gaming = NetworkName.make("gaming")

/** Joins all, and waits until they are linked. */
const join = Effect.fnUntraced(function*(...all: ReadonlyArray<Peer>) {
  yield* Effect.forEach(all, (one) => one.join, { concurrency: "unbounded" })
  yield* elapse(5)
})

/** Meshes 1 to `count` in one network, linked. */
const meshes = Effect.fnUntraced(function*(count: number) {
  const all = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n + 1), (n) => mesh(n))
  yield* join(...all)
  return all
})

const pair = Effect.map(meshes(2), ([ada, bob]) => {
  assert(ada && bob)
  return { ada, bob }
})

const trio = Effect.map(meshes(3), ([ada, bob, eve]) => {
  assert(ada && bob && eve)
  return { ada, bob, eve }
})

/** What a peer reads, or `undefined`. */
const read = (one: Peer, key: string, fresh = false) =>
  Effect.map(one.dht.get(key, { fresh }), (found) => Option.getOrUndefined(found)?.value)

/** Peers by nearness to a key, nearest first. */
const byNearness = (all: ReadonlyArray<Peer>, key: string) => {
  const order = Circle.sorted(positionOf(gaming, key), all.map(({ peerId }) => peerId))
  return all.toSorted((one, other) => order.indexOf(one.peerId) - order.indexOf(other.peerId))
}

/** What a peer hears of a key, from now on. */
const listen = Effect.fnUntraced(function*(one: Peer, key: string) {
  const heard: Array<DhtChange> = []
  const changes = yield* one.dht.subscription(key)
  yield* Effect.forkScoped(Stream.runForEach(changes, (change) => Effect.sync(() => void heard.push(change))), {
    startImmediately: true
  })
  return { heard, values: () => heard.map(({ record }) => record?.value) }
})

describe("the hash table", () => {
  for (const count of [2, 3, 9]) {
    it.effect(`finds at each of ${count} peers what another has put`, () =>
      Effect.gen(function*() {
        const all = yield* meshes(count)
        for (const [at, one] of all.entries()) {
          const stored = yield* one.dht.put(`key-${at}`, { at })
          assert.deepStrictEqual(stored, { key: `key-${at}`, networkName: gaming, version: 1, holders: count })
        }
        for (const one of all) {
          for (const at of all.keys()) {
            for (const fresh of [false, true]) {
              const record = Option.getOrThrow(yield* one.dht.get(`key-${at}`, { fresh }))
              assert.deepStrictEqual([record.value, record.version, record.writer], [{ at }, 1, all[at]?.peerId])
            }
          }
          assert.isTrue(Option.isNone(yield* one.dht.get("nobody put this")))
        }
      }).pipe(simulate, Effect.provide(world)))
  }

  it.effect("waits for the first link, when it is asked right after joining", () =>
    Effect.gen(function*() {
      const { ada } = yield* pair
      yield* ada.dht.put("k", 1)
      const late = yield* mesh(3)
      yield* late.join
      assert.strictEqual(yield* read(late, "k"), 1)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("keeps JSON and bytes as they are", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      for (const value of [null, 0, "", "ü\u2028", [], { a: [1, null] }, new Uint8Array(0), Uint8Array.of(0, 255)]) {
        yield* ada.dht.put("k", value)
        assert.deepStrictEqual<unknown>(yield* read(bob, "k"), value)
      }
      const large = new Uint8Array(maxValueBytes).fill(7)
      yield* ada.dht.put("large", large)
      assert.deepStrictEqual<unknown>(yield* read(bob, "large"), large)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("replaces, deletes, and counts versions on", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      assert.strictEqual((yield* ada.dht.put("k", "one")).version, 1)
      assert.strictEqual((yield* bob.dht.put("k", "two")).version, 2)
      assert.strictEqual(yield* read(eve, "k"), "two")
      assert.strictEqual((yield* eve.dht.delete("k")).version, 3)
      for (const one of [ada, bob, eve]) assert.isUndefined(yield* read(one, "k"))
      assert.strictEqual((yield* ada.dht.put("k", "again")).version, 4)
      assert.strictEqual(yield* read(bob, "k"), "again")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("forgets a value when its time is over, and not sooner", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      yield* ada.dht.put("k", "brief", { ttl: "10 seconds" })
      yield* ada.dht.put("day", "long")
      yield* elapse(9)
      assert.strictEqual(yield* read(bob, "k"), "brief")
      yield* elapse(2)
      for (const one of [ada, bob]) assert.isUndefined(yield* read(one, "k"))
      assert.strictEqual(Option.getOrThrow(yield* bob.dht.get("day")).ttl, 24 * 3600 * 1000)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("updates what is still the same, and refuses otherwise", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      assert.strictEqual((yield* ada.dht.update("k", "first", { version: 0 })).version, 1)
      assert.strictEqual((yield* bob.dht.update("k", "second", { version: 1 })).version, 2)
      const error = yield* Effect.flip(ada.dht.update("k", "late", { version: 1 }))
      assert.deepInclude(error, { _tag: "VersionConflict", expected: 1, actual: 2 })
      assert.deepInclude(yield* Effect.flip(ada.dht.update("k", "x", { version: 0 })), { actual: 2 })
      assert.strictEqual(yield* read(ada, "k"), "second")
      yield* ada.dht.delete("k")
      assert.deepInclude(yield* Effect.flip(ada.dht.update("k", "x", { version: 3 })), { actual: 0 })
      assert.strictEqual((yield* ada.dht.update("k", "new", { version: 0 })).version, 4)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("lets one of those who race to a version win", () =>
    Effect.gen(function*() {
      const all = yield* meshes(9)
      yield* all[0]?.dht.put("k", 0) ?? Effect.void
      const results = yield* Effect.forEach(
        all,
        (one, at) => Effect.result(one.dht.update("k", at + 1, { version: 1 })),
        { concurrency: "unbounded" }
      )
      const won = results.flatMap((result, at) => result._tag === "Success" ? [at + 1] : [])
      assert.strictEqual(won.length, 1)
      for (const one of all) assert.strictEqual(yield* read(one, "k", true), won[0])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("counts each of many who add at the same time", () =>
    Effect.gen(function*() {
      const all = yield* meshes(5)
      const add = (one: Peer) =>
        one.dht.update("sum", (found) => (typeof found?.value === "number" ? found.value : 0) + 1)
      yield* Effect.forEach([...all, ...all], add, { concurrency: "unbounded" })
      for (const one of all) assert.strictEqual(yield* read(one, "sum", true), 10)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("says what cannot be", () =>
    Effect.gen(function*() {
      const { ada } = yield* pair
      const stranded = yield* mesh(7)
      assert.deepInclude(yield* Effect.flip(stranded.dht.put("k", 1)), { _tag: "NotJoined" })
      assert.deepInclude(yield* Effect.flip(stranded.dht.get("k")), { _tag: "NotJoined" })
      assert.deepInclude(yield* Effect.flip(Stream.runHead(stranded.dht.subscribe("k"))), { _tag: "NotJoined" })
      assert.deepInclude(yield* Effect.flip(ada.dht.put("", 1)), { _tag: "InvalidInput", field: "key" })
      assert.deepInclude(yield* Effect.flip(ada.dht.get("x".repeat(513))), { _tag: "InvalidInput", field: "key" })
      assert.deepInclude(yield* Effect.flip(ada.dht.put("k", Number.NaN)), { _tag: "InvalidInput", field: "value" })
      for (const ttl of ["999 millis", "31 days"] as const) {
        assert.deepInclude(yield* Effect.flip(ada.dht.put("k", 1, { ttl })), { _tag: "InvalidInput", field: "ttl" })
      }
      assert.deepInclude(yield* Effect.flip(ada.dht.update("k", 1, { version: -1 })), { field: "version" })
      const size = maxValueBytes + 1
      assert.deepInclude(yield* Effect.flip(ada.dht.put("k", new Uint8Array(size))), {
        _tag: "RecordTooLarge",
        size,
        limit: maxValueBytes
      })
    }).pipe(simulate, Effect.provide(world)))
})

describe("records outlive their holders", () => {
  it.effect("when the nearest vanish without a word", () =>
    Effect.gen(function*() {
      const all = yield* meshes(9)
      const { vanish } = yield* World
      const [first, second, third, ...rest] = byNearness(all, "k")
      assert(first && second && third)
      yield* first.dht.put("k", "still here")
      for (const gone of [first, second, third]) yield* vanish(gone.peerId)
      // Nobody has noticed yet.
      for (const one of rest) {
        assert.strictEqual(yield* read(one, "k"), "still here")
        assert.strictEqual(yield* read(one, "k", true), "still here")
      }
      assert.strictEqual((yield* rest[0]?.dht.put("k", "and on") ?? Effect.die("nobody")).version, 2)
      for (const one of rest) assert.strictEqual(yield* read(one, "k", true), "and on")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("when all but one leave politely, one after the other, and others come", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      yield* join(ada)
      for (const at of Array.from({ length: 20 }).keys()) {
        assert.strictEqual((yield* ada.dht.put(`key-${at}`, at)).holders, 1)
      }
      let last = ada
      for (const n of [2, 3, 4]) {
        const next = yield* mesh(n)
        yield* next.join
        yield* elapse(2)
        yield* last.leave
        last = next
      }
      yield* elapse(2)
      for (const at of Array.from({ length: 20 }).keys()) assert.strictEqual(yield* read(last, `key-${at}`), at)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("when the only holder leaves right after somebody came", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      yield* join(ada)
      yield* ada.dht.put("k", "handed over")
      yield* bob.join
      // Linked, and nothing has been offered yet.
      while ((yield* ada.peers).length === 0) yield* elapse(0.05)
      yield* ada.leave
      assert.strictEqual(yield* read(bob, "k"), "handed over")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("and what was deleted meanwhile stays so", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      const world = yield* World
      yield* ada.dht.put("gone", 1)
      yield* ada.dht.put("kept", 1)
      const others = [ada.peerId, bob.peerId]
      yield* world.partition(others, [eve.peerId, world.hub.url])
      yield* elapse(30)
      yield* bob.dht.delete("gone")
      yield* bob.dht.put("kept", 2)
      assert.strictEqual(yield* read(eve, "gone"), 1)
      yield* world.heal
      yield* elapse(60)
      for (const one of [ada, bob, eve]) {
        assert.isUndefined(yield* read(one, "gone"))
        assert.strictEqual(yield* read(one, "kept"), 2)
      }
    }).pipe(simulate, Effect.provide(world)))
})

// With each of these seeds some key was read with a value from before the last, when writes could be done twice, and copies
// that no write came to any more were answers.
describe.each([0, 1, 4, 5])("what is written after a third has vanished, seed %i", (seed) => {
  it.effect("is what is read, from anywhere", () =>
    Effect.gen(function*() {
      const world = yield* World
      const all = yield* grow(24, 300)
      yield* world.elapse("5 seconds")
      const keys = Array.from({ length: 50 }, (_, n) => `key ${n}`)
      const one = Effect.fnUntraced(function*(of: typeof all) {
        const found = of[yield* Random.nextIntBetween(0, of.length, { halfOpen: true })]
        assert.isDefined(found)
        return found.mesh.dht
      })
      const writeAll = (value: string, of: typeof all) =>
        world.run(Effect.forEach(
          keys,
          (key) => Effect.flatMap(one(of), (dht) => dht.put(key, value)),
          { concurrency: 16 }
        ))
      yield* writeAll("before", all)

      const order = yield* Random.shuffle(all)
      const rest = order.slice(8)
      const gone = new Set(order.slice(0, 8).map(({ peerId }) => peerId))
      for (const peerId of gone) yield* world.vanish(peerId)
      const dead = Effect.map(
        Effect.forEach(rest, ({ mesh }) => mesh.peers),
        (links) => links.flat().filter(({ peerId }) => gone.has(peerId)).length
      )
      while ((yield* dead) > 0 || (yield* components(rest)).length > 1) yield* world.elapse("250 millis")

      for (const value of ["first", "last"]) {
        yield* writeAll(value, rest)
        for (const fresh of [false, true]) {
          const found = yield* world.run(Effect.forEach(
            keys,
            (key) => Effect.flatMap(one(rest), (dht) => Effect.map(dht.get(key, { fresh }), Option.getOrUndefined)),
            { concurrency: 16 }
          ))
          assert.deepStrictEqual(found.map((record) => record?.value), keys.map(() => value))
        }
      }
    }).pipe(Random.withSeed(seed), Effect.scoped, Effect.provide(World.layer({ seed }))))
})

describe("a subscription", () => {
  it.effect("tells what is there, and each change once", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      yield* ada.dht.put("k", "before")
      const all = [yield* listen(ada, "k"), yield* listen(bob, "k"), yield* listen(eve, "k")]
      yield* elapse(1)
      yield* bob.dht.put("k", "one")
      yield* elapse(1)
      yield* eve.dht.delete("k")
      yield* elapse(1)
      yield* bob.dht.put("k", "two")
      yield* bob.dht.put("other", "none of theirs")
      yield* elapse(30)
      for (const { heard, values } of all) {
        assert.deepStrictEqual(values(), ["before", "one", undefined, "two"])
        assert.deepStrictEqual(heard.map(({ version }) => version), [1, 2, 3, 4])
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("survives the peers that keep it", () =>
    Effect.gen(function*() {
      const all = yield* meshes(9)
      const { vanish } = yield* World
      const near = byNearness(all, "k")
      const [first, second, third, writer] = near
      const reader = near.at(-1)
      assert(first && second && third && writer && reader)
      const { values } = yield* listen(reader, "k")
      yield* writer.dht.put("k", 1)
      yield* elapse(1)
      yield* vanish(first.peerId)
      yield* writer.dht.put("k", 2)
      yield* elapse(1)
      yield* vanish(second.peerId)
      yield* vanish(third.peerId)
      yield* elapse(30)
      yield* writer.dht.put("k", 3)
      yield* elapse(1)
      assert.deepStrictEqual(values(), [1, 2, 3])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("ends with its scope", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* pair
      const first = yield* Effect.forkChild(Stream.runHead(ada.dht.subscribe("k")))
      yield* elapse(1)
      yield* bob.dht.put("k", 1)
      yield* elapse(1)
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(first)).record?.value, 1)
      yield* ada.leave
      yield* elapse(1)
      const late = yield* Effect.forkChild(Stream.runCollect(bob.dht.subscribe("k")))
      yield* elapse(1)
      yield* bob.leave
      assert.strictEqual((yield* Fiber.join(late)).length, 1)
    }).pipe(simulate, Effect.provide(world)))
})

describe("networks", () => {
  it.effect("have records of their own", () =>
    Effect.gen(function*() {
      const gamers = [yield* mesh(1), yield* mesh(2)] as const
      const workers = [yield* mesh(3, { networkName: "work" }), yield* mesh(4, { networkName: "work" })] as const
      yield* join(...gamers, ...workers)
      yield* gamers[0].dht.put("k", "for gamers")
      assert.isUndefined(yield* read(workers[1], "k"))
      yield* workers[0].dht.put("k", "for workers")
      assert.strictEqual(yield* read(gamers[1], "k"), "for gamers")
      assert.strictEqual(yield* read(workers[1], "k"), "for workers")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("keep them when a peer moves, and it takes none along", () =>
    Effect.gen(function*() {
      const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
      const worker = yield* mesh(3, { networkName: "work" })
      yield* join(ada, bob, worker)
      const { heard } = yield* listen(ada, "k")
      yield* ada.dht.put("k", "stays in gaming")
      yield* ada.moveTo("work")
      yield* elapse(3)
      assert.isUndefined(yield* read(ada, "k"))
      assert.isUndefined(yield* read(worker, "k"))
      assert.strictEqual(yield* read(bob, "k"), "stays in gaming")
      yield* worker.dht.put("k", "of work")
      yield* elapse(1)
      assert.deepStrictEqual(heard.map(({ networkName, record }) => [networkName, record?.value]), [
        ["gaming", "stays in gaming"],
        ["work", "of work"]
      ])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("are not entered by what is for home alone", () =>
    Effect.gen(function*() {
      const guest = yield* mesh(9, { networkName: "global" })
      const ada = yield* mesh(1)
      yield* join(guest, ada)
      yield* ada.dht.put("k", "written at home")
      yield* elapse(20)
      assert.strictEqual(yield* ada.networkName, "global")
      for (const attempt of [ada.dht.put("k", 1, { audience: "home" }), ada.dht.get("k", { audience: "home" })]) {
        assert.deepInclude(yield* Effect.flip<unknown, { readonly _tag: string }, never>(attempt), {
          _tag: "AwayFromHome"
        })
      }
      assert.isUndefined(yield* read(ada, "k"))
      assert.strictEqual((yield* ada.dht.put("k", "among strangers")).networkName, "global")
      assert.strictEqual(yield* read(guest, "k"), "among strangers")
    }).pipe(simulate, Effect.provide(world)))
})

describe("a PeerPigeon peer", () => {
  const pigeonId = peer(0)

  /** Two of ours and one of theirs, linked. */
  const scene = Effect.gen(function*() {
    const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
    yield* ada.join
    yield* elapse(1)
    const pigeon = yield* stranger(pigeonId, gaming, { isPigeon: true })
    yield* elapse(3)
    yield* bob.join
    yield* elapse(3)
    const channel = yield* pigeon.channel
    const say = (messageType: string, data: object) =>
      channel.send(JSON.stringify({ type: "dht", messageType, data, from: pigeonId, timestamp: 5 }))
    const heard = Effect.map(
      Queue.clear(pigeon.received),
      (packets) => packets.flatMap((packet) => typeof packet === "string" ? [JSON.parse(packet)] : [])
    )
    return { ada, bob, say, heard }
  })

  it.effect("finds what we put, and is heard when it stores", () =>
    Effect.gen(function*() {
      const { ada, bob, heard, say } = yield* scene
      yield* bob.dht.put("k", { from: "bob" })
      yield* bob.dht.put("bytes", Uint8Array.of(1, 2, 3))
      yield* heard
      yield* say("dht_query", { key: "gaming:k", requestId: "r1" })
      yield* say("dht_query", { key: "gaming:absent", requestId: "r2" })
      yield* say("dht_query", { key: "gaming:bytes", requestId: "r3" })
      yield* elapse(2)
      const answers: ReadonlyArray<{ readonly data: Record<string, unknown> }> = yield* heard
      const answer = (requestId: string) => answers.find(({ data }) => data.requestId === requestId)
      const record = { networkName: "gaming", publisher: bob.peerId }
      assert.deepNestedInclude(answer("r1"), {
        type: "dht",
        messageType: "dht_query_response",
        from: ada.peerId,
        "data.found": true
      })
      assert.deepNestedInclude(answer("r1")?.data, {
        "data.key": "gaming:k",
        "data.originalKey": "k",
        "data.value": { from: "bob" },
        "data.networkName": record.networkName,
        "data.publisher": record.publisher
      })
      assert.deepStrictEqual<unknown>(answer("r2")?.data, { requestId: "r2", found: false, data: null })
      assert.deepNestedInclude(answer("r3")?.data, { "data.value": "AQID", "data.encoding": "base64" })

      const store = { key: "gaming:theirs", originalKey: "theirs", value: [1], networkName: "gaming", timestamp: 7 }
      yield* say("dht_store", { ...store, publisher: pigeonId })
      // To each of its neighbours, in its manner; it is one write all the same.
      yield* say("dht_store", { ...store, publisher: pigeonId })
      yield* elapse(3)
      for (const one of [ada, bob]) {
        const found = Option.getOrThrow(yield* one.dht.get("theirs"))
        assert.deepStrictEqual<unknown>([found.value, found.version, found.writer], [[1], 1, pigeonId])
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is sent nothing that it does not know, and nothing of other networks", () =>
    Effect.gen(function*() {
      const { ada, bob, heard, say } = yield* scene
      yield* heard
      const before = (yield* ada.status).dropped.foreignNetwork
      yield* say("dht_query", { key: "work:k", requestId: "r1" })
      yield* say("dht_query", { key: "k", requestId: "r2" })
      yield* say("dht_store", { originalKey: "k", value: 1, networkName: "work", timestamp: 1 })
      yield* say("dht_store", { originalKey: "k", value: 1, timestamp: 1 })
      yield* say("dht_query", ["nonsense"])
      for (const one of [ada, bob]) yield* one.dht.put(`key-${one.peerId}`, 1)
      yield* elapse(10)
      assert.deepStrictEqual(yield* heard, [])
      assert.strictEqual((yield* ada.status).dropped.foreignNetwork - before, 4)
      assert.isUndefined(yield* read(ada, "k"))
    }).pipe(simulate, Effect.provide(world)))
})

describe("a hostile neighbour", () => {
  /** Smaller than any id in these tests, so that others dial it. */
  const evil = peer(0)

  const scene = Effect.gen(function*() {
    const ada = yield* mesh(1)
    yield* ada.join
    yield* elapse(1)
    const other = yield* stranger(evil, gaming)
    yield* elapse(2)
    const channel = yield* other.channel
    const say = (frame: object) => channel.send(JSON.stringify({ networkName: "gaming", ...frame }))
    return { ada, say, other }
  })

  const record = (fields: object) => ({
    key: "k",
    value: { content: "forged" },
    version: 1,
    writer: evil,
    write: "w",
    time: 0,
    ttl: 3_600_000,
    ...fields
  })

  it.effect("cannot bring records of other networks, sizes, times or versions", () =>
    Effect.gen(function*() {
      const { ada, say } = yield* scene
      const before = (yield* ada.status).dropped
      yield* say({ type: "dht-records", networkName: "work", records: [record({ key: "foreign" })] })
      yield* say({ type: "dht-records", records: [record({ key: "large", value: { content: "x".repeat(70_000) } })] })
      yield* say({ type: "dht-records", records: [record({ key: "future", time: 400_000 })] })
      yield* say({ type: "dht-records", records: [record({ key: "version", version: 1e12 })] })
      yield* say({ type: "dht-records", records: [record({ key: "long", ttl: 1e12 })] })
      yield* say({ type: "dht-records", records: [record({ key: "short", ttl: 1 })] })
      yield* say({ type: "dht-records", records: [record({ key: "x".repeat(600) })] })
      yield* say({
        type: "dht-spread",
        id: "1",
        record: record({ version: 1e12 }),
        targets: [],
        exclusive: false,
        ttl: 9
      })
      yield* say({ type: "dht-watch", key: "k", subscriber: evil, lease: 300_000 })
      yield* elapse(1)
      const after = (yield* ada.status).dropped
      assert.strictEqual(after.foreignNetwork - before.foreignNetwork, 1)
      assert.strictEqual(after.malformed - before.malformed, 8)
      for (const key of ["foreign", "large", "future", "version", "long", "short", "x".repeat(512)]) {
        assert.isUndefined(yield* read(ada, key))
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("cannot ask in another's name, nor answer what it was not asked", () =>
    Effect.gen(function*() {
      const { ada, other, say } = yield* scene
      const before = (yield* ada.status).dropped
      const ask = { type: "dht-request", id: "1", key: "k", ask: { op: "get", fresh: true }, ttl: 64, minima: 0 }
      yield* say({ ...ask, origin: peer(5), visited: [evil] })
      yield* say({ ...ask, origin: peer(5), visited: [peer(5)] })
      yield* say({ type: "dht-reply", id: "nobody asked", answer: { is: "none" } })
      yield* say({ type: "dht-want", id: "nobody offered", keys: ["k"] })
      yield* elapse(1)
      const after = (yield* ada.status).dropped
      assert.strictEqual(after.malformed - before.malformed, 2)
      assert.strictEqual(after.duplicate - before.duplicate, 2)
      void other
      yield* ada.dht.put("k", "mine")
      assert.strictEqual(yield* read(ada, "k"), "mine")
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that never answers delays, and prevents nothing", () =>
    Effect.gen(function*() {
      const { ada } = yield* scene
      for (const at of Array.from({ length: 8 }).keys()) {
        yield* ada.dht.put(`key-${at}`, at)
        assert.strictEqual(yield* read(ada, `key-${at}`, true), at)
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("that floods is not followed beyond its measure", () =>
    Effect.gen(function*() {
      const { ada, say } = yield* scene
      for (let n = 0; n < 3000; n++) {
        yield* say({ type: "dht-records", records: [record({ key: `flood-${n}`, write: `${n}` })] })
      }
      yield* elapse(2)
      assert.isDefined(yield* read(ada, "flood-0"))
      assert.isUndefined(yield* read(ada, "flood-2999"))
    }).pipe(simulate, Effect.provide(world)))
})
