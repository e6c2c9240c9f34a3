import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { initialTtl } from "../../../src/domain/Frame.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { maxWaiting } from "../../../src/services/gossip/Announcing.ts"
import * as Plumtree from "../../../src/services/gossip/Plumtree.ts"
import * as SeenSet from "../../../src/services/gossip/SeenSet.ts"
import * as Model from "../../support/gossip/Model.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
/** Everything along the tree, however small the network. */
const tree = { floodPeers: 0 }

/** A network in which all links are up and know it. */
const network = (count: number, seed: number, options: Partial<Model.ModelOptions> = {}) => {
  const model = Model.make({ count, seed, settings: tree, ...options })
  for (const [a, b] of Model.ringWithLongLinks(count, model.draw)) model.link(a, b)
  model.elapse(1000)
  return model
}

const anyone = (model: Model.Model, count: number) => Math.floor(model.draw() * count)

/** Whom of those who should have it a message did not reach, and whom it reached more than once. */
const failures = (model: Model.Model, id: string, wanted: Iterable<number>) => {
  const reached = model.reached(id)
  return {
    missed: Array.from(wanted).filter((n) => !reached.has(n)),
    twice: Array.from(reached).filter(([, times]) => times.length > 1).map(([n]) => n)
  }
}
const none = { missed: [], twice: [] }

