/** What is said to be signed, and is not. With real keys: what is checked is WebCrypto's word. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import type { DhtFrame } from "../../../src/domain/DhtFrame.ts"
import { digestOf, remnantOf, signedBytes, type StoredRecord } from "../../../src/domain/DhtRecord.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Signature from "../../../src/domain/Signature.ts"
import * as Proofs from "../../../src/services/dht/Proofs.ts"
import { Identity } from "../../../src/services/Identity.ts"
import { peer } from "../../support/simulation.ts"

const gaming = NetworkName.make("gaming")
const fresh = Identity.pipe(Effect.provide(Layer.fresh(Identity.layer)))

const draft = {
  key: "k",
  value: { content: { b: 1, a: ["ü", null] } },
  version: 3,
  write: "w",
  time: 1_000_000,
  ttl: 60_000
}

const signedBy = Effect.fnUntraced(function*(
  identity: Identity["Service"],
  fields: Partial<StoredRecord> = {},
  networkName = gaming
) {
  const record: StoredRecord = { ...draft, writer: identity.peerId, ...fields }
  return { ...record, signature: yield* identity.sign("dht-record", signedBytes(networkName, record)) }
})

/** A desk that checks, and counts what is forged. */
const scene = Effect.gen(function*() {
  const [ada, eve] = [yield* fresh, yield* fresh]
  let checks = 0
  let forged = 0
  const verify: typeof ada.verify = (claim) => {
    checks++
    return ada.verify(claim)
  }
  const proofs = Proofs.make({ verify }, gaming, () => void forged++)
  return { ada, eve, proofs, checks: () => checks, forged: () => forged }
})

describe("a signed record", () => {
  it.effect("is genuine as it was signed, and in no other way", () =>
    Effect.gen(function*() {
      const { ada, eve, forged, proofs } = yield* scene
      const record = yield* signedBy(ada)
      const theirs = yield* signedBy(eve)
      assert.isTrue(yield* proofs.isGenuine(record))
      // Whoever passes it on may sort members, and say how long it guards.
      assert.isTrue(yield* proofs.isGenuine({ ...record, value: { content: { a: ["ü", null], b: 1 } }, guard: 90_000 }))
      const { value: _, ...rest } = record
      const altered: ReadonlyArray<StoredRecord> = [
        { ...record, key: "other" },
        { ...record, value: { content: "else" } },
        { ...record, value: { content: draft.value.content, encoding: "base64" } },
        rest,
        { ...record, version: 4 },
        { ...record, write: "v" },
        { ...record, time: record.time + 1 },
        { ...record, ttl: record.ttl + 1 },
        { ...record, writer: eve.peerId },
        { ...record, signature: theirs.signature },
        { ...record, signature: Signature.Signature.make("A".repeat(128)) },
        {
          ...record,
          signature: Signature.fromParts({ ...Signature.toParts(record.signature), publicKey: eve.publicKey })
        },
        // Ours, for another purpose.
        { ...record, signature: yield* ada.sign("signal", signedBytes(gaming, record)) },
        // Of another network.
        yield* signedBy(ada, {}, NetworkName.make("work")),
        // An id that no key has.
        { ...(yield* signedBy(eve, { writer: peer(1) })) }
      ]
      for (const one of altered) assert.isFalse(yield* proofs.isGenuine(one), JSON.stringify(one))
      assert.strictEqual(forged(), altered.length)
    }))

  it.effect("can be checked when it has ended, by the digest of its value", () =>
    Effect.gen(function*() {
      const { ada, proofs } = yield* scene
      const remnant = remnantOf(yield* signedBy(ada))
      assert.isUndefined(remnant.value)
      assert.isTrue(yield* proofs.isGenuine(remnant))
      assert.isFalse(yield* proofs.isGenuine({ ...remnant, digest: digestOf({ content: "else" }) }))
      const { digest: _, ...tombstone } = remnant
      assert.isFalse(yield* proofs.isGenuine(tombstone))
    }))

  it.effect("is checked once, however often it comes", () =>
    Effect.gen(function*() {
      const { ada, checks, proofs } = yield* scene
      const record = yield* signedBy(ada)
      for (let n = 0; n < 5; n++) assert.isTrue(yield* proofs.isGenuine(record))
      assert.strictEqual(checks(), 1)
      assert.isFalse(yield* proofs.isGenuine({ ...record, version: 4 }))
      const { signature: _, ...unsigned } = record
      assert.isTrue(yield* proofs.isGenuine(unsigned))
      assert.strictEqual(checks(), 2)
    }))

  it.effect.prop("has one digest whatever the order of its members", [Schema.Json], ([json]) =>
    Effect.sync(() => {
      const reversed = (value: Schema.Json): Schema.Json =>
        Array.isArray(value)
          ? value.map(reversed)
          : typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).toReversed().map(([name, member]) => [name, reversed(member)]))
          : value
      const digest = (content: Schema.Json) => digestOf({ content })
      assert.strictEqual(digest(reversed(json)), digest(json))
      assert.strictEqual(digest(JSON.parse(JSON.stringify(json))), digest(json))
      assert.notStrictEqual(digest([json]), digest(json))
    }), { arbitrary: { seed: 2, runs: 200 } })
})

describe("a frame", () => {
  const to = peer(7)
  const all = (record: StoredRecord): ReadonlyArray<readonly [frame: DhtFrame, without: DhtFrame | undefined]> => {
    const common = { networkName: gaming, id: "1" } as const
    const { key, signature, time, ttl, value, version, write, writer } = record
    const spread = { targets: [to], exclusive: false, ttl: 1 }
    const request = { origin: writer, key, ttl: 9, visited: [writer], minima: 0 }
    const lost = { is: "lost", ttl: 64, visited: [], minima: 0 } as const
    const proof = signature === undefined ? {} : { signed: { version, time, signature } }
    const written = value === undefined ? {} : { value }
    const { signature: _, ...unsigned } = record
    return [
      [{ type: "dht-spread", ...common, record, ...spread }, undefined],
      [{ type: "dht-notice", networkName: gaming, to, record, ttl: 9 }, undefined],
      [{ type: "dht-records", networkName: gaming, records: [unsigned, record] }, {
        type: "dht-records",
        networkName: gaming,
        records: [unsigned]
      }],
      [{ type: "dht-spreaded", ...common, holders: 2, newer: record }, { type: "dht-spreaded", ...common, holders: 2 }],
      [{ type: "dht-reply", ...common, answer: { is: "record", record } }, {
        type: "dht-reply",
        ...common,
        answer: lost
      }],
      [{ type: "dht-reply", ...common, answer: { is: "watching", record } }, {
        type: "dht-reply",
        ...common,
        answer: lost
      }],
      [
        { type: "dht-request", ...common, ...request, ask: { op: "write", write, writer, ttl, ...written, ...proof } },
        undefined
      ]
    ]
  }

  it.effect("passes with what is genuine, and without what is forged", () =>
    Effect.gen(function*() {
      const { ada, eve, proofs } = yield* scene
      const record = yield* signedBy(ada)
      const forgery = { ...record, writer: eve.peerId }
      for (const [frame] of all(record)) assert.deepStrictEqual(yield* proofs.screen(frame), frame)
      for (const [frame, without] of all(forgery)) {
        assert.deepStrictEqual(yield* proofs.screen(frame), without, frame.type)
      }
      const { signature: _, ...unsigned } = forgery
      for (const [frame] of all(unsigned)) assert.deepStrictEqual(yield* proofs.screen(frame), frame)
    }))
})
