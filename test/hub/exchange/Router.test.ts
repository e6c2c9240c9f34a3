import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Directory from "../../../src/hub/exchange/Directory.ts"
import * as Labels from "../../../src/hub/exchange/Labels.ts"
import * as Lookout from "../../../src/hub/exchange/Lookout.ts"
import * as Registry from "../../../src/hub/exchange/Registry.ts"
import * as Router from "../../../src/hub/exchange/Router.ts"
import * as Traffic from "../../../src/hub/exchange/Traffic.ts"
import * as Limits from "../../../src/hub/Limits.ts"
import { ada, bob, cyd, dan, decodeJson, generator, type Json, nth, random } from "../TestPeer.ts"

const now = 1_234_567
const red = NetworkName.make("red")

/** A router and its peers, with what each was sent. */
const world = () => {
  const traffic = Traffic.make()
  const registry = Registry.make({ random })
  const lookout = Lookout.make({ registry, now: () => now })
  const directory = Directory.make({ registry, waiting: lookout.waiting, now: () => now })
  const labels = Labels.make({ now: () => now, random: () => 0 })
  const router = Router.make({ registry, lookout, directory, labels, traffic, now: () => now })
  const join = (peerId: PeerId, ...networkNames: ReadonlyArray<string>) => {
    let inbox: Array<Json> = []
    let strikes = 0
    let spent = 0
    const sender: Router.Sender = {
      peerId,
      send: (frame) => inbox.push(decodeJson(frame)) > 0,
      afford: (tokens) => (spent += tokens) > 0,
      strike: () => void strikes++
    }
    const say = (message: unknown) => router.receive(sender, JSON.stringify(message))
    for (const networkName of networkNames) say({ type: "announce", networkName })
    return {
      sender,
      say,
      sayText: (text: string) => router.receive(sender, text),
      /** What was sent since one looked last. */
      get inbox() {
        const frames = inbox
        inbox = []
        return frames
      },
      get strikes() {
        return strikes
      },
      get spent() {
        return spent
      }
    }
  }
  return { join, lookout, router, traffic }
}

const offer = (targetPeerId: PeerId, networkName?: string) => ({
  type: "offer",
  data: { type: "offer", sdp: "v=0 and more" },
  targetPeerId,
  ...(networkName === undefined ? {} : { networkName })
})

