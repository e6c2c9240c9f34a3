/** The core at many peers, over an ideal ring: what the bench measures, small enough for a test. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { DhtFrame } from "../../../src/domain/DhtFrame.ts"
import { Frame } from "../../../src/domain/Frame.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
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
