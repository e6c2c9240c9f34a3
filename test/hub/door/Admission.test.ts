import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Nonce, signedBytes } from "../../../src/domain/PeerProof.ts"
import { hubClose } from "../../../src/domain/Signal.ts"
import { Hub } from "../../../src/hub/Hub.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { Identity } from "../../../src/services/Identity.ts"
import { ada, bob, connect, eventually, halfOpen, handshake, join, opcode, rawTcp, type TestPeer } from "../TestPeer.ts"

const start = (options: HubOptions = {}) =>
  Effect.map(Layer.build(Hub.layer({ port: 0, ...options })), Context.get(Hub))

const fresh = Identity.pipe(Effect.provide(Layer.fresh(Identity.layer)))

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const hostOf = (url: string) => new URL(url).host
const taken = { code: 1008, reason: "Peer already connected" }
const takenOver = { code: hubClose.takenOver, reason: "Taken over by a newer connection of the same peer" }

/** A connection that says it can prove itself, and has not yet. */
const able = (url: string, peerId: string) => connect(url, peerId, "/", "&proof=1")

/** The nonce that the hub asks for a proof by: before its greeting or in it. */
const nonceOf = Effect.fnUntraced(function*(peer: TestPeer) {
  const frame = yield* peer.next
  const nonce = frame["type"] === "challenge"
    ? field(frame["data"], "nonce")
    : field(field(frame["data"], "homing"), "challenge")
  return { nonce: Nonce.make(String(nonce)), greeted: frame["type"] === "connected" }
})

interface Forgery {
  readonly host?: string
  readonly nonce?: Nonce
  readonly spoil?: (signature: string) => string
}

/** What a peer answers, or somebody who pretends to be it. */
const proofOf = Effect.fnUntraced(function*(
  { peerId, sign }: Identity["Service"],
  url: string,
  asked: Nonce,
  { host = hostOf(url), nonce = asked, spoil = (signature) => signature }: Forgery = {}
) {
  const signature = yield* sign("hub", signedBytes({ nonce, host, peerId }))
  return { type: "prove", data: { host, signature: spoil(signature) } }
})

/** A peer that comes in and proves its key, whether the hub asks before it greets or then. */
const prove = Effect.fnUntraced(function*(url: string, self: Identity["Service"], forgery?: Forgery) {
  const peer = yield* able(url, self.peerId)
  const { greeted, nonce } = yield* nonceOf(peer)
  yield* peer.send(yield* proofOf(self, url, nonce, forgery))
  return { ...peer, greeted, nonce }
})

/** A peer that is in and has proved its key. */
const proven = Effect.fnUntraced(function*(hub: Hub["Service"], self: Identity["Service"]) {
  const before = yield* hub.stats
  const peer = yield* prove(hub.url, self)
  if (!peer.greeted) yield* peer.until("connected")
  yield* eventually(Effect.map(hub.stats, (after) => after.proven > before.proven))
  return peer
})

