import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  compareAge,
  digestOf,
  expiresAt,
  forgottenAt,
  maxTtl,
  maxValueBytes,
  ownedKey,
  positionOf,
  type StoredRecord
} from "../../../src/domain/DhtRecord.ts"
import { global } from "../../../src/domain/NetworkName.ts"
import { Signature } from "../../../src/domain/Signature.ts"
import * as Cache from "../../../src/services/dht/Cache.ts"
import * as Limits from "../../../src/services/dht/Limits.ts"
import * as Rate from "../../../src/services/dht/Rate.ts"
import * as Store from "../../../src/services/dht/Store.ts"
import * as Watches from "../../../src/services/dht/Watches.ts"
import { peer } from "../../support/simulation.ts"

const record = (fields: Partial<StoredRecord> = {}): StoredRecord => ({
  key: "k",
  value: { content: 1 },
  version: 1,
  writer: peer(1),
  write: "w",
  time: 0,
  ttl: 10_000,
  ...fields
})

const signature = Signature.make("A".repeat(128))

const any = { exclusive: false }
const place = (key: string) => positionOf(global, key)
const small: Store.Bounds = { records: 8, bytes: 8 * 1024, writerShare: 0.5 }

/** Anything that may be written: few keys, writers and versions, so that they meet. */
const Write = Schema.Struct({
  key: Schema.Literals(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]),
  version: Schema.Literals([1, 2, 3]),
  writer: Schema.Literals([1, 2, 3]),
  size: Schema.Literals([0, 10, 500, 3000]),
  ttl: Schema.Literals([1000, 20_000]),
  exclusive: Schema.Boolean,
  after: Schema.Literals([0, 1, 700])
})

const runs = { arbitrary: { seed: 3, runs: 500 } }

