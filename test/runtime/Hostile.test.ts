/** Neighbours are strangers: whatever one sends, nobody else is harmed and nothing false is delivered. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Stream } from "effect"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { elapse, mesh, peer, simulate, world } from "../support/simulation.ts"
import { stranger } from "../support/stranger.ts"

const gaming = NetworkName.make("gaming")
/** Smaller than any id in these tests, so that others dial it. */
const evil = peer(0)

/** Two honest peers and a stranger in a network; what the first hears is kept. */
const scene = Effect.gen(function*() {
  const [ada, bob] = [yield* mesh(1), yield* mesh(2)]
  const heard: Array<MeshEvent> = []
  yield* ada.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => void heard.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* ada.join
  yield* elapse(1)
  const other = yield* stranger(evil, gaming)
  yield* elapse(2)
  yield* bob.join
  yield* elapse(2)
  const channel = yield* other.channel
  const messages = () => heard.filter((event) => event._tag === "Message")
  return { ada, bob, channel, other, messages }
})

let count = 0
const gossip = (from: PeerId, fields: object = {}) => ({
  type: "gossip",
  id: `forged-${++count}`,
  subtype: "chat",
  content: "gotcha",
  from,
  networkName: "gaming",
  timestamp: 0,
  ttl: 40,
  path: [from],
  ...fields
})

describe("a hostile neighbour", () => {
  it.effect("can speak for itself, and for nobody else", () =>
    Effect.gen(function*() {
      const { ada, bob, channel, messages } = yield* scene
      yield* channel.send(JSON.stringify(gossip(bob.peerId)))
      yield* channel.send(JSON.stringify(gossip(bob.peerId, { path: [evil] })))
      yield* channel.send(JSON.stringify(gossip(evil, { path: [] })))
      yield* channel.send(JSON.stringify(gossip(evil, { content: "my own" })))
      yield* elapse(1)
      assert.deepStrictEqual(messages().map((event) => event._tag === "Message" ? event.content : ""), ["my own"])
      assert.strictEqual((yield* ada.status).dropped.malformed, 3)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("cannot bring messages of another network in", () =>
    Effect.gen(function*() {
      const { ada, channel, messages } = yield* scene
      for (const networkName of ["work", "global", "GAMING", undefined]) {
        yield* channel.send(JSON.stringify(gossip(evil, { networkName })))
      }
      yield* elapse(1)
      assert.deepStrictEqual(messages(), [])
      assert.strictEqual((yield* ada.status).dropped.foreignNetwork, 4)
    }).pipe(simulate, Effect.provide(world)))

  it.effect("cannot confirm what it was not sent", () =>
    Effect.gen(function*() {
      const { ada, bob, channel } = yield* scene
      const id = "0".repeat(32)
      yield* channel.send(JSON.stringify(gossip(evil, { subtype: "dm-ack", to: ada.peerId, content: { ids: [id] } })))
      yield* channel.send(JSON.stringify(gossip(evil, { subtype: "dm-ack", to: ada.peerId, content: "nonsense" })))
      yield* elapse(1)
      assert.strictEqual((yield* ada.status).dropped.malformed, 1)
      const sent = yield* Effect.forkChild(ada.send(bob.peerId, "still here"))
      yield* elapse(1)
      assert.isDefined(sent.pollUnsafe())
    }).pipe(simulate, Effect.provide(world)))

  it.effect("harms nobody with garbage", () =>
    Effect.gen(function*() {
      const { ada, bob, channel, messages } = yield* scene
      const garbage = [
        "",
        "{",
        "null",
        "[]",
        "1",
        "{\"type\":7}",
        "{\"type\":\"gossip\"}",
        "\u0000",
        "{\"type\":\"__BINARY__\"}"
      ]
      for (const text of garbage) yield* channel.send(text)
      for (let round = 0; round < 300; round++) {
        const size = yield* Random.nextIntBetween(0, 64)
        const bytes = new Uint8Array(size)
        for (let at = 0; at < size; at++) bytes[at] = yield* Random.nextIntBetween(0, 255)
        // The kinds of packets that the codec knows, with nonsense behind them.
        if (size > 0 && round % 2 === 0) bytes[0] = 0xfd + round % 3
        yield* channel.send(bytes)
      }
      yield* elapse(1)
      assert.deepStrictEqual(messages(), [])
      yield* bob.broadcast("unharmed")
      yield* elapse(1)
      assert.strictEqual(messages().length, 1)
      assert.isAtLeast((yield* ada.status).dropped.malformed, garbage.length - 1)
    }).pipe(Random.withSeed("garbage"), simulate, Effect.provide(world)))
})
