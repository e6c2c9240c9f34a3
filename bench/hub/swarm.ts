/**
 * A process of bad clients, each from an address of its own behind a proxy. They speak WebSocket on bare TCP, from bytes that
 * were made beforehand, so that a flood costs its senders next to nothing; they come back when they are thrown out, and
 * answer nothing. It does as its parent orders, and reports when the time is over.
 */
import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"
import { performance } from "node:perf_hooks"
import { setImmediate, setTimeout as sleep } from "node:timers/promises"
import type { SwarmOrder, SwarmReport, Vice } from "./vices.ts"

const idOf = (n: number): string => (100_000 + n).toString(16).padStart(40, "0")

/** A frame as a client sends it. */
const frame = (first: number, text: string): Buffer => {
  const payload = Buffer.from(text)
  const mask = randomBytes(4)
  const length = payload.length < 126
    ? Buffer.from([0x80 | payload.length])
    : Buffer.from([0xfe, payload.length >> 8, payload.length & 255])
  return Buffer.concat([Buffer.from([first]), length, mask, payload.map((byte, n) => byte ^ (mask[n & 3] ?? 0))])
}

const [textFrame, textStart, continuation, ping, pong] = [0x81, 0x01, 0x00, 0x89, 0x8a] as const

const sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + Array.from(
  { length: 14 },
  (_, n) => `a=candidate:${n} 1 udp 2113937151 192.168.${n}.1 ${50000 + n} typ host generation 0\r\n`
).join("")

const offerTo = (targetPeerId: string): string =>
  JSON.stringify({ type: "offer", data: { type: "offer", sdp }, networkName: "swarm", targetPeerId })

const announcement = (networkName = "swarm"): Buffer =>
  frame(textFrame, JSON.stringify({ type: "announce", networkName }))

/** What a client says over and over, and how many messages that is. */
const speech = (vice: Vice, n: number, bots: number): { readonly bytes: Buffer; readonly messages: number } => {
  const repeat = (bytes: Buffer, messages = 1, times = Math.max(1, Math.floor(16_384 / bytes.length))) => ({
    bytes: Buffer.concat(Array.from({ length: times }, () => bytes)),
    messages: messages * times
  })
  switch (vice) {
    case "talk":
    case "return":
      return repeat(frame(textFrame, offerTo(idOf((n + 1) % bots))))
    case "shout":
      return repeat(frame(textFrame, offerTo("f".repeat(40))))
    case "nonsense":
      return repeat(frame(textFrame, offerTo(idOf((n + 1) % bots)).slice(0, -1)))
    case "announce":
      return repeat(
        Buffer.concat([announcement(), frame(textFrame, JSON.stringify({ type: "leave", networkName: "swarm" }))]),
        2
      )
    case "tiny":
      return repeat(frame(textFrame, "?"))
    case "pings":
      return repeat(frame(ping, ""))
    case "pongs":
      return repeat(frame(pong, ""))
    case "crumbs":
      return { bytes: Buffer.from("?"), messages: 1 }
    case "fragments":
      return repeat(frame(continuation, "?"))
  }
}

/** How often a client comes anew by its own will, in milliseconds. */
const visit: Partial<Record<Vice, number>> = { return: 50 }

const swarm = async ({ bots, port, rate, seconds, vices }: SwarmOrder): Promise<SwarmReport> => {
  const report = { offered: 0, written: 0, connects: 0, welcomes: 0 }
  const start = performance.now()
  const end = start + seconds * 1000

  const open = async (vice: Vice, n: number): Promise<Socket | undefined> => {
    report.connects++
    const tcp = connect({ host: "127.0.0.1", port, noDelay: true })
    tcp.on("error", () => undefined)
    tcp.write(
      [
        `GET /?peerId=${idOf(n)} HTTP/1.1`,
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        `X-Forwarded-For: 10.${n >> 8}.${n & 255}.1`,
        "",
        ""
      ].join("\r\n")
    )
    const answer = await new Promise<string>((resolve) => {
      tcp.once("data", (data) => resolve(String(data))).once("close", () => resolve(""))
    })
    if (!answer.startsWith("HTTP/1.1 101")) {
      tcp.destroy()
      return undefined
    }
    report.welcomes++
    tcp.resume()
    tcp.write(announcement())
    // What never ends: the first frame of many, or the head of a message whose bytes come one by one.
    if (vice === "fragments") tcp.write(frame(textStart, "?"))
    if (vice === "crumbs") tcp.write(Buffer.from([textFrame, 0xfe, 0xea, 0x60, 1, 2, 3, 4]))
    return tcp
  }

  const bot = async (vice: Vice, n: number): Promise<void> => {
    const { bytes, messages } = speech(vice, n, bots)
    const stay = visit[vice] ?? Number.POSITIVE_INFINITY
    let offered = 0
    while (performance.now() < end) {
      const tcp = await open(vice, n)
      const leaving = performance.now() + stay
      const isIn = () => tcp?.writable === true && performance.now() < Math.min(end, leaving)
      while (isIn()) {
        const due = (rate / bots) * ((performance.now() - start) / 1000)
        for (let times = 0; offered + messages <= due && times < 64; times++, offered += messages) {
          report.offered += messages
          if (tcp === undefined || tcp.writableLength > 65_536) continue
          tcp.write(bytes)
          report.written += messages
        }
        await setImmediate()
      }
      tcp?.destroy()
      await sleep(20)
    }
  }

  await Promise.all(Array.from({ length: bots }, (_, n) => bot(vices[n % vices.length] ?? "talk", n)))
  return report
}

process.on("message", async (order: SwarmOrder) => {
  process.send?.(await swarm(order))
})
process.on("disconnect", () => process.exit())