describe("announce", () => {
  it("introduces the newcomer and the members to each other", () => {
    const { join } = world()
    const a = join(ada)
    const b = join(bob)
    a.say({ type: "announce", data: { peerId: ada, homing: 1 }, networkName: "red" })
    assert.deepStrictEqual(a.inbox, [])
    b.say({ type: "announce", data: { peerId: bob }, networkName: "red", maxPeers: 3 })
    const common = { type: "peer-discovered", networkName: "red", fromPeerId: "system", timestamp: now }
    assert.deepStrictEqual(a.inbox, [{ ...common, data: { peerId: bob, isHub: false }, targetPeerId: ada }])
    assert.deepStrictEqual(b.inbox, [{ ...common, data: { peerId: ada, isHub: false, homing: 1 }, targetPeerId: bob }])
  })

  it("is about whoever's connection it is, whatever it says", () => {
    const { join } = world()
    const a = join(ada, "red")
    join(bob).say({ type: "announce", networkName: "red", data: { peerId: cyd, extra: "x" }, fromPeerId: cyd })
    assert.deepStrictEqual(a.inbox.map((frame) => frame["data"]), [{ peerId: bob, isHub: false }])
  })

  it("without a network is about global", () => {
    const { join } = world()
    const a = join(ada, "global")
    join(bob).say({ type: "announce" })
    assert.strictEqual(a.inbox[0]?.["networkName"], "global")
  })

  it("says nothing to other networks", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "blue")
    assert.deepStrictEqual([a.inbox, b.inbox], [[], []])
  })

  it("again in the same network repeats the introductions", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    assert.deepStrictEqual([a.inbox.length, b.inbox.length], [1, 1])
    b.say({ type: "announce", networkName: "red" })
    assert.deepStrictEqual([a.inbox.length, b.inbox.length], [1, 1])
  })

  it("adds a network and leaves the others as they are", () => {
    const { join } = world()
    const a = join(ada, "red", "blue")
    const b = join(bob, "red")
    const c = join(cyd, "blue")
    assert.strictEqual(a.inbox.length, 2)
    b.say(offer(ada, "red"))
    c.say(offer(ada, "blue"))
    assert.deepStrictEqual(a.inbox.map((frame) => frame["networkName"]), ["red", "blue"])
  })

  it("introduces a bounded number of members, and costs accordingly", () => {
    const { join } = world()
    for (let n = 0; n < Limits.introductions + 20; n++) join(nth(n), "red")
    const a = join(ada, "red")
    assert.strictEqual(a.inbox.length, Limits.introductions)
    assert.strictEqual(a.spent, Limits.fanOutCost)
  })

  it("of a thousand peers in one network costs no more than 45 messages each, and so does leaving on average", () => {
    const { join } = world()
    const draw = generator(7)
    const peers: Array<ReturnType<typeof join>> = []
    let total = 0
    for (let n = 0; n < 1000; n++) {
      const id = Array.from({ length: 40 }, () => Math.floor(draw() * 16).toString(16)).join("")
      const before = peers.length
      peers.push(join(PeerId.make(id), "red"))
      const messages = peers.reduce((sum, peer) => sum + peer.inbox.length, 0)
      assert.isAtMost(messages, 44, `of the join of ${before}`)
      total += messages
    }
    assert.isAtLeast(total / 1000, 35)
    const told = peers.map((peer) => {
      peer.say({ type: "leave", networkName: "red" })
      return peers.reduce((sum, other) => sum + other.inbox.length, 0)
    })
    assert.isAtMost(Math.max(...told), Limits.acquaintances)
    assert.isAtMost(told.reduce((sum, each) => sum + each, 0) / 1000, 45)
  })

  it("in too many networks is refused", () => {
    const { join } = world()
    const a = join(ada, ...Array.from({ length: Limits.networksPerPeer + 1 }, (_, n) => `net-${n}`))
    const [frame] = a.inbox
    assert.strictEqual(frame?.["type"], "error")
    assert.include(frame?.["error"], `net-${Limits.networksPerPeer}`)
  })
})

