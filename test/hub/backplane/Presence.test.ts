import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as NetworkName from "../../../src/domain/NetworkName.ts"
import type { PeerId } from "../../../src/domain/PeerId.ts"
import * as HubMessage from "../../../src/hub/backplane/HubMessage.ts"
import * as Presence from "../../../src/hub/backplane/Presence.ts"
import { nth } from "../TestPeer.ts"

const chess = NetworkName.NetworkName.make("chess")
const draughts = NetworkName.NetworkName.make("draughts")
const silence = 12_000

/** Hubs with a clock of their own making. */
const hubsOf = (count: number) => {
  let time = 1000
  const hubs = Array.from(
    { length: count },
    (_, index) => Presence.make({ hub: nth(9000 + index), incarnation: 1, silence, now: () => time })
  )
  return { hubs, pass: (millis: number) => void (time += millis), now: () => time }
}

const two = () => {
  const { hubs: [a, b], ...clock } = hubsOf(2)
  if (a === undefined || b === undefined) throw new Error("two hubs were made")
  return { a, b, ...clock }
}

/** Says something to a hub, and has whom it came from answer, until there is nothing left to say. */
const say = (
  from: Presence.Presence,
  to: Presence.Presence,
  message: HubMessage.PresenceMessage
): Array<Presence.News> => {
  const { news, replies } = to.hear(message)
  return [...news, ...replies.flatMap((reply) => from.hear(reply).replies.flatMap((answer) => say(from, to, answer)))]
}

const tags = (news: ReadonlyArray<Presence.News>) => news.map(({ _tag }) => _tag)

/** What a hub knows, in a form that can be compared. */
const view = (presence: Presence.Presence) =>
  presence.roster.networkNames.toSorted().map((name) => ({
    name,
    waiting: presence.roster.waiting(name),
    members: presence.roster.members(name).map(({ hub, peerId }) => `${peerId} at ${hub}`).toSorted()
  }))

describe("a hub's presence", () => {
  it("is told by deltas, in order, once", () => {
    const { a, b } = two()
    say(a, b, a.beat({}))
    a.put(chess, nth(1), { homing: 1 })
    a.put(chess, nth(2), {})
    const [delta] = a.flush()
    assert.isDefined(delta)
    if (delta === undefined) return
    assert.deepStrictEqual(tags(b.hear(delta).news), ["Arrived", "Arrived"])
    assert.deepStrictEqual(b.hear(delta).news, [])
    assert.strictEqual(b.roster.members(chess).length, 2)
    assert.deepStrictEqual(b.roster.locate(chess, nth(1), b.hub), { peerId: nth(1), facts: { homing: 1 }, hub: a.hub })
    a.drop(chess, nth(1), true)
    const news = a.flush().flatMap((delta) => b.hear(delta).news)
    assert.deepStrictEqual(news, [{ _tag: "Departed", networkName: chess, peerId: nth(1), farewell: true }])
    assert.strictEqual(b.roster.members(chess).length, 1)
  })

  it("is asked for when a delta was lost, and has the few from the log", () => {
    const { a, b } = two()
    say(a, b, a.beat({}))
    a.put(chess, nth(1), {})
    a.flush()
    a.put(chess, nth(2), {})
    const [second] = a.flush()
    if (second === undefined) throw new Error("there is a delta")
    const heard = b.hear(second)
    assert.deepStrictEqual(heard.replies, [{ type: "want", hub: a.hub, incarnation: 1, since: 0 }])
    assert.deepStrictEqual(heard.news, [])
    const answers = heard.replies.flatMap((want) => a.hear(want).replies)
    assert.deepStrictEqual(answers.map(({ type }) => type), ["delta"])
    for (const answer of answers) b.hear(answer)
    assert.deepStrictEqual(view(b), view(a))
  })

  it("is told whole, in parts, to a hub that comes late", () => {
    const { a, b } = two()
    // More changes than a log keeps.
    for (let n = 0; n < 10_000; n++) a.put(chess, nth(n % 1000), {})
    a.wait(draughts, 3)
    a.flush()
    const news = say(a, b, a.beat({}))
    assert.strictEqual(b.roster.members(chess).length, 1000)
    assert.strictEqual(b.roster.waiting(draughts), 3)
    assert.strictEqual(news.filter((item) => item._tag === "Arrived" && item.bulk).length, 1000)
    assert.deepStrictEqual(view(b), view(a))
  })

  it("takes a state over that lacks what was there", () => {
    const { a, b, pass } = two()
    a.put(chess, nth(1), {})
    a.put(chess, nth(2), {})
    a.flush()
    say(a, b, a.beat({}))
    a.drop(chess, nth(1), false)
    for (let n = 0; n < 10_000; n++) a.put(chess, nth(2), {})
    a.flush()
    pass(2000)
    const news = say(a, b, a.beat({}))
    assert.deepStrictEqual(tags(news), ["Departed"])
    assert.deepStrictEqual(view(b), view(a))
  })

  it("is forgotten after silence, with the peers, and comes back whole", () => {
    const { a, b, pass } = two()
    a.put(chess, nth(1), {})
    a.flush()
    const last = a.beat({})
    say(a, b, last)
    pass(silence)
    assert.deepStrictEqual(b.tick(), [])
    pass(1)
    assert.deepStrictEqual(tags(b.tick()), ["Departed", "HubWent"])
    assert.deepStrictEqual(b.hubs, [])
    // Old word of it, from somebody who heard it later, does not raise it.
    assert.deepStrictEqual(b.hear(last).news, [])
    assert.deepStrictEqual(tags(say(a, b, a.beat({}))), ["HubCame", "Arrived"])
    assert.deepStrictEqual(view(b), view(a))
  })

  it("of a hub that is started anew replaces that of its last life", () => {
    const { a, b, now } = two()
    a.put(chess, nth(1), {})
    a.flush()
    const old = a.beat({})
    say(a, b, old)
    const anew = Presence.make({ hub: a.hub, incarnation: 2, silence, now })
    anew.put(chess, nth(2), {})
    anew.flush()
    assert.deepStrictEqual(
      tags(say(anew, b, anew.beat({}))),
      ["Departed", "HubWent", "HubCame", "Arrived"]
    )
    assert.deepStrictEqual(say(a, b, a.beat({})), [])
    assert.deepStrictEqual(view(b), view(anew))
    // And it is told when another has its id.
    assert.deepStrictEqual(a.hear(anew.beat({})).news, [{ _tag: "Twin" }])
  })

  it("ends at once with a farewell", () => {
    const { a, b } = two()
    a.put(chess, nth(1), {})
    a.flush()
    const last = a.beat({})
    say(a, b, last)
    assert.deepStrictEqual(tags(b.hear(a.farewell()).news), ["Departed", "HubWent"])
    assert.deepStrictEqual(b.hear(a.beat({})).news, [])
  })

  it("counts a peer once that two hubs hold, and knows where it came last", () => {
    const { a, b } = two()
    a.put(chess, nth(1), {})
    a.flush()
    say(a, b, a.beat({}))
    b.put(chess, nth(1), {})
    assert.deepStrictEqual(b.roster.members(chess), [{ peerId: nth(1), facts: {}, hub: b.hub }])
    assert.strictEqual(b.roster.locate(chess, nth(1), b.hub)?.hub, a.hub)
    b.drop(chess, nth(1), false)
    assert.deepStrictEqual(b.roster.members(chess), [{ peerId: nth(1), facts: {}, hub: a.hub }])
  })
})

