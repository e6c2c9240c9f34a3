import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import type { Envelope } from "../../../src/hub/backplane/HubMessage.ts"
import * as Relay from "../../../src/hub/federation/Relay.ts"
import { nth } from "../TestPeer.ts"

const chess = NetworkName.make("chess")
const silence = 11_000

interface Node {
  readonly relay: Relay.Relay
  readonly delivered: Array<Envelope>
}

interface Wire {
  readonly from: number
  readonly to: number
  readonly text: string
  readonly take: (text: string) => void
}

/** Relays with wires between them, which carry nothing before they are told to. */
const makeTown = (count: number) => {
  let time = 1000
  const under: Array<Wire> = []
  /** How often each hub was given each signal to act on. */
  const handled = new Map<string, number>()
  const nodes = Array.from({ length: count }, (_, index): Node => {
    const delivered: Array<Envelope> = []
    const relay = Relay.make({
      hub: nth(9000 + index),
      incarnation: 1,
      silence,
      now: () => time,
      changed: () => undefined,
      house: {
        deliver(envelope) {
          delivered.push(envelope)
          return true
        },
        undelivered: () => undefined,
        labelled: () => undefined,
        claimed: () => undefined,
        hear: () => undefined,
        about: () => ({}),
        visit: () => ({ say: () => undefined, leave: () => undefined })
      }
    })
    return { relay, delivered }
  })
  const node = (index: number): Node => {
    const found = nodes[index]
    if (found === undefined) throw new Error(`no hub ${index}`)
    return found
  }
  const link = (a: number, b: number, carrier: Relay.Carrier = "websocket") => {
    let open = true
    const ends: Array<Relay.Linked> = []
    const end = (from: number, to: number, far: () => Relay.Linked | undefined) =>
      node(from).relay.linked(nth(9000 + to), {
        carrier,
        send(text) {
          if (open) under.push({ from, to, text, take: (text) => open && far()?.receive(text) })
          return open
        },
        close: () => cut(),
        pause: () => undefined,
        resume: () => undefined
      })
    const cut = () => {
      open = false
      for (const each of ends) each.unlink()
    }
    ends.push(end(a, b, () => ends[1]))
    ends.push(end(b, a, () => ends[0]))
    return { cut }
  }
  const settle = () => {
    for (let wire = under.shift(); wire !== undefined; wire = under.shift()) {
      if (wire.text.includes("\"type\":\"signal\"")) {
        const key = `${wire.to} ${wire.text.slice(0, 200)}`
        handled.set(key, (handled.get(key) ?? 0) + 1)
      }
      wire.take(wire.text)
    }
  }
  const beat = (millis = 2000) => {
    time += millis
    for (const { relay } of nodes) relay.beat()
    settle()
  }
  const send = (from: number, to: number, frame: string) =>
    node(from).relay.elsewhere.send({ network: chess, from: nth(from), target: nth(to), frame })
  for (const [index, { relay }] of nodes.entries()) {
    relay.beat()
    relay.elsewhere.joined(chess, nth(index), {})
  }
  return { nodes, node, link, settle, beat, send, handled, under, pass: (millis: number) => void (time += millis) }
}

const Graph = Schema.Struct({
  hubs: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 10 })),
  links: Schema.Array(Schema.Tuple([
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
  ])).check(Schema.isMaxLength(20))
})