describe("relay", () => {
  it.each(["offer", "answer", "ice-candidate"])("passes an %s on with its data untouched", (type) => {
    const { join, traffic } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    void a.inbox
    const data = { any: [1, null, "ü"], nested: { deep: true }, "": 0 }
    b.say({ type, data, targetPeerId: ada, networkName: "red", maxPeers: 3 })
    assert.deepStrictEqual(a.inbox, [
      { type, data, fromPeerId: bob, targetPeerId: ada, networkName: "red", timestamp: now }
    ])
    assert.strictEqual(traffic.relayed, 1)
  })

  it("stamps the sender of the connection over a forged one", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    void a.inbox
    b.say({ ...offer(ada, "red"), fromPeerId: cyd, timestamp: 1 })
    assert.deepStrictEqual(a.inbox.map((frame) => [frame["fromPeerId"], frame["timestamp"]]), [[bob, now]])
  })

  it("keeps the order of a pair", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    void a.inbox
    for (let n = 0; n < 50; n++) b.say({ type: "ice-candidate", data: n, targetPeerId: ada, networkName: "red" })
    assert.deepStrictEqual(a.inbox.map((frame) => frame["data"]), Array.from({ length: 50 }, (_, n) => n))
  })

  it("reaches nobody from outside the network, nor across two networks", () => {
    const { join, traffic } = world()
    const a = join(ada, "red")
    const stranger = join(bob, "blue")
    const unannounced = join(cyd)
    stranger.say(offer(ada, "red"))
    stranger.say(offer(ada, "blue"))
    stranger.say(offer(ada))
    unannounced.say(offer(ada, "red"))
    assert.deepStrictEqual(a.inbox, [])
    assert.strictEqual(traffic.relayed, 0)
    assert.strictEqual(traffic.refused, 4)
  })

  it("says why it failed, and the same whether the target is elsewhere or nowhere", () => {
    const { join } = world()
    join(ada, "red")
    const b = join(bob, "blue")
    b.say(offer(ada, "blue"))
    b.say(offer(dan, "blue"))
    const [elsewhere, nowhere] = b.inbox.map((frame) => String(frame["error"]))
    assert.include(elsewhere, "no peer aaaaaaaa is in the network blue")
    assert.strictEqual(elsewhere?.replace("aaaaaaaa", "dddddddd"), nowhere)
    b.say(offer(ada, "red"))
    assert.include(b.inbox[0]?.["error"], "announce yourself in the network red first")
  })

  it("passes on a rejection for lack of room or with a mark, and no other", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    void [a.inbox, b.inbox]
    const reject = (data: unknown) =>
      b.say({ type: "connection-rejected", data, targetPeerId: ada, networkName: "red" })
    reject({ reason: "max_peers_reached", details: "full", currentCount: 3, maxPeers: 3 })
    reject({ reason: "initiator_role_conflict", homing: { version: 1, attempt: "x" } })
    assert.strictEqual(a.inbox.length, 2)
    reject({ reason: "initiator_role_conflict", details: "no", shouldInitiate: false })
    reject({ reason: "initiator_role_conflict", homing: true })
    reject(null)
    assert.deepStrictEqual(a.inbox, [])
    assert.strictEqual(b.inbox.length, 3)
    assert.strictEqual(b.strikes, 0)
  })
})

describe("leaving", () => {
  it("a network with a goodbye tells that network and no other", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "blue")
    const c = join(cyd, "red", "blue")
    void [a.inbox, b.inbox, c.inbox]
    c.say({ type: "goodbye", data: { peerId: dan, spam: "x".repeat(1000) }, networkName: "red" })
    assert.deepStrictEqual(a.inbox, [
      {
        type: "goodbye",
        data: { peerId: cyd, timestamp: now },
        fromPeerId: cyd,
        networkName: "red",
        timestamp: now,
        targetPeerId: ada
      },
      {
        type: "peer-disconnected",
        data: { peerId: cyd, isHub: false },
        networkName: "red",
        fromPeerId: "system",
        timestamp: now,
        targetPeerId: ada
      }
    ])
    assert.deepStrictEqual(b.inbox, [])
    c.say(offer(ada, "red"))
    c.say(offer(bob, "blue"))
    assert.deepStrictEqual([a.inbox.length, b.inbox.length], [0, 1])
  })

  it("with a goodbye that names no network leaves them all", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "blue")
    const c = join(cyd, "red", "blue")
    void [a.inbox, b.inbox]
    c.say({ type: "goodbye", data: { reason: "peer_disconnect" } })
    assert.deepStrictEqual(
      [a.inbox, b.inbox].map((frames) => frames.map((frame) => [frame["type"], frame["networkName"]])),
      [
        [["goodbye", "red"], ["peer-disconnected", "red"]],
        [["goodbye", "blue"], ["peer-disconnected", "blue"]]
      ]
    )
  })

  it("with a leave tells that network that one is gone, without a goodbye, once", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "blue")
    const c = join(cyd, "red", "blue")
    void [a.inbox, b.inbox, c.inbox]
    const before = c.spent
    c.say({ type: "leave", networkName: "red", data: { peerId: ada } })
    c.say({ type: "leave", networkName: "red" })
    assert.strictEqual(c.spent - before, 2 * Limits.fanOutCost)
    assert.deepStrictEqual(a.inbox, [
      {
        type: "peer-disconnected",
        data: { peerId: cyd, isHub: false },
        networkName: "red",
        fromPeerId: "system",
        timestamp: now,
        targetPeerId: ada
      }
    ])
    assert.deepStrictEqual(b.inbox, [])
    c.say(offer(ada, "red"))
    c.say(offer(bob, "blue"))
    assert.deepStrictEqual([a.inbox.length, b.inbox.length], [0, 1])
  })

  it("by a lost connection is no goodbye, and is told in its networks alone", () => {
    const { join, router } = world()
    const a = join(ada, "red")
    const b = join(bob, "blue")
    const c = join(cyd, "red")
    void [a.inbox, b.inbox]
    router.lost(c.sender)
    router.lost(c.sender)
    assert.deepStrictEqual(a.inbox.map((frame) => frame["type"]), ["peer-disconnected"])
    assert.deepStrictEqual(b.inbox, [])
  })

  it("a network that one is not in does nothing", () => {
    const { join } = world()
    const a = join(ada, "red")
    join(bob, "blue").say({ type: "goodbye", networkName: "red" })
    assert.deepStrictEqual(a.inbox, [])
  })
})

