/**
 * Prints what it costs to pass a message on to seven neighbours, from packet to packet, without the links themselves, and
 * what of it is the decision whom to send it to: `node bench/forward.ts`.
 */
import * as Result from "effect/Result"
import type { Gossip as Message } from "../src/domain/Frame.ts"
import * as FrameCodec from "../src/domain/FrameCodec.ts"
import { NetworkName } from "../src/domain/NetworkName.ts"
import { PeerId } from "../src/domain/PeerId.ts"
import { nameOf } from "../src/services/gossip/nameOf.ts"
import * as Plumtree from "../src/services/gossip/Plumtree.ts"
import * as SeenSet from "../src/services/gossip/SeenSet.ts"
import { weigh } from "../src/services/gossip/weigh.ts"

const peers = Array.from({ length: 9 }, (_, n) => PeerId.make(String(n).repeat(40)))
const [self, from] = peers
if (self === undefined || from === undefined) throw new Error("no peers")

const text = (n: number, content: string) =>
  JSON.stringify(
    {
      type: "gossip",
      id: n.toString(16).padStart(32, "0"),
      subtype: "chat",
      content,
      from,
      networkName: NetworkName.make("gaming"),
      timestamp: 1,
      ttl: 40,
      path: [from]
    } satisfies Message
  )

/** Microseconds per message, the best of five rounds. */
const measure = (count: number, round: () => (n: number) => void): number => {
  let best = Number.POSITIVE_INFINITY
  for (let at = 0; at < 5; at++) {
    const run = round()
    const start = performance.now()
    for (let n = 0; n < count; n++) run(n)
    best = Math.min(best, (performance.now() - start) * 1000 / count)
  }
  return best
}

const decode = (packet: string): Message => {
  const received = Result.getOrThrow(FrameCodec.makeDecoder().push(packet))
  if (received._tag !== "Frame" || received.frame.type !== "gossip") throw new Error("not a message")
  return received.frame
}

const makeCore = (population: number) => {
  const core = Plumtree.make({ self, joinedAt: 0, nameOf, seen: SeenSet.make(100_000, 300_000) })
  core.handle({ _tag: "Counted", peers: population }, 0)
  for (const peerId of peers.slice(1)) core.handle({ _tag: "Up", peerId, dialect: "homing" }, 0)
  return core
}

const count = 10_000
for (const [name, size] of [["256 B", 256], ["4 KiB", 4096]] as const) {
  const content = "x".repeat(size)
  const packets = Array.from({ length: count }, (_, n) => text(n, content))
  const messages = packets.map(decode)
  const before = measure(count, () => {
    const seen = SeenSet.make(100_000, 300_000)
    return (n) => {
      const message = decode(packets[n] ?? "")
      if (!seen.add(message.id, n)) return
      FrameCodec.encode({ ...message, ttl: message.ttl - 1, path: [...message.path, self] }, "homing")
    }
  })
  for (const [how, population] of [["flooded", 10], ["tree", 1000]] as const) {
    const whole = measure(count, () => {
      const core = makeCore(population)
      return (n) => {
        const message = decode(packets[n] ?? "")
        const event = { _tag: "Received", from, message, bytes: weigh(message.content) } as const
        for (const command of core.handle(event, n)) {
          if (command._tag === "Push") FrameCodec.encode(command.message, "homing")
        }
      }
    })
    const core = measure(count, () => {
      const core = makeCore(population)
      return (n) => {
        const message = messages[n]
        if (message === undefined) return
        core.handle({ _tag: "Received", from, message, bytes: weigh(message.content) }, n)
      }
    })
    console.log(
      `${name} ${how.padEnd(8)} ${whole.toFixed(1)} µs, of which ${core.toFixed(2)} µs to decide; plain flooding ${
        before.toFixed(1)
      } µs`
    )
  }
}
