/** Signed records among real meshes, in the simulated world: who may write what, and who believes what. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { signedBytes, type StoredRecord } from "../../src/domain/DhtRecord.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { Identity } from "../../src/services/Identity.ts"
import { World } from "../../src/testing/World.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

type Peer = Mesh["Service"]

const gaming = NetworkName.make("gaming")

/** Joins all, and waits until they are linked. */
const join = Effect.fnUntraced(function*(...all: ReadonlyArray<Peer>) {
  yield* Effect.forEach(all, (one) => one.join, { concurrency: "unbounded" })
  yield* elapse(5)
})

const trio = Effect.gen(function*() {
  const [ada, bob, eve] = [yield* mesh(1), yield* mesh(2), yield* mesh(3)]
  yield* join(ada, bob, eve)
  return { ada, bob, eve }
})

const found = (one: Peer, key: string, options?: Parameters<Peer["dht"]["get"]>[1]) =>
  Effect.map(one.dht.get(key, options), Option.getOrUndefined)

describe("a signed record", () => {
  it.effect("says who signed it, to everybody, and version after version", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      assert.deepInclude(yield* ada.dht.put("k", "one", { signed: true }), { version: 1, holders: 3 })
      assert.deepInclude(yield* ada.dht.put("k", { b: 1, a: [2] }, { signed: true, ttl: "1 hour" }), { version: 2 })
      for (const one of [ada, bob, eve]) {
        const record = yield* found(one, "k", { fresh: true, signedBy: ada.peerId })
        assert.deepInclude(record, { value: { b: 1, a: [2] }, version: 2, writer: ada.peerId, signedBy: ada.peerId })
      }
      assert.deepInclude(yield* bob.dht.update("k", (one) => `after ${one?.version}`, { signed: true }), { version: 3 })
      assert.deepInclude(yield* found(eve, "k"), { value: "after 2", signedBy: bob.peerId })
      assert.deepInclude(yield* Effect.flip(eve.dht.update("k", 1, { signed: true, version: 2 })), {
        _tag: "VersionConflict",
        actual: 3
      })
      assert.strictEqual((yield* ada.dht.delete("k", { signed: true })).version, 4)
      assert.isUndefined(yield* found(eve, "k"))
      // The version goes on from what is gone.
      assert.deepInclude(yield* eve.dht.put("k", "again", { signed: true }), { version: 5 })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is told from what anybody says, and what is not is not found where a signature is asked for", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      yield* bob.dht.put("plain", 1)
      const plain = yield* found(ada, "plain")
      assert.isDefined(plain)
      assert.notProperty(plain, "signedBy")
      for (const fresh of [false, true]) {
        assert.isUndefined(yield* found(ada, "plain", { fresh, signedBy: bob.peerId }))
        assert.isUndefined(yield* found(bob, "plain", { fresh, signedBy: bob.peerId }))
      }
      yield* bob.dht.put("k", 1, { signed: true })
      assert.isUndefined(yield* found(ada, "k", { signedBy: eve.peerId }))
      assert.isDefined(yield* found(ada, "k", { signedBy: bob.peerId }))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is written by each of many who write at the same time, one after the other", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      const all = [ada, bob, eve]
      const stored = yield* Effect.forEach(all, (one) => one.dht.put("k", one.peerId, { signed: true }), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(stored.map(({ version }) => version).toSorted(), [1, 2, 3])
      const last = all[stored.findIndex(({ version }) => version === 3)]
      for (const one of all) {
        const record = yield* found(one, "k", { fresh: true })
        assert.deepStrictEqual([record?.value, record?.signedBy], [last?.peerId, last?.peerId])
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("moves with the peers that keep it", () =>
    Effect.gen(function*() {
      const [ada, bob, eve] = [yield* mesh(1), yield* mesh(2), yield* mesh(3)]
      yield* join(ada)
      yield* ada.dht.put("k", "mine", { signed: true })
      yield* bob.join
      yield* elapse(10)
      yield* ada.leave
      yield* eve.join
      yield* elapse(10)
      yield* bob.leave
      yield* elapse(2)
      assert.deepInclude(yield* found(eve, "k", { signedBy: ada.peerId }), { value: "mine" })
    }).pipe(simulate, Effect.provide(world)))

  it.effect("is what a subscriber hears who asks for a signature", () =>
    Effect.gen(function*() {
      const { ada, bob, eve } = yield* trio
      const heard: Array<unknown> = []
      const changes = yield* eve.dht.subscription("k", { signedBy: ada.peerId })
      yield* Effect.forkScoped(
        Stream.runForEach(changes, ({ record }) => Effect.sync(() => void heard.push(record?.value))),
        { startImmediately: true }
      )
      yield* ada.dht.put("k", 1, { signed: true })
      yield* bob.dht.put("k", 2)
      yield* bob.dht.put("k", 3, { signed: true })
      yield* ada.dht.put("k", 4)
      yield* ada.dht.put("k", 5, { signed: true })
      yield* ada.dht.delete("k", { signed: true })
      yield* elapse(5)
      assert.deepStrictEqual(heard, [1, 5, undefined])
    }).pipe(simulate, Effect.provide(world)))
})

describe("a key of a peer's own", () => {
  it.effect("is written by that peer alone, and always signed", () =>
    Effect.gen(function*() {
      const { ada, bob } = yield* trio
      const key = ada.dht.ownKey("profile")
      assert.strictEqual(key, `@${ada.peerId}/profile`)
      assert.strictEqual((yield* ada.dht.put(key, { name: "Ada" })).holders, 3)
      assert.deepInclude(yield* found(bob, key), { value: { name: "Ada" }, signedBy: ada.peerId })
      for (
        const attempt of [
          bob.dht.put(key, 1),
          bob.dht.update(key, () => 1),
          bob.dht.delete(key, { signed: true })
        ]
      ) {
        const error = yield* Effect.flip<unknown, { readonly _tag: string; readonly message: string }, never>(attempt)
        assert.strictEqual(error._tag, "InvalidInput")
        assert.include(error.message, "key cannot be used: it belongs to")
      }
      assert.deepInclude(yield* Effect.flip(ada.dht.put(key, 1, { signed: false })), { field: "signed" })
      assert.strictEqual((yield* ada.dht.update(key, () => "new")).version, 2)
      assert.strictEqual((yield* ada.dht.delete(key)).version, 3)
      assert.isUndefined(yield* found(bob, key))
    }).pipe(simulate, Effect.provide(world)))
})

describe("somebody who forges", () => {
  /** Ada, and a peer with a key of its own that says to her whatever it likes. */
  const scene = Effect.gen(function*() {
    const { still } = yield* World
    const liar = yield* still(Effect.provide(Identity, Identity.layerFromKey(new Uint8Array(32).fill(9))))
    const sign = (record: StoredRecord, by = liar) =>
      Effect.map(still(by.sign("dht-record", signedBytes(gaming, record))), (signature) => ({ ...record, signature }))
    const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
    yield* ada.join
    yield* elapse(1)
    // Smaller than any id in these tests, so that others dial it.
    const other = yield* stranger(peer(0), gaming)
    yield* elapse(1)
    yield* bob.join
    yield* elapse(2)
    const channel = yield* other.channel
    const tell = (...records: ReadonlyArray<StoredRecord>) =>
      channel.send(JSON.stringify({ type: "dht-records", networkName: gaming, records }))
    const record = (fields: Partial<StoredRecord>): StoredRecord => ({
      key: "k",
      value: { content: "forged" },
      version: 9,
      writer: liar.peerId,
      write: "w",
      time: 0,
      ttl: 3_600_000,
      ...fields
    })
    return { ada, bob, liar, record, sign, tell }
  })

  it.effect("is not believed, whatever it puts together, and is told by its own signature", () =>
    Effect.gen(function*() {
      const { ada, bob, liar, record, sign, tell } = yield* scene
      const genuine = yield* sign(record({ key: "theirs" }))
      const before = (yield* ada.status).dropped.malformed
      yield* tell(
        { ...genuine, key: "moved" },
        { ...genuine, key: "signed by another", writer: bob.peerId },
        { ...(yield* sign(record({ key: "longer" }))), ttl: 7_200_000 },
        { ...(yield* sign(record({ key: "later" }))), time: 1 },
        { ...(yield* sign(record({ key: "newer" }))), version: 10 },
        genuine
      )
      yield* elapse(1)
      assert.strictEqual((yield* ada.status).dropped.malformed - before, 5)
      for (const key of ["moved", "signed by another", "longer", "later", "newer"]) {
        assert.isUndefined(yield* found(ada, key), key)
      }
      assert.deepInclude(yield* found(bob, "theirs"), { value: "forged", signedBy: liar.peerId })
      assert.isUndefined(yield* found(bob, "theirs", { signedBy: ada.peerId }))
    }).pipe(simulate, Effect.provide(world)))

  it.effect("cannot write under a key of another, signed or not, nor end what is there", () =>
    Effect.gen(function*() {
      const { ada, bob, record, sign, tell } = yield* scene
      const key = ada.dht.ownKey("profile")
      yield* ada.dht.put(key, "mine")
      const { value: _, ...tombstone } = record({ key })
      yield* tell(
        record({ key }),
        record({ key, writer: ada.peerId }),
        yield* sign(record({ key })),
        yield* sign(record({ key, writer: ada.peerId })),
        tombstone,
        yield* sign(tombstone)
      )
      yield* elapse(2)
      for (const one of [ada, bob]) {
        for (const fresh of [false, true]) assert.strictEqual((yield* found(one, key, { fresh }))?.value, "mine")
      }
    }).pipe(simulate, Effect.provide(world)))

  it.effect("cannot bring back what was signed once, as long as that could live", () =>
    Effect.gen(function*() {
      const { ada, bob, record, sign, tell } = yield* scene
      const old = yield* sign(record({ version: 1, value: { content: "old" } }))
      yield* tell(old)
      yield* elapse(1)
      assert.strictEqual((yield* found(bob, "k"))?.value, "old")
      // The liar keeps nothing that it is given and confirms nothing, which takes some seconds.
      yield* ada.dht.put("k", "brief", { ttl: "8 seconds" })
      yield* tell(old)
      yield* elapse(0.5)
      assert.strictEqual((yield* found(ada, "k"))?.value, "brief")
      yield* elapse(4)
      yield* tell(old)
      yield* elapse(0.5)
      for (const one of [ada, bob]) assert.isUndefined(yield* found(one, "k"))
      yield* ada.dht.delete("k", { ttl: "1 second" })
      yield* tell(old)
      yield* elapse(0.5)
      for (const one of [ada, bob]) assert.isUndefined(yield* found(one, "k"))
    }).pipe(simulate, Effect.provide(world)))
})