describe("watching", () => {
  it("is answered at once, costs like an announcement, and makes nobody a member", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob)
    void a.inbox
    b.say({ type: "watch", networkName: "red", data: { waiting: true } })
    assert.deepStrictEqual(b.inbox, [
      {
        type: "network-counts",
        data: { present: 1, waiting: 0 },
        networkName: "red",
        fromPeerId: "system",
        timestamp: now
      }
    ])
    assert.strictEqual(b.spent, Limits.fanOutCost)
    b.say(offer(ada, "red"))
    assert.deepStrictEqual(a.inbox, [])
    assert.include(b.inbox[0]?.["error"], "announce yourself in the network red first")
    a.say(offer(bob, "red"))
    assert.deepStrictEqual(b.inbox, [])
  })

  it("so many networks is the limit, which one can make room for", () => {
    const { join } = world()
    const a = join(ada)
    const watch = (n: number) => a.say({ type: "watch", networkName: `net-${n}` })
    for (let n = 0; n <= Limits.watchesPerPeer; n++) watch(n)
    const refusal = a.inbox.at(-1)
    assert.strictEqual(refusal?.["type"], "error")
    assert.include(refusal?.["error"], `net-${Limits.watchesPerPeer}`)
    assert.strictEqual(a.strikes, 0)
    a.say({ type: "unwatch", networkName: "net-0" })
    watch(Limits.watchesPerPeer)
    assert.deepStrictEqual(a.inbox.map((frame) => frame["type"]), ["network-counts"])
  })

  it("ends with the connection, and with a goodbye that names no network", () => {
    const { join, lookout, router } = world()
    const a = join(ada, "global")
    const wait = () => a.say({ type: "watch", networkName: "red", data: { waiting: true } })
    const waiting = () => lookout.waiting(red)
    wait()
    assert.strictEqual(waiting(), 1)
    a.say({ type: "goodbye", networkName: "global" })
    assert.strictEqual(waiting(), 1)
    a.say({ type: "goodbye" })
    assert.strictEqual(waiting(), 0)
    wait()
    router.lost(a.sender)
    assert.strictEqual(waiting(), 0)
  })

  it("counts who waits by connection, whatever a frame says and however often", () => {
    const { join, lookout } = world()
    const a = join(ada)
    for (const fromPeerId of [bob, cyd, dan, ada]) {
      a.say({ type: "watch", networkName: "red", data: { waiting: true, peerId: fromPeerId }, fromPeerId })
    }
    assert.strictEqual(lookout.waiting(red), 1)
    join(bob).say({ type: "unwatch", networkName: "red", fromPeerId: ada, targetPeerId: ada })
    assert.strictEqual(lookout.waiting(red), 1)
    a.say({ type: "watch", networkName: "red" })
    assert.strictEqual(lookout.waiting(red), 0)
  })
})