describe("a peer that proves its key", () => {
  it.effect("is let in at once, though its old connection stands, silent", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start()
      const self = yield* fresh
      const b = yield* join(url, bob, "red")
      const dead = yield* halfOpen(port, self.peerId)
      // The clock stands still: nothing here waits for anything.
      const back = yield* prove(url, self)
      assert.isFalse(back.greeted)
      yield* back.until("connected")
      yield* back.announce("red")
      yield* dead.until((bytes) => bytes.includes(opcode.close))
      assert.deepInclude(yield* b.next, { type: "peer-discovered" })
      assert.strictEqual((yield* stats).peers, 2)
      yield* back.drain
    }))

  it.effect("is let in without being asked before, and without a message more until it is greeted", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const self = yield* fresh
      const peer = yield* prove(url, self)
      assert.isTrue(peer.greeted)
      assert.deepStrictEqual(yield* peer.drain, [])
    }))

  it.effect("is heard with what it said before it was greeted, in order", () =>
    Effect.gen(function*() {
      const { port, url } = yield* start()
      const self = yield* fresh
      yield* halfOpen(port, self.peerId)
      const b = yield* join(url, bob, "red", "blue")
      const back = yield* able(url, self.peerId)
      yield* back.announce("red")
      yield* back.announce("blue")
      const { nonce } = yield* nonceOf(back)
      yield* back.send(yield* proofOf(self, url, nonce))
      yield* back.until("connected")
      yield* back.drain
      assert.deepStrictEqual(
        (yield* b.drain).map(({ networkName, type }) => [type, networkName]),
        [["peer-discovered", "red"], ["peer-discovered", "blue"]]
      )
    }))

  it.effect("takes its id from whoever proved nothing, alive or not", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const self = yield* fresh
      const squatter = yield* join(url, self.peerId, "red")
      const back = yield* prove(url, self)
      yield* back.until("connected")
      assert.deepStrictEqual(yield* squatter.closed, takenOver)
    }))

  it.effect("takes over from itself, and the older is told", () =>
    Effect.gen(function*() {
      const hub = yield* start()
      const { stats } = hub
      const self = yield* fresh
      const first = yield* proven(hub, self)
      const second = yield* proven(hub, self)
      assert.deepStrictEqual(yield* first.closed, takenOver)
      assert.strictEqual((yield* stats).peers, 1)
      assert.deepStrictEqual(yield* second.drain, [])
    }))

  it.effect("is one of several that come at the same moment: the last that proves it stays", () =>
    Effect.gen(function*() {
      const hub = yield* start()
      const { stats, url } = hub
      const self = yield* fresh
      yield* proven(hub, self)
      const rivals = yield* Effect.all(Array.from({ length: 5 }, () => prove(url, self)), { concurrency: 5 })
      const ends = yield* Effect.forEach(rivals, (rival) => Effect.forkScoped(rival.closed))
      yield* eventually(Effect.sync(() => ends.filter((end) => end.pollUnsafe() !== undefined).length === 4))
      yield* eventually(Effect.map(stats, ({ connections, peers }) => connections === 1 && peers === 1))
    }))
})

describe("an id that was proved", () => {
  it.effect("is not given to a stranger, even when its holder is silent", () =>
    Effect.gen(function*() {
      const hub = yield* start()
      const { stats, url } = hub
      const self = yield* fresh
      const holder = yield* proven(hub, self)
      holder.socket.pause()
      const stranger = yield* connect(url, self.peerId)
      assert.deepStrictEqual(yield* stranger.closed, taken)
      const liar = yield* able(url, self.peerId)
      yield* nonceOf(liar)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* liar.closed, taken)
      assert.strictEqual((yield* stats).refusedBy["peer-id-taken"], 2)
      holder.socket.resume()
      assert.deepStrictEqual(yield* holder.drain, [])
    }))
})

describe("a forged proof", () => {
  const forgeries: ReadonlyArray<
    readonly [name: string, make: (url: string, old: Nonce) => Effect.Effect<Forgery>]
  > = [
    ["of another nonce", (_, old) => Effect.succeed({ nonce: old })],
    ["for another hub", () => Effect.succeed({ host: "hub.example.org" })],
    [
      "with another signature",
      () => Effect.succeed({ spoil: (text) => `${text.slice(0, 50)}${text[50] === "A" ? "B" : "A"}${text.slice(51)}` })
    ],
    [
      "with another signature at its end",
      () =>
        Effect.succeed({ spoil: (text) => `${text.slice(0, 120)}${text[120] === "A" ? "B" : "A"}${text.slice(121)}` })
    ],
    ["of nothing", () => Effect.succeed({ spoil: () => "A".repeat(128) })],
    ["that is cut", () => Effect.succeed({ spoil: (text) => text.slice(0, 100) })],
    ["that is too long", () => Effect.succeed({ spoil: (text) => text.padEnd(60_000, "A") })]
  ]

  it.effect.each(forgeries)("%s does not take an id that lives", ([, make]) =>
    Effect.gen(function*() {
      const hub = yield* start()
      const { url } = hub
      const self = yield* fresh
      const holder = yield* proven(hub, self)
      const forger = yield* prove(url, self, yield* make(url, holder.nonce))
      yield* forger.socket.readyState === forger.socket.OPEN ? TestClock.adjust("2 seconds") : Effect.void
      assert.deepStrictEqual(yield* forger.closed, taken)
      assert.deepStrictEqual(yield* holder.drain, [])
    }))

  it.effect("by another key, or said twice, does not either", () =>
    Effect.gen(function*() {
      const hub = yield* start()
      const { url } = hub
      const [self, other] = [yield* fresh, yield* fresh]
      const holder = yield* proven(hub, self)
      const forger = yield* able(url, self.peerId)
      const { nonce } = yield* nonceOf(forger)
      const host = hostOf(url)
      const signature = yield* other.sign("hub", signedBytes({ nonce, host, peerId: self.peerId }))
      yield* forger.send({ type: "prove", data: { host, signature } })
      // One try is all there is.
      yield* forger.send(yield* proofOf(self, url, nonce))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* forger.closed, taken)
      assert.deepStrictEqual(yield* holder.drain, [])
    }))

  it.effect("is made of the answer to another hub that passes our nonce on", () =>
    Effect.gen(function*() {
      const { url } = yield* start({ proofHosts: ["hub.example.org"] })
      const self = yield* fresh
      const holder = yield* connect(url, self.peerId)
      yield* holder.until("connected")
      // Even if it says, as any program can, that it dialled that other host.
      const forger = yield* prove(url, self, { host: "evil.example.org" })
      yield* forger.until("error")
      assert.deepStrictEqual(yield* forger.closed, taken)
      const owner = yield* prove(url, self, { host: "HUB.example.org:443" })
      yield* owner.until("connected")
      assert.deepStrictEqual(yield* holder.closed, takenOver)
    }))

  it.effect("after the greeting is answered, and changes nothing", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const self = yield* fresh
      const peer = yield* prove(url, self, { spoil: () => "A".repeat(128) })
      assert.include(String((yield* peer.until("error"))["error"]), "not made by the key of your id")
      // It has proved nothing, and so it is taken over from by whoever lives when it does not.
      peer.socket.pause()
      const stranger = yield* connect(url, self.peerId)
      yield* eventually(Effect.map(TestClock.adjust("100 millis"), () => stranger.socket.readyState === 1))
      yield* TestClock.adjust("2 seconds")
      yield* stranger.until("connected")
    }))

  it.effect("that nobody asked for is passed over", () =>
    Effect.gen(function*() {
      const { url } = yield* start()
      const self = yield* fresh
      const peer = yield* join(url, self.peerId)
      yield* peer.send(yield* proofOf(self, url, Nonce.make("n".repeat(22))))
      assert.deepStrictEqual(yield* peer.drain, [])
    }))
})

