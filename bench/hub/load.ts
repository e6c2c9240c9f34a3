/**
 * A process that loads a server: so many peers in one network, each with the next as its target. It does as its parent
 * orders, one order at a time.
 */
import { performance } from "node:perf_hooks"
import { setImmediate, setTimeout as sleep } from "node:timers/promises"
import { WebSocket } from "ws"

export type Order =
  /** `from` is the number of the first peer: processes that load one server together need peers of their own. */
  | {
    readonly order: "connect"
    readonly port: number
    readonly peers: number
    readonly network: number
    readonly from?: number
  }
  /** Keeps so many messages of each peer under way for a while; every `malformed`th is none. */
  | { readonly order: "flood"; readonly inFlight: number; readonly seconds: number; readonly malformed: number }
  /** Sends at a rate, in messages per second of all peers together, and takes the time of each. */
  | { readonly order: "pace"; readonly rate: number; readonly seconds: number }
  /** Sends so many frames of random bytes, or of messages with random changes, and then asks whether the hub is there. */
  | { readonly order: "fuzz"; readonly port: number; readonly frames: number }

export type Report = { readonly messages: number; readonly seconds: number; readonly latencies: ReadonlyArray<number> }

const idOf = (n: number): string =>
  Array.from({ length: 5 }, (_, part) => (Math.imul(n * 5 + part + 1, 2654435761) >>> 0).toString(16).padStart(8, "0"))
    .join("")

/** A description as a browser writes it: some 1.2 kB with everything around it. */
const sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + Array.from(
  { length: 14 },
  (_, n) => `a=candidate:${n} 1 udp 2113937151 192.168.${n}.1 ${50000 + n} typ host generation 0\r\n`
).join("")

interface Peer {
  readonly socket: WebSocket
  readonly offer: { readonly head: string; readonly tail: string }
  received: number
}

let peers: ReadonlyArray<Peer> = []
let latencies: Array<number> = []
let arrived = 0
let onArrival: ((peer: Peer) => void) | undefined

const at = /"homing":\{"at":(\d+)/

const open = async (port: number, n: number, target: number, networkName: string): Promise<Peer> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?peerId=${idOf(n)}`, { perMessageDeflate: false })
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject))
  const offer = JSON.stringify({
    type: "offer",
    data: { type: "offer", sdp, homing: { at: 0 } },
    maxPeers: 3,
    networkName,
    targetPeerId: idOf(target)
  })
  const [head = "", tail = ""] = offer.split("\"at\":0")
  const peer = { socket, offer: { head: `${head}"at":`, tail }, received: 0 }
  socket.on("error", () => undefined)
  socket.on("message", (data) => {
    const text = String(data)
    if (!text.startsWith("{\"type\":\"offer\"")) return
    arrived++
    if (latencies.length < 1_000_000 && onArrival === undefined) {
      latencies.push(performance.now() * 1000 - Number(at.exec(text)?.[1]))
    }
    onArrival?.(peer)
  })
  socket.send(JSON.stringify({ type: "announce", data: { peerId: idOf(n) }, networkName }))
  return peer
}

const say = ({ offer, socket }: Peer): void =>
  socket.send(`${offer.head}${Math.round(performance.now() * 1000)}${offer.tail}`)

const connect = async (port: number, count: number, network: number, from: number): Promise<void> => {
  const made: Array<Peer> = []
  for (let n = 0; n < count; n += 50) {
    const some = Array.from({ length: Math.min(50, count - n) }, (_, index) => {
      const [self, group] = [n + index, Math.floor((n + index) / network)]
      const target = group * network + (self + 1) % Math.min(network, count - group * network)
      return open(port, from + self, from + target, `net-${from + group}`)
    })
    made.push(...await Promise.all(some))
  }
  peers = made
  await sleep(500)
}

/** Each arrival lets its receiver, which is the next sender, say one more. */
const flood = async (inFlight: number, seconds: number, malformed: number): Promise<void> => {
  let sent = 0
  onArrival = (peer) => {
    if (malformed > 0 && ++sent % malformed === 0) peer.socket.send(`${peer.offer.head}${"!".repeat(5)}`)
    say(peer)
  }
  for (const peer of peers) for (let n = 0; n < inFlight; n++) say(peer)
  await sleep(seconds * 1000)
  onArrival = () => undefined
  await sleep(300)
  onArrival = undefined
}

const pace = async (rate: number, seconds: number): Promise<void> => {
  const start = performance.now()
  let sent = 0
  while (performance.now() - start < seconds * 1000) {
    const due = ((performance.now() - start) / 1000) * rate
    for (; sent < due; sent++) {
      const peer = peers[sent % peers.length]
      if (peer !== undefined) say(peer)
    }
    await sleep(1)
  }
  await sleep(300)
}

/** One message arrives when the hub still answers. */
const fuzz = async (port: number, frames: number): Promise<void> => {
  const messages = ["announce", "offer", "watch", "networks", "goodbye", "leave", "ping", "connection-rejected"].map(
    (type) => JSON.stringify({ type, data: { sdp, reason: "x" }, networkName: "fuzz", targetPeerId: idOf(200_000) })
  )
  let sent = 0
  while (sent < frames) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/?peerId=${idOf(200_000)}`, { perMessageDeflate: false })
    socket.on("error", () => undefined)
    await new Promise((resolve) => socket.once("open", resolve).once("close", resolve))
    for (let n = 0; n < 1000 && socket.readyState === socket.OPEN && sent < frames; n++, sent++) {
      const bytes = Buffer.from(messages[Math.floor(Math.random() * messages.length)] ?? "")
      for (let changes = Math.floor(Math.random() * 3); changes > 0; changes--) {
        bytes[Math.floor(Math.random() * bytes.length)] = Math.floor(Math.random() * 256)
      }
      const frame = Math.random() < 0.2 ? bytes.map(() => Math.floor(Math.random() * 256)) : bytes
      socket.send(frame, { binary: Math.random() < 0.5 })
      if (n % 100 === 0) await setImmediate()
    }
    socket.close()
    await sleep(20)
    socket.terminate()
  }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?peerId=${idOf(200_001)}`)
  await new Promise((resolve) => socket.once("message", resolve).once("error", resolve))
  if (socket.readyState === socket.OPEN) arrived = 1
  socket.terminate()
  await sleep(300)
}

const act = async (order: Order): Promise<void> => {
  switch (order.order) {
    case "connect":
      return connect(order.port, order.peers, order.network, order.from ?? 0)
    case "flood":
      return flood(order.inFlight, order.seconds, order.malformed)
    case "pace":
      return pace(order.rate, order.seconds)
    case "fuzz":
      return fuzz(order.port, order.frames)
  }
}

process.on("message", async (order: Order) => {
  const start = performance.now()
  latencies = []
  arrived = 0
  await act(order)
  const report: Report = { messages: arrived, seconds: (performance.now() - start) / 1000, latencies }
  process.send?.(report)
})
process.on("disconnect", () => process.exit())
