/**
 * An attack on the isolation of networks: somebody who is in one network speaks raw WebSocket frames to the hub and raw
 * frames to a neighbour, and tries everything to be heard in another.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { WebSocket } from "ws"
import { global } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import * as Node from "../../src/runtime/node.ts"
import { hub, linked, peer } from "../support/processes.ts"
import { strangerAt } from "../support/stranger.ts"

/** Smaller than nearly any id, so that others dial it. */
const evil = PeerId.make("0".repeat(39) + "1")
const twin = PeerId.make("0".repeat(39) + "2")
const nobody = PeerId.make("e".repeat(40))

/** A connection to a hub that sends whatever it is told, and keeps what comes. */
const rawSocket = Effect.fnUntraced(function*(url: string, peerId: PeerId) {
  const received: Array<string> = []
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket, Error>((resume) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/?peerId=${peerId}`)
      socket.on("message", (data) => void received.push(String(data)))
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("error", (error) => resume(Effect.fail(error)))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  return { received, say: (message: object) => socket.send(JSON.stringify(message)) }
})

let forged = 0
const gossip = (from: PeerId, fields: object) => ({
  type: "gossip",
  id: `forged-${++forged}`,
  subtype: "chat",
  content: "gotcha",
  from,
  networkName: "gaming",
  timestamp: Date.now(),
  ttl: 40,
  path: [from],
  ...fields
})

describe("somebody in another network", () => {
  it.live(
    "is heard by nobody in this one, whatever they send and whoever they claim to be",
    () =>
      Effect.gen(function*() {
        const { url } = yield* hub()
        const [ada, bob, carol] = yield* Effect.all([
          peer(url, "gaming", "--no-fallback"),
          peer(url, "gaming", "--no-fallback"),
          peer(url, "global")
        ], { concurrency: "unbounded" })
        yield* linked([ada, bob])

        // A proper peer of `global` with a link to carol, and a second connection that is in no network at all.
        const edges = Layer.merge(Node.layerSignaling, Node.layerWebRtc)
        const stranger = yield* strangerAt(evil, global, { edges, hub: url })
        const channel = yield* stranger.channel
        const raw = yield* rawSocket(url, twin)
        raw.say({ type: "announce", data: { peerId: twin }, networkName: "global" })

        const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
        const candidate = { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0 }
        for (const networkName of ["gaming", "GAMING", "global", undefined]) {
          for (const fromPeerId of [twin, bob.peerId, "system", undefined]) {
            const claim = { fromPeerId, networkName, targetPeerId: ada.peerId }
            raw.say({ type: "offer", data: { type: "offer", sdp }, ...claim })
            raw.say({ type: "answer", data: { type: "answer", sdp }, ...claim })
            raw.say({ type: "ice-candidate", data: candidate, ...claim })
            raw.say({ type: "goodbye", data: { peerId: bob.peerId, timestamp: 1 }, ...claim })
            raw.say({ type: "peer-discovered", data: { peerId: nobody, isHub: false }, ...claim })
            raw.say({ type: "peer-disconnected", data: { peerId: bob.peerId, isHub: false }, ...claim })
            raw.say({ type: "network-counts", data: { present: 9, waiting: 9 }, ...claim })
            raw.say({ type: "leave", data: { peerId: bob.peerId }, ...claim })
          }
        }
        // It says that it is bob, and that it is a hub. What it announces is its own presence in `global`, and no more.
        raw.say({
          type: "announce",
          data: { peerId: bob.peerId, isHub: true, networkName: "gaming" },
          networkName: "global"
        })

        const toCarol = (frame: object) => channel.send(JSON.stringify(frame))
        for (const from of [evil, ada.peerId, bob.peerId]) {
          for (const subtype of ["chat", "dm", "peer-announcement", "mesh_signaling", "dht_store"]) {
            const content = subtype === "peer-announcement" ? { peerId: nobody, timestamp: 1 } : "gotcha"
            yield* toCarol(gossip(from, { subtype, content, to: ada.peerId }))
            yield* toCarol(gossip(from, { subtype, content, path: [from, evil] }))
          }
        }
        yield* toCarol({ type: "dht", networkName: "gaming", messageType: "store", key: "gaming:key", value: "gotcha" })
        yield* toCarol({ type: "signaling", data: { type: "offer", fromPeerId: bob.peerId, networkName: "gaming" } })
        yield* toCarol({ type: "webdht", data: { type: "dht_store", key: "gaming:key", value: "gotcha" } })

        // What is allowed still goes its way, and after all of the above.
        yield* toCarol(gossip(evil, { networkName: "global", content: "a word among neighbours" }))
        yield* carol.event("message", ({ content }) => content === "a word among neighbours")
        assert.deepInclude(yield* bob.ask({ op: "send", to: ada.peerId, content: "still here" }), { ok: true })
        yield* Effect.sleep("1 second")

        const status = yield* ada.ask({ op: "status" })
        assert(
          status.ok && typeof status.result === "object" && status.result !== null && "knownCount" in status.result
        )
        assert.strictEqual(status.result.knownCount, 1)
        assert.deepStrictEqual(status.result.links.map(({ peerId, state }) => [peerId, state]), [[bob.peerId, "open"]])
        assert.deepStrictEqual(ada.heard().map(({ content }) => content), ["still here"])
        assert.deepStrictEqual(bob.heard(), [])
        assert.deepStrictEqual(carol.heard().map(({ content }) => content), ["a word among neighbours"])
        const seen = yield* carol.ask({ op: "status" })
        assert(seen.ok && typeof seen.result === "object" && seen.result !== null && "dropped" in seen.result)
        // Every forged message that named another network was dropped at receipt, and counted.
        assert.strictEqual(seen.result.dropped.foreignNetwork, 30)
        // And the attacker learned nothing of the other network: the hub told it of nobody there.
        for (const frame of raw.received) {
          assert.notInclude(frame, ada.peerId)
          assert.notInclude(frame, "\"networkName\":\"gaming\"")
        }
      }),
    120_000
  )
})