describe("a store", () => {
  it("keeps the newest version, by version and then by writer", () => {
    const store = Store.make(place)
    const one = record({ writer: peer(1) })
    const other = record({ writer: peer(2), write: "v" })
    const [older, newer] = compareAge(one, other) < 0 ? [one, other] : [other, one]
    assert.strictEqual(store.accept(newer, any, 0)._tag, "Kept")
    assert.deepStrictEqual(store.accept(older, any, 0), { _tag: "Older", than: newer })
    assert.strictEqual(store.accept(newer, any, 0)._tag, "Known")
    assert.strictEqual(store.accept({ ...older, version: 2 }, any, 0)._tag, "Kept")
    assert.strictEqual(store.get("k", 0)?.record.version, 2)
  })

  it("lets no exclusive record stand beside another of its version", () => {
    for (const writers of [[1, 2], [2, 1]] as const) {
      const store = Store.make(place)
      store.accept(record({ writer: peer(writers[0]) }), any, 0)
      const verdict = store.accept(record({ writer: peer(writers[1]), write: "v" }), { exclusive: true }, 0)
      assert.strictEqual(verdict._tag, "Older")
    }
  })

  it("gives no record whose time is over, and takes another in its place", () => {
    const store = Store.make(place)
    store.accept(record({ version: 7 }), any, 0)
    assert.isDefined(store.get("k", 9_999))
    assert.isUndefined(store.get("k", 10_000))
    assert.strictEqual(store.accept(record({ time: 10_000, write: "v" }), any, 10_000)._tag, "Kept")
    store.sweep(30_000)
    assert.deepStrictEqual([store.count, store.bytes], [0, 0])
  })

  it("refuses what has no room, says why, and has room again when some have ended", () => {
    const store = Store.make(place, small)
    for (const at of [0, 1, 2, 3]) {
      assert.strictEqual(store.accept(record({ key: `one-${at}`, ttl: 1000 }), any, 0)._tag, "Kept")
    }
    const fifth = store.accept(record({ key: "one-4" }), any, 0)
    assert(fifth._tag === "Full")
    assert.include(fifth.problem, "writer")
    for (const at of [0, 1, 2, 3]) store.accept(record({ key: `two-${at}`, writer: peer(2) }), any, 0)
    const ninth = store.accept(record({ key: "three", writer: peer(3) }), any, 0)
    assert(ninth._tag === "Full")
    assert.include(ninth.problem, "8 records")
    // One that replaces another needs no more room.
    assert.strictEqual(store.accept(record({ key: "two-0", writer: peer(2), version: 2 }), any, 0)._tag, "Kept")
    assert.strictEqual(store.accept(record({ key: "three", writer: peer(3), time: 1000 }), any, 1000)._tag, "Kept")
  })

  it.prop("stays within its bounds and keeps the newest, whatever is written", [Schema.Array(Write)], ([writes]) => {
    const store = Store.make(place, small)
    const model = new Map<string, StoredRecord>()
    let now = 0
    for (const [at, { after, exclusive, key, size, ttl, version, writer }] of writes.entries()) {
      now += after
      const next = record({
        key,
        version,
        writer: peer(writer),
        write: `w${at}`,
        time: now,
        ttl,
        value: { content: "x".repeat(size) }
      })
      const old = model.get(key)
      const before = old !== undefined && forgottenAt(old) > now ? old : undefined
      const verdict = store.accept(next, { exclusive }, now)
      const stands = before !== undefined &&
        (exclusive ? before.version >= next.version : compareAge(before, next) >= 0)
      assert.strictEqual(verdict._tag === "Older", stands)
      if (verdict._tag === "Kept") {
        const until = Math.max(expiresAt(next), before === undefined ? 0 : forgottenAt(before))
        model.set(key, { ...next, ...(until > expiresAt(next) ? { guard: until - now } : {}) })
      }
      const kept = Array.from(store.entries(now))
      assert.isAtMost(kept.length, small.records)
      assert.strictEqual(store.count, kept.length)
      assert.strictEqual(store.bytes, kept.reduce((sum, { size }) => sum + size, 0))
      assert.isAtMost(store.bytes, small.bytes)
      for (const one of [1, 2, 3]) {
        const theirs = kept.filter(({ record }) => record.writer === peer(one))
        assert.isAtMost(theirs.length, small.records * small.writerShare)
        assert.isAtMost(theirs.reduce((sum, { size }) => sum + size, 0), small.bytes * small.writerShare)
      }
      for (const [key, expected] of model) {
        const { value, ...remnant } = expected
        const left = forgottenAt(expected) > now ? remnant : undefined
        assert.deepStrictEqual(store.get(key, now)?.record, expiresAt(expected) > now ? { ...remnant, value } : left)
      }
    }
  }, runs)
})