describe("networks", () => {
  it("lists them, and costs like an announcement", () => {
    const { join } = world()
    join(ada, "red", "blue")
    join(bob, "red")
    const c = join(cyd)
    c.say({ type: "networks" })
    assert.deepStrictEqual(c.inbox, [
      {
        type: "networks",
        data: {
          networks: [
            { name: "red", present: 2, waiting: 0 },
            { name: "blue", present: 1, waiting: 0 }
          ]
        },
        fromPeerId: "system",
        timestamp: now
      }
    ])
    assert.strictEqual(c.spent, Limits.fanOutCost)
  })
})

describe("everything else", () => {
  it("answers a ping", () => {
    const a = world().join(ada)
    a.say({ type: "ping", data: "anything" })
    assert.deepStrictEqual(a.inbox, [
      { type: "pong", data: { timestamp: now }, fromPeerId: "system", timestamp: now, targetPeerId: ada }
    ])
  })

  it("ignores cleanups", () => {
    const a = world().join(ada)
    a.say({ type: "cleanup", data: { peerId: bob }, targetPeerId: bob })
    a.say({ type: "cleanup-all", data: {} })
    assert.deepStrictEqual(a.inbox, [])
  })

  it.each(["renegotiation-offer", "toString", "__proto__", ""])(
    "answers the unknown type %j without a strike",
    (type) => {
      const a = world().join(ada)
      a.sayText(`{"type":${JSON.stringify(type)}}`)
      assert.include(a.inbox[0]?.["error"], "Unknown type")
      assert.strictEqual(a.strikes, 0)
    }
  )

  it.each<[string, string]>([
    ["no json", "expected JSON"],
    ["", "expected JSON"],
    ["null", "expected a JSON object with a type"],
    ["[1]", "expected a JSON object with a type"],
    ["{\"type\":7}", "expected a JSON object with a type"],
    ["{\"type\":\"offer\"}", "\"data\""],
    ["{\"type\":\"offer\",\"data\":1}", "\"targetPeerId\""],
    [`{"type":"offer","data":1,"targetPeerId":"short"}`, "40 hexadecimal digits at [\"targetPeerId\"]"],
    [`{"type":"announce","networkName":"a/b"}`, "\"networkName\""],
    [`{"type":"announce","data":{"homing":"x"}}`, "[\"data\"][\"homing\"]"]
  ])("says what is wrong with %j, and notes a strike", (text, problem) => {
    const a = world().join(ada)
    a.sayText(text)
    const [frame] = a.inbox
    assert.strictEqual(frame?.["type"], "error")
    assert.include(frame?.["error"], problem)
    assert.isAtMost(String(frame?.["error"]).length, Limits.errorLength)
    assert.strictEqual(a.strikes, 1)
  })

  it("survives data that is nested too deeply to be written", () => {
    const { join } = world()
    const a = join(ada, "red")
    const b = join(bob, "red")
    void [a.inbox, b.inbox]
    const deep = "[".repeat(200_000) + "]".repeat(200_000)
    b.sayText(`{"type":"offer","targetPeerId":"${ada}","networkName":"red","data":${deep}}`)
    assert.deepStrictEqual(a.inbox, [])
    assert.include(b.inbox[0]?.["error"], "nested too deeply")
  })

  it.prop("never throws and never reaches a bystander, whatever JSON comes", [Schema.Json], ([json]) => {
    const { join } = world()
    const bystander = join(ada, "red")
    const a = join(bob)
    a.say(json)
    a.say({ type: "offer", data: json, targetPeerId: json })
    a.say({ type: "announce", data: json, networkName: "blue" })
    a.say({ type: "goodbye", data: json })
    for (const type of ["leave", "watch", "unwatch", "networks"]) a.say({ type, data: json, networkName: json })
    a.say({ type: "watch", data: json, networkName: "red" })
    assert.deepStrictEqual(bystander.inbox, [])
  }, { arbitrary: { seed: 1 } })
})
