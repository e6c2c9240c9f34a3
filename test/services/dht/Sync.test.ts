/** Keeping copies where they belong, at one peer: what it offers to whom, what it asks for, and what it lets go of. */
import { assert, describe, it } from "@effect/vitest"
import { type DhtFrame, maxItems, type Offer } from "../../../src/domain/DhtFrame.ts"
import { positionOf, type StoredRecord } from "../../../src/domain/DhtRecord.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { Signature } from "../../../src/domain/Signature.ts"
import * as Circle from "../../../src/services/dht/Circle.ts"
import * as Limits from "../../../src/services/dht/Limits.ts"
import * as Store from "../../../src/services/dht/Store.ts"
import * as Sync from "../../../src/services/dht/Sync.ts"
import { peer } from "../../support/simulation.ts"

const gaming = NetworkName.make("gaming")
const place = (key: string) => positionOf(gaming, key)

const record = (key: string, fields: Partial<StoredRecord> = {}): StoredRecord => ({
  key,
  value: { content: 1 },
  version: 2,
  writer: peer(1),
  write: `w-${key}`,
  time: 0,
  ttl: 86_400_000,
  ...fields
})

/** A peer among others, of whom it knows all and has some as neighbours. */
const scene = (self: PeerId, known: ReadonlyArray<PeerId>) => {
  let now = 0
  const sent: Array<{ readonly to: PeerId; readonly frame: DhtFrame }> = []
  const dropped: Array<string> = []
  let around = [self, ...known]
  const ground = {
    self,
    networkName: gaming,
    ways: {
      nextHop: () => undefined,
      detour: () => undefined,
      nearest: (target: PeerId, most: number) => Circle.sorted(target, around).slice(0, most)
    },
    linked: new Set<PeerId>(),
    random: () => 0.5,
    now: () => now,
    send: (to: PeerId, frame: DhtFrame) => void sent.push({ to, frame }),
    drop: (what: string) => void dropped.push(what)
  }
  const store = Store.make(place)
  const sync = Sync.make(ground, store, () => store.count > 0)
  const take = () => sent.splice(0)
  return {
    sync,
    store,
    dropped,
    keep: (...records: ReadonlyArray<StoredRecord>) => {
      for (const one of records) {
        store.accept(one, { exclusive: false }, now)
        sync.kept(one.key, false)
      }
    },
    knows: (peers: ReadonlyArray<PeerId>) => void (around = [self, ...peers]),
    /** Time passes, to when something is due or by so much, and gives what is sent. */
    due: () => {
      now = Math.max(now, sync.dueAt)
      sync.tick()
      return take()
    },
    pass: (millis: number) => {
      now += millis
      sync.tick()
      return take()
    },
    take,
    /** The offers among what was sent. */
    offers: (what: ReadonlyArray<{ readonly to: PeerId; readonly frame: DhtFrame }>) =>
      what.flatMap(({ frame, to }) => frame.type === "dht-offer" ? [{ to, frame }] : []),
    records: (what: ReadonlyArray<{ readonly to: PeerId; readonly frame: DhtFrame }>) =>
      what.flatMap(({ frame, to }) => frame.type === "dht-records" ? [{ to, records: frame.records }] : [])
  }
}

type Scene = ReturnType<typeof scene>

const keysOf = ({ items }: Offer) => items.map(({ key }) => key).toSorted()

const [self, ada, bob, eve] = [peer(1), peer(2), peer(3), peer(4)]

/** The neighbour wants some of what it was offered. */
const want = (at: Scene, from: PeerId, { id }: Offer, keys: ReadonlyArray<string>) => {
  at.sync.onWant(from, { type: "dht-want", networkName: gaming, id, keys })
  return at.take()
}

const offer = (at: Scene, from: PeerId, items: Offer["items"]) => {
  at.sync.onOffer(from, { type: "dht-offer", networkName: gaming, id: "theirs", items })
  return at.take()
}