describe("Plumtree", () => {
  it.prop("reaches everyone connected exactly once while links come and go", [Seed], ([seed]) => {
    const count = 8 + seed % 40
    const model = network(count, seed, { population: seed % 2 === 0 ? 10 : 100, settings: {} })
    const everyone = Array.from({ length: count }, (_, n) => n)
    const said: Array<string> = []
    for (let round = 0; round < 12; round++) {
      // Half of the links are gone for a while, and with them what was on its way.
      const lost = model.links().filter(() => model.draw() < 0.5)
      for (const [a, b] of lost) model.cut(a, b)
      for (let n = 0; n < 5; n++) {
        said.push(model.say(anyone(model, count)))
        model.elapse(model.draw() * 500)
      }
      model.elapse(model.draw() * 2000)
      for (const [a, b] of lost) model.link(a, b)
    }
    model.elapse(15_000)
    assert.strictEqual(model.component(0).size, count)
    for (const id of said) assert.deepStrictEqual(failures(model, id, everyone), none)
  }, { arbitrary: { seed: 1, runs: 40 } })

  it.prop("repairs the tree when links carry nothing and say nothing", [Seed], ([seed]) => {
    const count = 40
    const model = network(count, seed)
    for (let n = 0; n < 5; n++) {
      model.say(anyone(model, count))
      model.elapse(1000)
    }
    // One link of ten loses everything, in one direction.
    const dumb = new Set<string>()
    for (const [a, b] of model.links()) if (model.draw() < 0.1) dumb.add(`${a} ${b}`)
    model.lose((from, to) => dumb.has(`${from} ${to}`))
    const id = model.say(anyone(model, count))
    model.elapse(8000)
    assert.deepStrictEqual(failures(model, id, model.component(0)), none)
    // Those who asked have a new tree: the next one takes no longer than it did before.
    const before = model.now()
    const next = model.say(anyone(model, count))
    model.elapse(8000)
    assert.deepStrictEqual(failures(model, next, model.component(0)), none)
    assert.isBelow(Math.max(...Array.from(model.reached(next).values(), ([at]) => (at ?? 0) - before)), 2500)
  }, { arbitrary: { seed: 2, runs: 30 } })

  it("sends each message once to everybody, when the tree has made itself", () => {
    const model = network(100, 3)
    for (let n = 0; n < 10; n++) {
      model.say(anyone(model, 100))
      model.elapse(2000)
    }
    const { payloads } = model.counts
    for (let n = 0; n < 20; n++) {
      model.say(anyone(model, 100))
      model.elapse(2000)
    }
    assert.isAtMost((model.counts.payloads - payloads) / (20 * 99), 1.05)
  })

  it("floods what is small, more so in small networks, and prunes nothing for it", () => {
    for (const options of [{ bytes: 512, population: 1000 }, { bytes: 1023, population: 64 }]) {
      const model = network(30, 4, { ...options, settings: {} })
      for (let n = 0; n < 10; n++) {
        const id = model.say(n)
        model.elapse(500)
        assert.deepStrictEqual(failures(model, id, model.component(0)), none)
      }
      assert.strictEqual(model.counts.announcements, 0)
      // A greeting over each link, from both sides.
      assert.strictEqual(model.counts.controls, 2 * model.links().length)
    }
  })

  it("loses nothing to a peer that lost all its links for half a minute", () => {
    const model = network(20, 5)
    const links = model.links().filter((pair) => pair.includes(7))
    for (const [a, b] of links) model.cut(a, b)
    const said = Array.from({ length: 30 }, (_, n) => {
      const id = model.say(n % 7)
      model.elapse(1000)
      return id
    })
    const [a, b] = links[0] ?? [0, 0]
    model.link(a, b)
    model.elapse(3000)
    for (const id of said) assert.deepStrictEqual(failures(model, id, [7]), none)
  })

  it("brings two halves together without a storm", () => {
    const count = 40
    const model = network(count, 6)
    const across = model.links().filter(([a, b]) => (a < 20) !== (b < 20))
    for (const [a, b] of across) model.cut(a, b)
    model.elapse(2000)
    const said = Array.from({ length: 400 }, (_, n) => {
      const id = model.say(n % count)
      model.elapse(50)
      return id
    })
    model.elapse(2000)
    const before = { ...model.counts }
    for (const [a, b] of across) model.link(a, b)
    model.elapse(10_000)
    const everyone = Array.from({ length: count }, (_, n) => n)
    for (const id of said) assert.deepStrictEqual(failures(model, id, everyone), none)
    // Each message came to twenty more. Word of it goes in batches.
    assert.isAtMost((model.counts.payloads - before.payloads) / (said.length * 20), 1.2)
    assert.isAtMost(model.counts.controls - before.controls, 20 * model.links().length)
  })

  it("keeps the past from a peer that was not there", () => {
    const model = network(20, 7)
    const links = model.links().filter((pair) => pair.includes(7))
    model.vanish(7)
    const past = Array.from({ length: 10 }, (_, n) => model.say(n % 7))
    model.elapse(3000)
    model.join(7)
    model.elapse(500)
    for (const [a, b] of links) model.link(a, b)
    const next = model.say(0)
    model.elapse(5000)
    for (const id of past) assert.isFalse(model.reached(id).has(7))
    assert.deepStrictEqual(failures(model, next, [7]), none)
  })

  it("carries messages through PeerPigeon peers, and bothers them with nothing else", () => {
    const pigeons = new Set([2, 5, 8])
    const model = network(12, 8, { pigeons })
    for (let n = 0; n < 12; n++) {
      const id = model.say(n)
      model.elapse(4000)
      assert.deepStrictEqual(failures(model, id, model.component(0)), none)
    }
  })
})

const [self, ada, bob] = [1, 2, 3].map((n) => PeerId.make(String(n).repeat(40)))
assert(self !== undefined && ada !== undefined && bob !== undefined)

const message = (id: string, from: PeerId) => ({
  type: "gossip" as const,
  id,
  subtype: "chat",
  content: null,
  from,
  timestamp: 0,
  ttl: initialTtl,
  path: [from]
})

const core = (settings: Partial<Plumtree.Settings> = {}) => {
  const made = Plumtree.make({
    self,
    joinedAt: 0,
    nameOf: ({ id }) => id,
    seen: SeenSet.make(1000, 300_000),
    settings: { ...tree, ...settings }
  })
  made.handle({ _tag: "Counted", peers: 100 }, 0)
  return made
}

const tags = (commands: ReadonlyArray<Plumtree.Command>) => commands.map(({ _tag }) => _tag)

