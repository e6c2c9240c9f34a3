/** PeerPigeon peers among ours, in the simulated world: they hear and are heard, and nothing depends on them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { World } from "../../src/testing/World.ts"
import { pigeon, type PigeonDouble } from "../support/pigeon.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"

type Peer = Mesh["Service"]

const gaming = NetworkName.make("gaming")
const ours = 30

interface Said {
  readonly from: string
  readonly content: unknown
  readonly direct: boolean
}

/** What a mesh hears from now on. */
const listen = Effect.fnUntraced(function*(one: Peer) {
  const heard: Array<Said> = []
  yield* one.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "Message") {
          heard.push({ from: event.from, content: event.content, direct: event.kind === "direct" })
        }
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return heard
})

/** Whether a direct message came. */
const hasHeard = (heard: ReadonlyArray<Said> = [], from: string, content: unknown) =>
  heard.some((said) => said.direct && said.from === from && JSON.stringify(said.content) === JSON.stringify(content))

const linksOf = (one: Peer) =>
  Effect.map(one.peers, (links) => links.flatMap(({ peerId, state }) => state === "open" ? [peerId] : []))

/** Thirty of ours, and three pigeons that come while they do: smallest, greatest and in between. */
const scene = Effect.gen(function*() {
  const all: Array<Peer> = []
  const pigeons: Array<PigeonDouble> = []
  const ids = [peer(0), peer(77), PeerId.make("f".repeat(40))]
  for (let n = 0; n < ours; n++) {
    const one = yield* mesh(n)
    yield* one.join
    all.push(one)
    yield* elapse(0.2)
    const id = n % 10 === 5 ? ids[pigeons.length] : undefined
    if (id !== undefined) pigeons.push(yield* pigeon(id, gaming))
  }
  yield* elapse(60)
  return { all, pigeons }
})

describe("PeerPigeon peers among ours", () => {
  it.effect(
    "hear every broadcast, are heard by all, and reach and are reached by those whom they do not neighbour",
    () =>
      Effect.gen(function*() {
        const { all, pigeons } = yield* scene
        const heard = new Map<string, ReadonlyArray<Said>>()
        for (const one of all) heard.set(one.peerId, yield* listen(one))
        for (const one of pigeons) heard.set(one.peerId, one.heard)
        const everybody = [...all, ...pigeons].map(({ peerId }) => peerId)

        // What is short is flooded; what is long takes the tree.
        for (const length of [10, 5000]) {
          const text = "x".repeat(length)
          for (const one of [...all, ...pigeons]) {
            yield* one.broadcast(text)
            yield* elapse(1)
          }
          yield* elapse(5)
          for (const peerId of everybody) {
            const froms = heard.get(peerId)?.flatMap(({ content, from }) => content === text ? [from] : [])
            assert.deepStrictEqual<unknown>(froms, everybody.filter((from) => from !== peerId))
          }
        }

        let strangers = 0
        for (const one of pigeons) {
          for (const other of all) {
            if (!one.neighbours().includes(other.peerId)) strangers++
            yield* one.send(other.peerId, { to: other.peerId })
            yield* other.send(one.peerId, { from: other.peerId })
          }
        }
        yield* elapse(10)
        for (const one of pigeons) {
          for (const other of all) {
            assert.isTrue(hasHeard(heard.get(other.peerId), one.peerId, { to: other.peerId }))
            assert.isTrue(hasHeard(one.heard, other.peerId, { from: other.peerId }))
          }
        }
        assert.isAtLeast(strangers, pigeons.length * (ours - 3))
        // Each once.
        for (const peerId of everybody) {
          const keys = heard.get(peerId)?.map((said) => JSON.stringify(said)) ?? []
          assert.strictEqual(new Set(keys).size, keys.length)
        }
        for (const one of pigeons) assert.deepStrictEqual(one.unknown, [])
      }).pipe(simulate, Effect.provide(world)),
    120_000
  )

  it.effect("find what we put and store what we find, and keep nothing for others", () =>
    Effect.gen(function*() {
      const { all, pigeons } = yield* scene
      for (const [at, one] of all.entries()) {
        // Nobody counts on pigeons, who keep what they are told to and no more.
        assert.strictEqual((yield* one.dht.put(`ours-${at}`, { at })).holders, 12)
      }
      for (const [at, one] of pigeons.entries()) yield* one.put(`theirs-${at}`, [at], 1)
      yield* elapse(5)
      for (const one of pigeons) {
        for (const at of all.keys()) assert.deepStrictEqual(yield* one.get(`ours-${at}`), { at })
        for (const at of pigeons.keys()) assert.deepStrictEqual(yield* one.get(`theirs-${at}`), [at])
        assert.isUndefined(yield* one.get("absent"))
        assert.isUndefined(one.keeps("ours-0"))
      }
      for (const [at, { peerId }] of pigeons.entries()) {
        for (const one of all) {
          const record = Option.getOrThrow(yield* one.dht.get(`theirs-${at}`))
          assert.deepStrictEqual<unknown>([record.value, record.writer, record.version], [[at], peerId, 1])
        }
      }
      // Versions go on, whoever writes.
      yield* all[0]?.dht.update("theirs-0", () => "ours now") ?? Effect.void
      assert.strictEqual(yield* pigeons[1]?.get("theirs-0") ?? Effect.void, "ours now")
      for (const one of pigeons) assert.deepStrictEqual(one.unknown, [])
    }).pipe(simulate, Effect.provide(world)), 120_000)

  it.effect("are linked by two of ours at least, and the ring holds without them", () =>
    Effect.gen(function*() {
      const { all, pigeons } = yield* scene
      const { vanish } = yield* World
      const ids = new Set<string>(pigeons.map(({ peerId }) => peerId))
      for (const one of pigeons) assert.isAtLeast(one.neighbours().length, 2)
      const before = yield* Effect.forEach(all, (one) => linksOf(one))
      // Beside what is for pigeons, each has its ring: four links at least.
      for (const links of before) assert.isAtLeast(links.filter((id) => !ids.has(id)).length, 4)
      for (const one of pigeons) yield* vanish(one.peerId)
      const heard = yield* Effect.forEach(all, (one) => listen(one))
      for (const one of all) yield* one.broadcast(one.peerId)
      yield* elapse(5)
      for (const one of heard) assert.strictEqual(one.length, ours - 1)
    }).pipe(simulate, Effect.provide(world)), 120_000)
})