const firstOffer = (at: Scene, what: ReturnType<Scene["take"]>) => {
  const [first] = at.offers(what)
  assert(first !== undefined)
  return first.frame
}

describe("a neighbour that comes", () => {
  it("is offered what it may lack, once all has been quiet for a moment, and given what it wants", () => {
    const at = scene(self, [ada])
    at.keep(record("a"), record("b"))
    at.sync.linked(ada)
    at.pass(Limits.syncDelay / 4)
    // More of the same does not put it off.
    at.sync.moved()
    assert.strictEqual(at.sync.dueAt, Limits.syncDelay)
    const made = firstOffer(at, at.due())
    assert.deepStrictEqual(keysOf(made), ["a", "b"])
    assert.isTrue(at.sync.isBusy)
    assert.deepStrictEqual(at.records(want(at, ada, made, ["b"])), [{ to: ada, records: [record("b")] }])
    assert.isFalse(at.sync.isBusy)
    // It has both now.
    at.sync.moved()
    assert.deepStrictEqual(at.due(), [])
  })

  it("is offered nothing when there is nothing", () => {
    const at = scene(self, [ada])
    at.sync.linked(ada)
    assert.strictEqual(at.sync.dueAt, Number.POSITIVE_INFINITY)
  })

  it("is forgotten when it goes", () => {
    const at = scene(self, [ada])
    at.keep(record("a"))
    at.sync.linked(ada)
    want(at, ada, firstOffer(at, at.due()), [])
    at.sync.unlinked(ada)
    assert.deepStrictEqual(at.due(), [])
    at.sync.linked(ada)
    assert.deepStrictEqual(keysOf(firstOffer(at, at.due())), ["a"])
  })

  it("gets one offer at a time, of so many keys at most, and the next with the answer", () => {
    const at = scene(self, [ada])
    const many = Array.from({ length: maxItems + 10 }, (_, n) => record(`key-${n}`))
    at.keep(...many)
    at.sync.linked(ada)
    const first = firstOffer(at, at.due())
    assert.lengthOf(first.items, maxItems)
    at.sync.moved()
    assert.deepStrictEqual(at.due(), [])
    const second = firstOffer(at, want(at, ada, first, []))
    assert.lengthOf(second.items, 10)
    assert.deepStrictEqual(want(at, ada, second, []), [])
    const all = [...keysOf(first), ...keysOf(second)]
    assert.strictEqual(new Set(all).size, many.length)
  })

  it("that does not answer is offered all again in the next round, and not before", () => {
    const at = scene(self, [ada])
    at.keep(...Array.from({ length: maxItems + 10 }, (_, n) => record(`key-${n}`)))
    at.sync.linked(ada)
    const first = firstOffer(at, at.due())
    assert.deepStrictEqual(at.pass(Limits.offerLives - 1), [])
    assert.isTrue(at.sync.isBusy)
    assert.deepStrictEqual(at.pass(1), [])
    assert.isFalse(at.sync.isBusy)
    // Too late, and so it is for nothing.
    assert.deepStrictEqual(want(at, ada, first, ["key-0"]), [])
    assert.deepStrictEqual(at.dropped, ["duplicate"])
    at.sync.kept("key-3", true)
    assert.deepStrictEqual(keysOf(firstOffer(at, at.due())), ["key-3"])
  })

  it("is given only what it was offered, for the offer that stands", () => {
    const at = scene(self, [ada])
    at.keep(record("a"))
    at.sync.linked(ada)
    const made = firstOffer(at, at.due())
    at.keep(record("b"))
    assert.deepStrictEqual(want(at, ada, { ...made, id: "another" }, ["a"]), [])
    assert.deepStrictEqual(at.dropped, ["duplicate"])
    assert.deepStrictEqual(at.records(want(at, ada, made, ["a", "b", "c"])), [{ to: ada, records: [record("a")] }])
  })

  it("is given records in frames of a bounded size", () => {
    const at = scene(self, [ada])
    const large = Array.from({ length: 5 }, (_, n) => record(`k${n}`, { value: { content: "x".repeat(60_000) } }))
    at.keep(...large)
    at.sync.linked(ada)
    const given = at.records(want(at, ada, firstOffer(at, at.due()), large.map(({ key }) => key)))
    assert.deepStrictEqual(given.map(({ records }) => records.length), [2, 2, 1])
  })
})