describe("a record that ends before one that it replaced", () => {
  const long = record({ ttl: 100_000 })
  const brief = record({ version: 2, time: 1000, ttl: 2000, write: "brief" })
  const scene = (...more: ReadonlyArray<StoredRecord>) => {
    const store = Store.make(place)
    for (const one of [long, brief, ...more]) store.accept(one, any, 1000)
    return store
  }

  it("keeps old copies out until they have ended, without its value", () => {
    const store = scene()
    assert.deepStrictEqual(store.get("k", 2999)?.record.value, { content: 1 })
    const { value: _, ...rest } = brief
    assert.deepStrictEqual(store.get("k", 3000)?.record, { ...rest, guard: 99_000 })
    assert.strictEqual(store.get("k", 3000)?.size, Limits.recordOverhead + 1)
    assert.strictEqual(store.bytes, Limits.recordOverhead + 1)
    for (const now of [3000, 99_999]) {
      const verdict = store.accept(long, any, now)
      assert(verdict._tag === "Older")
      assert.strictEqual(verdict.than.version, 2)
    }
    assert.isUndefined(store.get("k", 100_000))
    assert.strictEqual(store.count, 0)
  })

  it("leaves nothing when what it replaced ends sooner", () => {
    const store = Store.make(place)
    store.accept(record({ ttl: 2000 }), any, 0)
    store.accept(record({ version: 2, time: 1000, ttl: 2000, write: "v" }), any, 1000)
    assert.isUndefined(store.get("k", 3000))
    assert.strictEqual(store.count, 0)
  })

  it("hands the guard on to what replaces it, and gives way to that", () => {
    const store = scene()
    const third = record({ version: 3, time: 5000, ttl: 1000, write: "third" })
    assert.strictEqual(store.accept(third, any, 5000)._tag, "Kept")
    assert.strictEqual(store.get("k", 6000)?.record.version, 3)
    assert.isUndefined(store.get("k", 6000)?.record.value)
    assert.strictEqual(store.accept(long, any, 99_999)._tag, "Older")
    assert.isUndefined(store.get("k", 100_000))
  })

  it("learns of a longer guard from another copy, and never of a shorter one", () => {
    const store = scene()
    assert.strictEqual(store.accept({ ...brief, guard: 200_000 }, any, 1500)._tag, "Known")
    assert.strictEqual(store.accept({ ...brief, guard: 5000 }, any, 1500)._tag, "Known")
    assert.strictEqual(store.accept(long, any, 99_999)._tag, "Older")
    assert.isDefined(store.get("k", 200_999))
    assert.isUndefined(store.get("k", 201_000))
    // Nobody's word makes it longer than a record may live.
    const first = Store.make(place)
    first.accept(record({ time: 0, ttl: maxTtl }), any, 0)
    first.accept(record({ version: 2, time: -1, ttl: 1000, write: "v" }), any, 0)
    assert.strictEqual(first.get("k", 5000)?.record.guard, maxTtl)
  })

  it("is a tombstone for as long as the value would have lived", () => {
    const { value: _, ...tombstone } = record({ version: 2, ttl: 1000, write: "gone" })
    const store = Store.make(place)
    store.accept(long, any, 0)
    assert.strictEqual(store.accept(tombstone, any, 0)._tag, "Kept")
    store.sweep(50_000)
    assert.strictEqual(store.accept(long, any, 50_000)._tag, "Older")
    store.sweep(100_000)
    assert.strictEqual(store.count, 0)
  })

  it("is kept with the digest of its value when that was signed, and only once it has ended", () => {
    const store = Store.make(place)
    store.accept(long, any, 0)
    store.accept({ ...brief, signature }, any, 1000)
    const left = store.get("k", 3000)?.record
    assert(left !== undefined)
    const { value, ...rest } = brief
    assert(value !== undefined)
    assert.deepStrictEqual(left, { ...rest, signature, guard: 99_000, digest: digestOf(value) })
    assert.isUndefined(Store.problemWith(left, 3000))
    assert.include(Store.problemWith(left, 2999) ?? "", "value is missing")
    assert.include(Store.problemWith({ ...left, value }, 3000) ?? "", "has ended")
    assert.include(Store.problemWith(left, 100_000) ?? "", "has ended")
  })
})

describe("a signed record", () => {
  it("stands against a copy from which somebody took the signature off, and replaces it", () => {
    const store = Store.make(place)
    assert.strictEqual(store.accept(record(), any, 0)._tag, "Kept")
    assert.strictEqual(store.accept(record({ signature }), any, 0)._tag, "Kept")
    assert.strictEqual(store.accept(record({ value: { content: "other" } }), any, 0)._tag, "Older")
    assert.strictEqual(store.accept(record({ signature }), any, 0)._tag, "Known")
    assert.strictEqual(store.get("k", 0)?.record.signature, signature)
  })

  it("alone is kept under a key of its writer", () => {
    const key = ownedKey(peer(1), "profile")
    const problem = (fields: Partial<StoredRecord>) => Store.problemWith(record({ key, ...fields }), 0) ?? ""
    assert.strictEqual(problem({ signature }), "")
    assert.include(problem({}), "has not signed it")
    assert.include(problem({ signature, writer: peer(2) }), "has not signed it")
    // Anything else is nobody's.
    for (const key of [`@${peer(1)}`, `@${peer(1).toUpperCase()}/a`, `${peer(1)}/a`, `@${peer(1)}0/a`, "@/a"]) {
      assert.strictEqual(problem({ key }), "")
    }
  })
})