describe("a core", () => {
  it("asks the second to bring a message to be lazy, and brings it only word from then on", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    const first = peer.handle({ _tag: "Received", from: ada, message: message("1", ada), bytes: 1000 }, 1)
    assert.deepStrictEqual(tags(first), ["Push", "Deliver"])
    const second = peer.handle({ _tag: "Received", from: bob, message: message("1", ada), bytes: 1000 }, 2)
    assert.deepStrictEqual(second, [{ _tag: "Duplicate" }, { _tag: "Prune", to: bob }])
    const third = peer.handle({ _tag: "Received", from: ada, message: message("2", ada), bytes: 1000 }, 3)
    assert.deepStrictEqual(tags(third), ["Deliver"])
    assert.strictEqual(peer.wakeAt(), 103)
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 103), [{ _tag: "Announce", to: bob, ids: ["2"] }])
  })

  it("asks for what was announced and does not come, and then the next who has it", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    for (const from of [ada, bob]) peer.handle({ _tag: "Announced", from, ids: ["1"] }, 0)
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 799), [])
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 849), [{ _tag: "Graft", to: ada, ids: ["1"] }])
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 1298), [])
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 1348), [{ _tag: "Graft", to: bob, ids: ["1"] }])
    peer.handle({ _tag: "Received", from: bob, message: message("1", ada), bytes: 1000 }, 1400)
    assert.strictEqual(peer.wanted(), 0)
  })

  it("waits longer for what is large", () => {
    const peer = core()
    peer.handle({ _tag: "Up", peerId: ada, dialect: "homing" }, 0)
    peer.handle({ _tag: "Announced", from: ada, ids: ["1"], bytes: [2_000_000] }, 0)
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 2700), [])
    assert.deepStrictEqual(tags(peer.handle({ _tag: "Due" }, 2800)), ["Graft"])
  })

  it("tells a neighbour without room later what it holds", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    assert.deepStrictEqual(
      peer.handle({ _tag: "Published", message: message("1", self), bytes: 1000 }, 0).flatMap((command) =>
        command._tag === "Push" ? command.to : []
      ),
      [ada, bob]
    )
    peer.handle({ _tag: "Full", peerId: bob, id: "1" }, 0)
    assert.deepStrictEqual(
      peer.handle({ _tag: "Published", message: message("2", self), bytes: 1000 }, 0).flatMap((command) =>
        command._tag === "Push" ? command.to : []
      ),
      [ada]
    )
    assert.deepStrictEqual(peer.handle({ _tag: "Due" }, 200), [])
    assert.deepStrictEqual(
      peer.handle({ _tag: "Relieved", peerId: bob }, 300),
      [{ _tag: "Announce", to: bob, ids: ["1", "2"] }]
    )
    assert.deepStrictEqual(tags(peer.handle({ _tag: "Grafted", from: bob, ids: ["1", "nonsense"] }, 400)), ["Serve"])
  })

  it("counts what was announced and nobody has any more, and nothing else", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    peer.handle({ _tag: "Announced", from: ada, ids: ["gone", "late"] }, 0)
    peer.handle({ _tag: "Announced", from: bob, ids: ["gone"] }, 0)
    const commands: Array<Plumtree.Command> = []
    for (let at = 0; at < 10_000; at += 50) {
      if (at === 1000) peer.handle({ _tag: "Received", from: bob, message: message("late", bob), bytes: 1000 }, at)
      commands.push(...peer.handle({ _tag: "Due" }, at))
    }
    assert.deepStrictEqual(commands.filter(({ _tag }) => _tag === "Missed"), [{ _tag: "Missed", count: 1 }])
    // Both were asked twice before.
    assert.deepStrictEqual(
      commands.flatMap((command) => command._tag === "Graft" && command.ids.includes("gone") ? [command.to] : []),
      [ada, bob, ada, bob]
    )
  })

  it("tells a neighbour that had no room of what it keeps no more", () => {
    const peer = core({ keepMessages: 1 })
    peer.handle({ _tag: "Up", peerId: ada, dialect: "homing" }, 0)
    for (const id of ["1", "2"]) {
      peer.handle({ _tag: "Published", message: message(id, self), bytes: 1000 }, 0)
      peer.handle({ _tag: "Full", peerId: ada, id }, 0)
    }
    assert.deepStrictEqual(
      peer.handle({ _tag: "Relieved", peerId: ada }, 1),
      [{ _tag: "Announce", to: ada, ids: ["1", "2"] }]
    )
    assert.deepStrictEqual(tags(peer.handle({ _tag: "Grafted", from: ada, ids: ["1", "2"] }, 2)), ["Serve"])
  })

  it("does not ask for what was said before it came, whoever offers it", () => {
    const peer = core()
    peer.handle({ _tag: "Up", peerId: ada, dialect: "homing" }, 0)
    const asked = peer.handle({ _tag: "Digested", from: ada, ids: ["old", "new"], ages: [5001, 4999] }, 5000)
    assert.deepStrictEqual(asked, [{ _tag: "Graft", to: ada, ids: ["new"] }])
  })

  it("closes the gap that an eager neighbour leaves with a lazy one", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    peer.handle({ _tag: "Pruned", from: bob }, 0)
    assert.deepStrictEqual(peer.eager(), [ada])
    assert.deepStrictEqual(peer.handle({ _tag: "Down", peerId: ada }, 1), [{ _tag: "Graft", to: bob, ids: [] }])
    assert.deepStrictEqual(peer.eager(), [bob])
  })

  it("says how many messages a neighbour was not told of, since too many waited for its room", () => {
    const peer = core()
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    for (let n = 0; n < maxWaiting + 10; n++) peer.handle({ _tag: "Full", peerId: bob, id: `m${n}` }, 1)
    // One that waits already takes no room.
    peer.handle({ _tag: "Full", peerId: bob, id: `m${maxWaiting}` }, 1)
    const lost = (now: number) => peer.handle({ _tag: "Due" }, now).filter(({ _tag }) => _tag === "Unannounced")
    assert.isAtMost(peer.wakeAt(), 1000)
    assert.deepStrictEqual(lost(1000), [{ _tag: "Unannounced", count: 10 }])
    assert.deepStrictEqual(lost(2000), [])
    const told = peer.handle({ _tag: "Relieved", peerId: bob }, 3000)
    assert.strictEqual(told.reduce((sum, command) => sum + ("ids" in command ? command.ids.length : 0), 0), maxWaiting)
    assert.deepStrictEqual(lost(4000), [])
  })

  it("is bounded, whatever comes", () => {
    const peer = core({ keepMessages: 50, keepBytes: 20_000, wanted: 100 })
    for (const peerId of [ada, bob]) peer.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
    peer.handle({ _tag: "Full", peerId: bob, id: "0" }, 0)
    for (let n = 0; n < 10_000; n++) {
      peer.handle({ _tag: "Received", from: ada, message: message(`m${n}`, ada), bytes: n % 1000 }, n)
      peer.handle({ _tag: "Announced", from: ada, ids: [`never-${n}`] }, n)
      peer.handle({ _tag: "Digested", from: ada, ids: [`nor-${n}`], ages: [0] }, n)
    }
    const { held, heldBytes, waiting, wanted } = peer.sizes()
    assert.isAtMost(held, 50)
    assert.isAtMost(heldBytes, 20_000)
    assert.isAtMost(wanted, 100)
    assert.isAtMost(waiting, 2 * 4096)
    // And in the end nothing is left.
    for (let at = 10_000; at < 200_000; at += 1000) peer.handle({ _tag: "Due" }, at)
    peer.handle({ _tag: "Relieved", peerId: bob }, 200_000)
    assert.deepStrictEqual(peer.sizes(), { held: 0, heldBytes: 0, wanted: 0, waiting: 0 })
    assert.strictEqual(peer.wakeAt(), Number.POSITIVE_INFINITY)
  })
})