// ---------------------------------------------------------------------------------------------------
// whatever happens to messages
// ---------------------------------------------------------------------------------------------------

const Step = Schema.Struct({
  kind: Schema.Literals(["put", "drop", "wait", "flush", "beat", "deliver", "repeat", "lose"]),
  who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 })),
  which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))
})
const Life = Schema.Array(Step).check(Schema.isMaxLength(300))

interface Packet {
  readonly from: number
  readonly to: number
  readonly message: HubMessage.PresenceMessage
}

describe("hubs whose messages are lost, repeated and out of order", () => {
  it.prop("agree in the end, and on the truth", [Life], ([steps]) => {
    const { hubs, pass } = hubsOf(4)
    const bag: Array<Packet> = []
    const truth = new Map<string, PeerId>()
    const tellAll = (from: number, messages: ReadonlyArray<HubMessage.PresenceMessage>) => {
      for (const message of messages) hubs.forEach((_, to) => to === from || bag.push({ from, to, message }))
    }
    const deliver = ({ from, message, to }: Packet) => {
      const heard = hubs[to]?.hear(message)
      for (const reply of heard?.replies ?? []) bag.push({ from: to, to: from, message: reply })
    }
    for (const { kind, what, which, who } of steps) {
      const hub = hubs[who]
      if (hub === undefined) continue
      pass(7)
      const networkName = what % 2 === 0 ? chess : draughts
      // No peer is at two hubs here: where it came last is a matter of time.
      const peer = nth(who * 100 + what)
      const packet = which % Math.max(1, bag.length)
      switch (kind) {
        case "put":
          hub.put(networkName, peer, {})
          truth.set(`${networkName} ${peer}`, hub.hub)
          break
        case "drop":
          hub.drop(networkName, peer, false)
          truth.delete(`${networkName} ${peer}`)
          break
        case "wait":
          hub.wait(networkName, what)
          break
        case "flush":
          tellAll(who, hub.flush())
          break
        case "beat":
          tellAll(who, [hub.beat({})])
          break
        case "deliver":
          for (const chosen of bag.splice(packet, 1)) deliver(chosen)
          break
        case "repeat":
          for (const chosen of bag.slice(packet, packet + 1)) deliver(chosen)
          break
        case "lose":
          bag.splice(packet, 1)
      }
    }
    // In the end messages arrive, though still in no order: the last first.
    for (let round = 0; round < 4; round++) {
      pass(2000)
      hubs.forEach((hub, who) => tellAll(who, [...hub.flush(), hub.beat({})]))
      for (let packet = bag.pop(); packet !== undefined; packet = bag.pop()) deliver(packet)
    }
    const [first, ...others] = hubs.map(view)
    for (const other of others) assert.deepStrictEqual(other, first)
    assert.deepStrictEqual(
      (first ?? []).flatMap(({ members, name }) => members.map((member) => `${name} ${member}`)).toSorted(),
      Array.from(truth, ([key, hub]) => `${key} at ${hub}`).toSorted()
    )
  }, { arbitrary: { seed: "presence", runs: 300 } })
})

describe("messages between hubs", () => {
  it.prop("are read as they were written", [HubMessage.HubMessage], ([message]) => {
    assert.deepStrictEqual(
      HubMessage.decode(HubMessage.encode(message)),
      HubMessage.decode(JSON.stringify(JSON.parse(HubMessage.encode(message))))
    )
    const read = HubMessage.decode(HubMessage.encode(message))
    assert.strictEqual(read._tag, "Success")
  }, { arbitrary: { seed: "messages", runs: 200 } })
})
