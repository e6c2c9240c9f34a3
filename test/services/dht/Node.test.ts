/** The core at many peers, over an ideal ring: what the bench measures, small enough for a test. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { DhtFrame } from "../../../src/domain/DhtFrame.ts"
import { positionOf } from "../../../src/domain/DhtRecord.ts"
import { Frame } from "../../../src/domain/Frame.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import * as Circle from "../../../src/services/dht/Circle.ts"
import * as Limits from "../../../src/services/dht/Limits.ts"
import { Command, Event, make, type Wanted } from "../../../src/services/dht/Node.ts"
import type { Ways } from "../../../src/services/Routing.ts"
import * as RingModel from "../../support/dht/RingModel.ts"
import { peer } from "../../support/simulation.ts"

const put = (content: string | number, expected?: number): Wanted => ({
  op: "write",
  value: { content },
  ttl: 3_600_000,
  expected
})
const get = (fresh = false): Wanted => ({ op: "get", fresh })

const pick = (model: RingModel.Model) => {
  const [one] = RingModel.some(model.random, model.members.filter(({ alive }) => alive), 1)
  if (one === undefined) throw new Error("nobody is alive")
  return one
}

const holdersOf = (model: RingModel.Model, key: string) =>
  model.members.filter(({ alive, node }) => alive && node.held(key, model.now()) !== undefined)

describe("the core at many peers", () => {
  it.prop("finds what was put, from anywhere, before and after a third of all die", [Schema.Int], ([seed]) => {
    const model = RingModel.make(60, seed)
    const countCopies = () => {
      for (let at = 0; at < 10; at++) {
        const holders = holdersOf(model, `key-${at}`).length
        // Those at the edge of the twelve do not all agree on who is in.
        assert.isTrue(holders >= Limits.copies && holders <= Limits.copies + 8, `${holders} copies`)
      }
    }
    model.run(5000)
    for (let at = 0; at < 10; at++) {
      assert.deepStrictEqual(model.ask(pick(model), `key-${at}`, put(at)), {
        is: "stored",
        version: 1,
        holders: Limits.copies
      })
    }
    model.run(60_000)
    countCopies()
    const readAll = () => {
      for (let at = 0; at < 10; at++) {
        const answer = model.ask(pick(model), `key-${at}`, get())
        assert(answer?.is === "record", `key-${at}: ${answer?.is}`)
        assert.strictEqual(answer.record.value?.content, at)
      }
    }
    readAll()
    assert.deepStrictEqual(model.ask(pick(model), "absent", get()), { is: "none" })
    model.kill(RingModel.some(model.random, model.members, 18))
    model.repair()
    model.run(10_000)
    readAll()
    // Each has as many copies as before again.
    model.run(60_000)
    countCopies()
  }, { arbitrary: { seed: 5, runs: 8 } })

  it("does a write that is asked for again once", () => {
    const model = RingModel.make(30, 1)
    model.run(5000)
    const from = pick(model)
    model.ask(from, "k", put("one"))
    // Every answer is lost, so that the origin tries again until it gives up.
    const before = model.now()
    model.lose((frame) => frame.type === "dht-reply")
    const answer = model.ask(from, "k", put("two"))
    assert.isUndefined(answer)
    assert.isAtMost(model.now() - before, Limits.requestLives + 2 * Limits.tick)
    model.lose(() => false)
    model.run(5000)
    const record = model.ask(pick(model), "k", get(true))
    assert(record?.is === "record")
    assert.deepStrictEqual([record.record.value?.content, record.record.version], ["two", 2])
  })

  it("leaves what was written since as it is when a write comes by a second way", () => {
    for (let seed = 0; seed < 10; seed++) {
      const model = RingModel.make(40, seed)
      model.run(5000)
      const [first, second] = RingModel.some(model.random, model.members.filter(({ node }) => node.requests === 0), 2)
      assert(first && second)
      // It is done, but the answers do not arrive, so that it is asked for again later.
      model.lose((frame) => frame.type === "dht-reply")
      const token = model.start(first, "k", put("first"))
      model.run(3000)
      model.lose(() => false)
      const last = model.ask(second, "k", put("last"))
      assert(last?.is === "stored", `seed ${seed}: ${last?.is}`)
      model.run(10_000)
      assert.deepInclude(model.answer(token) ?? {}, { is: "stored", version: 1 }, `seed ${seed}`)
      for (const member of model.members) {
        const found = model.ask(member, "k", get(true))
        assert(found?.is === "record")
        assert.deepStrictEqual([found.record.value?.content, found.record.version], ["last", 2], `seed ${seed}`)
      }
    }
  })

  it.each([40, 100])("finds what was written last among %i, also where older copies are left over", (size) => {
    for (const seed of [0, 1, 2]) {
      const model = RingModel.make(size, seed)
      model.run(5000)
      for (let at = 0; at < 20; at++) model.ask(pick(model), `key-${at}`, put("old"))
      model.run(60_000)
      model.kill(RingModel.some(model.random, model.members, Math.floor(size / 3)))
      model.repair()
      model.run(60_000)
      for (const value of ["new", "newer"]) {
        for (let at = 0; at < 20; at++) {
          const stored = model.ask(pick(model), `key-${at}`, put(value))
          assert(stored?.is === "stored")
          assert.isAtLeast(stored.holders, Limits.copies)
        }
        for (let at = 0; at < 20; at++) {
          for (const reader of RingModel.some(model.random, model.members.filter(({ alive }) => alive), 10)) {
            const found = model.ask(reader, `key-${at}`, get())
            assert(found?.is === "record")
            assert.strictEqual(found.record.value?.content, value, `seed ${seed}, key-${at}`)
          }
        }
      }
    }
  })

  it("goes around peers that take nothing, and say nothing", () => {
    const model = RingModel.make(60, 2)
    model.run(5000)
    for (let at = 0; at < 20; at++) model.ask(pick(model), `key-${at}`, put(at))
    const mute = new Set(RingModel.some(model.random, model.members, 6))
    model.lose((_, to) => mute.has(to))
    let found = 0
    for (let at = 0; at < 20; at++) {
      const reader = model.members.find((member) => !mute.has(member) && model.random() < 0.2)
      if (reader === undefined) continue
      if (model.ask(reader, `key-${at}`, get())?.is === "record") found++
    }
    assert.strictEqual(found, 20)
  })

  it("asks again by another way when a peer takes requests and answers none", () => {
    const model = RingModel.make(60, 4)
    model.run(5000)
    for (let at = 0; at < 20; at++) model.ask(pick(model), `key-${at}`, put(at))
    const readers = model.members.filter(({ node }) => node.records < 6)
    let asked = 0
    for (const reader of RingModel.some(model.random, readers, 8)) {
      // Each of its neighbours in turn.
      for (const hole of reader.links) {
        model.lose((frame, _, from) => from === hole && frame.type !== "dht-taken")
        for (let at = 0; at < 20; at += 7) {
          asked++
          assert.strictEqual(model.ask(reader, `key-${at}`, get())?.is, "record")
        }
      }
    }
    assert.isAtLeast(asked, 100)
  })

  it("has two who race to a version never both win", () => {
    for (let seed = 0; seed < 20; seed++) {
      const model = RingModel.make(40, seed)
      model.run(5000)
      model.ask(pick(model), "k", put(0))
      const tokens = [model.start(pick(model), "k", put("one", 1)), model.start(pick(model), "k", put("two", 1))]
      model.run(15_000)
      const answers = tokens.map((token) => model.answer(token)?.is)
      assert.deepStrictEqual(answers.toSorted(), ["conflict", "stored"])
    }
  })
})

describe("a subscription among many peers", () => {
  /** A ring, the peers nearest to a key, and two others, far from it. */
  const scene = (seed: number) => {
    const model = RingModel.make(60, seed)
    model.run(5000)
    const order = Circle.sorted(
      positionOf(NetworkName.make("bench"), "k"),
      model.members.map(({ position }) => position.id)
    )
    const members = order.flatMap((id) => model.members.filter(({ position }) => position.id === id))
    const [owner, second, third] = members
    const far = members.slice(30)
    const subscriber = far.find((member) => ![owner, second, third].some((one) => one && member.links.has(one)))
    const writer = far.find((member) => member !== subscriber)
    assert(owner && second && third && subscriber && writer)
    return { model, owner, second, third, subscriber, writer, members }
  }

  it("hears of what is written right after its holder died", () => {
    for (let seed = 0; seed < 5; seed++) {
      const { model, owner, subscriber, writer } = scene(seed)
      const heard = model.subscribe(subscriber, "k")
      model.run(2000)
      model.ask(writer, "k", put(1))
      model.kill([owner])
      model.ask(writer, "k", put(2))
      model.run(2000)
      assert.deepStrictEqual(heard, [1, 2])
    }
  })

  it("is registered anew at once when its own neighbours are others", () => {
    let told = 0
    for (let seed = 0; seed < 10; seed++) {
      const { members, model, owner, second, third, writer } = scene(seed)
      // A neighbour of one of them, and none of those that keep the record.
      const subscriber = members.slice(16).find((member) => member !== writer && member.links.has(owner))
      if (subscriber === undefined) continue
      const heard = model.subscribe(subscriber, "k")
      model.run(2000)
      model.kill([owner, second, third])
      model.repair()
      model.run(3000)
      model.ask(writer, "k", put(1))
      model.run(2000)
      assert.deepStrictEqual(heard, [1])
      told++
    }
    assert.isAtLeast(told, 3)
  })

  it("is served by the nearest alone", () => {
    const { members, model, owner, second, writer } = scene(1)
    const subscriber = members.find((member) => member !== second && member.links.has(owner))
    assert(subscriber)
    model.subscribe(subscriber, "k")
    model.run(2000)
    model.ask(writer, "k", put(1))
    model.run(2000)
    assert.strictEqual(model.sent.get("dht-notice"), 1)
  })
})