describe("hubs linked in any way", () => {
  it.prop("hand each signal to its hub once, whoever sends to whomever", [Graph], ([{ hubs, links }]) => {
    const town = makeTown(hubs)
    // A tree, so that all are connected, and whatever else there is.
    for (let index = 1; index < hubs; index++) town.link(index, Math.floor((index - 1) / 2))
    for (const [a, b] of links) if (a !== b && a < hubs && b < hubs) town.link(a, b)
    town.settle()
    for (let round = 0; round < 4; round++) town.beat()
    for (let from = 0; from < hubs; from++) {
      for (let to = 0; to < hubs; to++) {
        if (from !== to) assert.isTrue(town.send(from, to, `${from} to ${to}`), `${from} to ${to}`)
      }
    }
    town.settle()
    for (const [index, { delivered, relay }] of town.nodes.entries()) {
      assert.deepStrictEqual(
        delivered.map(({ frame }) => frame).toSorted(),
        Array.from({ length: hubs }, (_, from) => `${from} to ${index}`).filter((_, from) => from !== index).toSorted()
      )
      assert.deepStrictEqual([relay.counts.lost, relay.counts.repeated, relay.counts.malformed], [0, 0, 0])
    }
    for (const [key, count] of town.handled) assert.strictEqual(count, 1, key)
  }, { arbitrary: { seed: "relay", runs: 100 } })

  it("keep one way as long as it is good, so that signals stay in order", () => {
    const town = makeTown(4)
    // From 0 to 3 by 1 or by 2.
    for (const [a, b] of [[0, 1], [1, 3], [0, 2], [2, 3]] as const) town.link(a, b)
    town.settle()
    for (let round = 0; round < 10; round++) {
      town.beat()
      town.send(0, 3, `${round}`)
      town.settle()
    }
    assert.strictEqual(town.node(3).delivered.length, 10)
    const by = town.nodes.slice(1, 3).map(({ relay }) => relay.counts.forwarded)
    assert.deepStrictEqual(by.toSorted(), [0, 10])
  })

  it("take another way at once when the one is gone", () => {
    const town = makeTown(4)
    const first = town.link(0, 1)
    town.link(1, 3)
    town.link(0, 2)
    town.link(2, 3)
    town.settle()
    for (let round = 0; round < 3; round++) town.beat()
    first.cut()
    assert.isTrue(town.send(0, 3, "around"))
    town.settle()
    assert.deepStrictEqual(town.node(3).delivered.map(({ frame }) => frame), ["around"])
  })

  it("use WebRTC before a socket, and the socket when that is gone", () => {
    const town = makeTown(2)
    town.link(0, 1)
    const webrtc = town.link(0, 1, "webrtc")
    town.settle()
    assert.deepStrictEqual(town.node(0).relay.hubs.map(({ connection }) => connection), ["webrtc"])
    town.beat()
    webrtc.cut()
    assert.deepStrictEqual(town.node(0).relay.hubs.map(({ connection }) => connection), ["websocket"])
    assert.isTrue(town.send(0, 1, "still"))
    town.settle()
    assert.strictEqual(town.node(1).delivered.length, 1)
  })

  it("let a signal for nobody die, and one that comes twice", () => {
    const town = makeTown(3)
    town.link(0, 1)
    town.link(1, 2)
    town.settle()
    town.beat()
    assert.isFalse(town.send(0, 77, "nobody"))
    assert.strictEqual(town.under.length, 0)
    assert.isTrue(town.send(0, 2, "once"))
    const [wire] = town.under
    if (wire === undefined) throw new Error("it is under way")
    wire.take(wire.text)
    town.settle()
    assert.strictEqual(town.node(2).delivered.length, 1)
    assert.strictEqual(town.node(1).relay.counts.repeated, 1)
  })

  it("give a link up by which nothing comes any more", () => {
    const town = makeTown(2)
    let closed = 0
    town.node(0).relay.linked(nth(9001), {
      carrier: "websocket",
      send: () => true,
      close: () => void closed++,
      pause: () => undefined,
      resume: () => undefined
    })
    town.pass(silence)
    town.node(0).relay.beat()
    assert.strictEqual(closed, 0)
    town.pass(1)
    town.node(0).relay.beat()
    assert.strictEqual(closed, 1)
  })

  it("count what they cannot read, and nothing else comes of it", () => {
    const town = makeTown(2)
    const linked = town.node(0).relay.linked(nth(9001), {
      carrier: "websocket",
      send: () => true,
      close: () => undefined,
      pause: () => undefined,
      resume: () => undefined
    })
    for (const text of ["", "{", "[]", "{\"type\":\"beat\"}", "{\"type\":\"dance\"}", "null"]) linked.receive(text)
    assert.strictEqual(town.node(0).relay.counts.malformed, 6)
    assert.deepStrictEqual(town.node(0).relay.hubs, [])
  })
})