describe("a record", () => {
  it("that is kept goes to those who may lack it, and a known one is not offered", () => {
    const at = scene(self, [ada, bob])
    for (const one of [ada, bob]) at.sync.linked(one)
    at.keep(record("a"))
    assert.isAbove(at.sync.dueAt, Limits.republish / 2)
    at.sync.has(ada, record("a"))
    at.sync.kept("a", true)
    assert.deepStrictEqual(at.offers(at.due()).map(({ to }) => to), [bob])
    // In another version it is another.
    at.keep(record("a", { version: 3, write: "new" }))
    at.sync.kept("a", true)
    assert.deepStrictEqual(at.offers(at.due()).map(({ to }) => to), [ada])
  })

  it("waits for the offer before it to be answered, with those that came meanwhile", () => {
    const at = scene(self, [ada])
    at.sync.linked(ada)
    at.keep(record("a"), record("b"), record("c"))
    at.sync.kept("a", true)
    const first = firstOffer(at, at.due())
    for (const key of ["b", "c"]) {
      at.sync.kept(key, true)
      assert.deepStrictEqual(at.due(), [])
    }
    assert.deepStrictEqual(keysOf(firstOffer(at, want(at, ada, first, []))), ["b", "c"])
  })

  it("that a neighbour is known to have by then is left out of an offer", () => {
    const at = scene(self, [ada])
    at.sync.linked(ada)
    at.keep(record("a"), record("b"), record("c"))
    at.sync.kept("a", true)
    const first = firstOffer(at, at.due())
    for (const key of ["b", "c"]) at.sync.kept(key, true)
    at.due()
    at.sync.has(ada, record("b"))
    assert.deepStrictEqual(keysOf(firstOffer(at, want(at, ada, first, []))), ["c"])
  })

  it("all of them in question makes one offer of what was to be offered, not two", () => {
    const at = scene(self, [ada])
    at.sync.linked(ada)
    at.keep(record("a"), record("b"))
    at.sync.kept("a", true)
    const first = firstOffer(at, at.due())
    at.sync.kept("b", true)
    at.due()
    at.sync.moved()
    at.due()
    const second = firstOffer(at, want(at, ada, first, []))
    assert.deepStrictEqual(keysOf(second), ["b"])
    assert.deepStrictEqual(want(at, ada, second, []), [])
  })

  it("is offered outwards by the inner holders alone, and inwards by all", () => {
    const all = Array.from({ length: Limits.copies + 1 }, (_, n) => peer(n))
    const order = Circle.sorted(place("k"), all)
    const takersOf = (rank: number) => {
      const me = order[rank]
      assert(me !== undefined)
      const others = all.filter((one) => one !== me)
      const at = scene(me, others)
      at.keep(record("k"))
      for (const one of others) at.sync.linked(one)
      return at.offers(at.due()).map(({ to }) => order.indexOf(to)).toSorted((one, other) => one - other)
    }
    const ranks = Array.from({ length: Limits.copies }, (_, rank) => rank)
    assert.deepStrictEqual(takersOf(0), ranks.slice(1))
    assert.deepStrictEqual(takersOf(Limits.innerCopies - 1), ranks.filter((rank) => rank !== Limits.innerCopies - 1))
    assert.deepStrictEqual(takersOf(Limits.innerCopies), ranks.slice(0, Limits.innerCopies))
    // One that is not to keep it at all offers it to all who are.
    assert.deepStrictEqual(takersOf(Limits.copies), ranks)
  })

  it("from which somebody took the signature is another than the signed one", () => {
    const at = scene(self, [ada])
    const signed = record("a", { signature: Signature.make("A".repeat(128)) })
    at.sync.linked(ada)
    at.keep(signed)
    at.sync.has(ada, record("a"))
    at.sync.kept("a", true)
    const made = firstOffer(at, at.due())
    assert.deepInclude(made.items[0], { key: "a", signed: true })
    want(at, ada, made, [])
    at.sync.kept("a", true)
    assert.deepStrictEqual(at.due(), [])
  })
})