describe("a newcomer that waits", () => {
  it.effect("cannot fill the hub with what it says meanwhile", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start()
      const holder = yield* join(url, ada)
      const flooder = yield* able(url, ada)
      for (let n = 0; n < 100; n++) yield* flooder.announce(`n${n}`)
      const { code, reason } = yield* flooder.closed
      assert.deepStrictEqual({ code, reason }, { code: 1008, reason: "Too many messages before the greeting" })
      assert.deepStrictEqual(yield* holder.drain, [])
      assert.strictEqual((yield* stats).networks, 0)
    }))

  it.effect("cannot begin with more than a request holds", () =>
    Effect.gen(function*() {
      const { port, stats, url } = yield* start()
      const megabytes = "x".repeat(10 * 1024 * 1024)
      const [line = "", ...rest] = handshake(ada).split("\r\n")
      for (
        const text of [
          [line, `Sec-WebSocket-Protocol: homing, homing.token.${megabytes}`, ...rest],
          [line.replace("?", `?proof=${megabytes}&`), ...rest],
          [line.replace("?", "?proof=1&"), `Host: ${megabytes}`, ...rest]
        ]
      ) {
        const giant = yield* rawTcp(port, text.join("\r\n"))
        yield* giant.closed
      }
      assert.strictEqual((yield* stats).peers, 0)
      yield* join(url, ada)
    }))

  it.effect("may hang up", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start()
      yield* join(url, ada)
      const gone = yield* able(url, ada)
      yield* nonceOf(gone)
      gone.socket.terminate()
      yield* eventually(Effect.map(stats, ({ connections, peers }) => connections === 1 && peers === 1))
    }))
})

describe("requireProof", () => {
  it.effect("lets nobody in who proves nothing", () =>
    Effect.gen(function*() {
      const { stats, url } = yield* start({ requireProof: true })
      const self = yield* fresh
      const needed = { code: 1008, reason: "A proof of the peer's key is needed" }
      assert.deepStrictEqual(yield* (yield* connect(url, ada)).closed, needed)
      assert.deepStrictEqual(
        yield* (yield* prove(url, self, { spoil: () => "A".repeat(128) })).closed,
        needed
      )
      const silent = yield* able(url, ada)
      yield* nonceOf(silent)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* silent.closed, needed)
      const peer = yield* prove(url, self)
      yield* peer.until("connected")
      assert.strictEqual((yield* stats).refusedBy["proof"], 3)
      assert.strictEqual((yield* stats).peers, 1)
    }))
})