describe("a spread", () => {
  it("reaches those behind a peer that dies meanwhile, whichever it is", () => {
    for (let victim = 1; victim < Limits.copies; victim++) {
      const model = RingModel.make(60, 1)
      model.run(5000)
      const ids = model.members.map(({ position }) => position.id)
      const order = Circle.sorted(positionOf(NetworkName.make("bench"), "k"), ids)
      const [owner, gone] = [order[0], order[victim]].map((id) =>
        model.members.find(({ position }) => position.id === id)
      )
      assert(owner && gone)
      // Those further away have nobody behind them, or are not known to be dead.
      if (!owner.links.has(gone)) continue
      const token = model.start(owner, "k", put(1))
      model.run(10)
      model.kill([gone])
      model.run(6000)
      assert.deepStrictEqual(model.answer(token), { is: "stored", version: 1, holders: Limits.copies - 1 })
    }
  })
})

describe("the core", () => {
  const alone: Ways = { nextHop: () => undefined, detour: () => undefined, nearest: () => [peer(1)] }
  const gaming = NetworkName.make("gaming")

  const lonely = () => {
    const node = make({ self: peer(1), networkName: gaming, ways: alone, random: RingModel.generator(1) })
    node.handle(Event.Linked({ peer: peer(2) }), 0)
    return node
  }

  it.prop(
    "stays on its feet whatever a neighbour sends, and answers only in its own name",
    [Schema.Array(Frame)],
    ([frames]) => {
      const node = lonely()
      let now = 0
      for (const frame of frames) {
        if (!("networkName" in frame) || !frame.type.startsWith("dht-")) continue
        now += 10
        const named = { ...frame, networkName: gaming } as DhtFrame
        for (const command of node.handle(Event.Came({ from: peer(2), frame: named }), now)) {
          if (command._tag === "Send") assert.strictEqual(command.to, peer(2))
        }
        for (const command of node.handle(Event.Due(), now + 5)) assert.notStrictEqual(command._tag, "Answered")
      }
    },
    { arbitrary: { seed: 6, runs: 300 } }
  )

  it("says that it has a request when the answer takes a while, and no sooner", () => {
    const ways: Ways = { ...alone, nextHop: () => peer(3) }
    const node = make({ self: peer(1), networkName: gaming, ways, random: RingModel.generator(1) })
    for (const other of [2, 3]) node.handle(Event.Linked({ peer: peer(other) }), 0)
    const request = (id: string): DhtFrame => ({
      type: "dht-request",
      networkName: gaming,
      id,
      origin: peer(2),
      key: "k",
      ask: { op: "get", fresh: false },
      ttl: 9,
      visited: [peer(2)],
      minima: 0
    })
    const typesOf = (commands: ReadonlyArray<Command>) =>
      commands.flatMap((command) => command._tag === "Send" ? [[command.to, command.frame.type]] : [])
    assert.deepStrictEqual(typesOf(node.handle(Event.Came({ from: peer(2), frame: request("slow") }), 0)), [
      [peer(3), "dht-request"]
    ])
    assert.deepStrictEqual(typesOf(node.handle(Event.Due(), Limits.takenDelay - 1)), [])
    assert.deepStrictEqual(typesOf(node.handle(Event.Due(), Limits.takenDelay)), [[peer(2), "dht-taken"]])
    assert.deepStrictEqual(typesOf(node.handle(Event.Due(), Limits.takenDelay + Limits.tick)), [])

    node.handle(Event.Came({ from: peer(2), frame: request("fast") }), 2000)
    const none: DhtFrame = { type: "dht-reply", networkName: gaming, id: "fast", answer: { is: "none" } }
    node.handle(Event.Came({ from: peer(3), frame: none }), 2000 + Limits.takenDelay - 1)
    // Nothing but the way around a peer that never says a word.
    const late = typesOf(node.handle(Event.Due(), 2000 + Limits.takenDelay)).filter(([, type]) => type === "dht-taken")
    assert.deepStrictEqual(late, [])
  })

  it("renews a subscription before it ends", () => {
    const ways: Ways = { ...alone, nextHop: () => peer(2) }
    const node = make({ self: peer(1), networkName: gaming, ways, random: RingModel.generator(1) })
    node.handle(Event.Linked({ peer: peer(2) }), 0)
    const watches = (commands: ReadonlyArray<Command>) =>
      commands.flatMap((command) =>
        command._tag === "Send" && command.frame.type === "dht-request" && command.frame.ask.op === "watch"
          ? [command.frame.id]
          : []
      )
    const [id] = watches(node.handle(Event.Subscribed({ token: 1, key: "k" }), 0))
    assert(id !== undefined)
    const frame = { type: "dht-reply", networkName: gaming, id, answer: { is: "watching" } } as const
    node.handle(Event.Came({ from: peer(2), frame }), 100)
    const dueAt = Math.ceil(node.dueAt)
    assert.isAtMost(dueAt, Limits.lease / 2)
    assert.lengthOf(watches(node.handle(Event.Due(), dueAt)), 1)
  })

  it("tells a neighbour that comes near to a key who watches it", () => {
    const ways: Ways = { ...alone, nearest: () => [peer(1), peer(3)] }
    const node = make({ self: peer(1), networkName: gaming, ways, random: RingModel.generator(1) })
    node.handle(Event.Linked({ peer: peer(2) }), 0)
    const watch = { type: "dht-watch", networkName: gaming, key: "k", subscriber: peer(9), lease: 60_000 } as const
    node.handle(Event.Came({ from: peer(2), frame: watch }), 0)
    node.handle(Event.Linked({ peer: peer(3) }), 1000)
    const commands = node.handle(Event.Due(), Math.ceil(node.dueAt))
    const told = commands.flatMap((command) => command._tag === "Send" ? [[command.to, command.frame.type]] : [])
    assert.deepStrictEqual(told, [[peer(3), "dht-watch"]])
  })

  it("writes no version that others would refuse", () => {
    const node = lonely()
    const ahead = {
      key: "k",
      value: { content: 1 },
      version: Limits.maxAhead,
      writer: peer(2),
      write: "w",
      time: 0,
      ttl: 60_000
    }
    node.handle(Event.Came({ from: peer(2), frame: { type: "dht-records", networkName: gaming, records: [ahead] } }), 0)
    const write = (now: number) =>
      node.handle(Event.Asked({ token: 1, key: "k", ask: put(2) }), now).flatMap((command) =>
        command._tag === "Answered" ? [command.answer?.is] : []
      )
    assert.deepStrictEqual(write(0), ["refused"])
    assert.deepStrictEqual(write(1), ["stored"])
  })

  it("wants to be woken only while there is something to do", () => {
    const node = make({ self: peer(1), networkName: gaming, ways: alone, random: RingModel.generator(1) })
    assert.strictEqual(node.dueAt, Number.POSITIVE_INFINITY)
    node.handle(Event.Linked({ peer: peer(2) }), 0)
    node.handle(Event.Unlinked({ peer: peer(2) }), 0)
    assert.strictEqual(node.dueAt, Number.POSITIVE_INFINITY)
    const [answer] = node.handle(Event.Asked({ token: 1, key: "k", ask: put(1) }), 0)
    assert.deepStrictEqual(answer, Command.Answered({ token: 1, answer: { is: "stored", version: 1, holders: 1 } }))
    assert.isFinite(node.dueAt)
    // All its records end, and so do its rounds.
    let now = 0
    for (let rounds = 0; rounds < 200 && Number.isFinite(node.dueAt); rounds++) {
      now = Math.max(now + 1, node.dueAt)
      node.handle(Event.Due(), now)
    }
    assert.strictEqual(node.dueAt, Number.POSITIVE_INFINITY)
    assert.isAtMost(now, 3_600_000 + 2 * Limits.sweep)
  })
})