describe("an offer", () => {
  const item = (key: string, fields: Partial<Offer["items"][number]> = {}) => ({
    key,
    version: 2,
    writer: peer(1),
    write: `w-${key}`,
    ...fields
  })

  it("is answered with what is newer there, and with what is newer here", () => {
    const at = scene(self, [ada])
    at.sync.linked(ada)
    at.keep(record("same"), record("older here"), record("newer here"), record("unsigned here"))
    const sent = offer(at, ada, [
      item("same"),
      item("older here", { version: 3 }),
      item("newer here", { version: 1 }),
      item("absent"),
      item("unsigned here", { signed: true })
    ])
    // Whoever hears what is wanted has what is newer by then.
    assert.deepInclude(sent[1]?.frame, { type: "dht-want", id: "theirs" })
    assert.deepInclude(sent[1]?.frame, { keys: ["older here", "absent", "unsigned here"] })
    assert.deepStrictEqual(at.records(sent), [{ to: ada, records: [record("newer here")] }])
    // What both have needs no offer, and what was just given none either.
    at.sync.moved()
    assert.deepStrictEqual(keysOf(firstOffer(at, at.due())), ["older here", "unsigned here"])
  })
})

describe("once an hour", () => {
  it("everything is offered again, and what belongs elsewhere is let go of where it is kept", () => {
    const at = scene(self, [ada])
    at.keep(record("a"))
    at.sync.linked(ada)
    want(at, ada, firstOffer(at, at.due()), [])
    assert.deepStrictEqual(keysOf(firstOffer(at, at.due())), ["a"])
    assert.strictEqual(at.store.count, 1)
  })

  it("a record goes from a peer that is no longer near, if one that is has it", () => {
    const all = Array.from({ length: Limits.copies + 1 }, (_, n) => peer(n))
    const order = Circle.sorted(place("k"), all)
    const [near, me] = [order[0], order[Limits.copies]]
    assert(near && me)
    const at = scene(me, all.filter((one) => one !== me))
    at.keep(record("k"))
    at.sync.linked(near)
    const made = firstOffer(at, at.due())
    // Nobody has said that it has it.
    at.pass(Limits.offerLives)
    at.due()
    assert.strictEqual(at.store.count, 1)
    void made
    want(at, near, made, [])
    at.sync.has(near, record("k"))
    at.due()
    assert.strictEqual(at.store.count, 0)
    assert.strictEqual(at.due().length, 0)
  })
})

describe("a handover", () => {
  it("gives each record to the nearest three who may lack it", () => {
    const at = scene(self, [ada, bob, eve, peer(5)])
    at.keep(record("k"), record("over", { ttl: 1000 }))
    for (const one of [ada, bob, eve, peer(5)]) at.sync.linked(one)
    const order = Circle.sorted(place("k"), [ada, bob, eve, peer(5)])
    const [first] = order
    assert(first)
    at.sync.has(first, record("k"))
    at.pass(1000)
    at.take()
    at.sync.handOver()
    const given = at.records(at.take())
    assert.sameMembers(given.map(({ to }) => to), order.slice(1, Limits.handoverCopies))
    for (const { records } of given) assert.deepStrictEqual(records, [record("k")])
    // They have it now.
    at.sync.handOver()
    assert.deepStrictEqual(at.take(), [])
  })
})