describe("what somebody sent", () => {
  it("is kept up to its limits, and not beyond", () => {
    const now = 1_000_000
    const at = (fields: Partial<StoredRecord>) => Store.problemWith(record({ time: now, ...fields }), now)
    assert.isUndefined(at({}))
    assert.isUndefined(at({ time: now + Limits.maxAhead, version: now + Limits.maxAhead }))
    assert.include(at({ time: now + Limits.maxAhead + 1 }) ?? "", "dated ahead")
    assert.include(at({ version: now + Limits.maxAhead + 1 }) ?? "", "version is ahead")
    assert.include(at({ time: now - 10_000 }) ?? "", "has ended")
    assert.isUndefined(at({ value: { content: "x".repeat(maxValueBytes - 2) } }))
    assert.include(at({ value: { content: "x".repeat(maxValueBytes - 1) } }) ?? "", "too large")
    assert.include(at({ value: { content: "ü".repeat(maxValueBytes / 2) } }) ?? "", "too large")
  })
})

describe("a cache", () => {
  it("answers for a moment, and keeps the latest", () => {
    const cache = Cache.make(2, 1000, 0)
    cache.keep(record({ key: "a" }), 0)
    cache.keep(record({ key: "b", ttl: 500 }), 0)
    assert.isDefined(cache.get("a", 999))
    assert.isUndefined(cache.get("a", 1000))
    assert.isUndefined(cache.get("b", 500))
    for (const key of ["a", "b", "c"]) cache.keep(record({ key }), 0)
    assert.deepStrictEqual(["a", "b", "c"].map((key) => cache.get(key, 0)?.key), [undefined, "b", "c"])
    cache.forget("b")
    assert.isUndefined(cache.get("b", 0))
    assert.strictEqual(cache.size(), 1)
  })

  it("leaves the first who ask to the holders, and keeps nothing older than it has", () => {
    const cache = Cache.make(2, 1000, 2)
    const ask = (now: number) => cache.get("a", now)?.version
    cache.keep(record({ key: "a", version: 2 }), 0)
    assert.deepStrictEqual([ask(0), ask(0), ask(0)], [undefined, undefined, 2])
    cache.keep(record({ key: "a", version: 1 }), 100)
    cache.keep(record({ key: "a", version: 3 }), 200)
    assert.strictEqual(ask(900), 3)
    cache.keep(record({ key: "a", version: 3 }), 1100)
    assert.deepStrictEqual([ask(1100), ask(1200), ask(1300)], [undefined, undefined, 3])
  })
})

describe("a rate", () => {
  it("allows a burst and then a measure, to each", () => {
    const rate = Rate.make({ burst: 3, perSecond: 2 })
    const take = (who: number, now: number) => rate.take(peer(who), 1, now)
    assert.deepStrictEqual([0, 0, 0, 0].map((now) => take(1, now)), [true, true, true, false])
    assert.isTrue(take(2, 0))
    assert.deepStrictEqual([499, 500, 500].map((now) => take(1, now)), [false, true, false])
    assert.deepStrictEqual([60_000, 60_000, 60_000, 60_000].map((now) => take(1, now)), [true, true, true, false])
  })
})

describe("watches", () => {
  it("end with their lease, and are bounded", () => {
    const watches = Watches.make()
    for (let n = 0; n < Limits.maxSubscribers; n++) assert.isTrue(watches.add("k", peer(n + 1), 1000))
    assert.isFalse(watches.add("k", peer(9999), 1000))
    assert.isTrue(watches.add("k", peer(1), 2000))
    assert.deepStrictEqual(watches.of("k", 1000), [{ subscriber: peer(1), until: 2000 }])
    watches.remove("k", peer(1))
    assert.strictEqual(watches.size, 0)
    for (let n = 0; n < Limits.maxWatchedKeys; n++) assert.isTrue(watches.add(`key-${n}`, peer(1), 1000))
    assert.isFalse(watches.add("one more", peer(1), 1000))
    watches.sweep(1000)
    assert.strictEqual(watches.size, 0)
  })
})
