/**
 * What a signal costs that crosses from one hub to another, in processor time of both hubs together, and how late it is: by
 * WebSocket and by WebRTC, and for comparison at one hub.
 *
 * Run with `npm run bench:federation`; `-- --seconds 5` is how long each measurement takes, `--rates 200,1000,4000` how many
 * signals a second, and `--only websocket,webrtc,one` picks.
 */
import { type ChildProcess, fork } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { WebSocket } from "ws"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rates: { type: "string", default: "200,1000,4000" },
    only: { type: "string", default: "one,websocket,webrtc" }
  }
})
const seconds = Number(values.seconds)
const rates = values.rates.split(",").map(Number)
const pairs = 10

const sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + Array.from(
  { length: 14 },
  (_, n) => `a=candidate:${n} 1 udp 2113937151 192.168.${n}.1 ${50000 + n} typ host generation 0\r\n`
).join("")

const idOf = (n: number): string => (n + 1).toString(16).padStart(40, "a")

interface Running {
  readonly process: ChildProcess
  readonly url: string
}

const hub = async (...args: ReadonlyArray<string>): Promise<Running> => {
  const plenty = String(1_000_000_000)
  const child = fork(
    fileURLToPath(new URL("../src/cli/main.ts", import.meta.url)),
    ["hub", "--port", "0", "--messages-per-second", plenty, "--message-burst", plenty, ...args],
    { stdio: ["ignore", "pipe", "inherit", "ipc"], env: { ...process.env, LOG_LEVEL: "warn" } }
  )
  const url = await new Promise<string>((resolve) =>
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const found = / listens at (\S+)/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  )
  return { process: child, url }
}

const ask = async ({ url }: Running, path: string): Promise<string> =>
  (await fetch(`${url.replace("ws:", "http:")}${path}`)).text()

/** Microseconds of processor time so far. */
const cpu = async (hubs: ReadonlyArray<Running>): Promise<number> => {
  const texts = await Promise.all(hubs.map((each) => ask(each, "/metrics")))
  return texts.reduce((sum, text) => sum + 1e6 * Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]), 0)
}

const peer = async (url: string, n: number): Promise<WebSocket> => {
  const socket = new WebSocket(`${url}/?peerId=${idOf(n)}`, { perMessageDeflate: false })
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject))
  socket.send(JSON.stringify({ type: "announce", data: { peerId: idOf(n) }, networkName: `net-${n % pairs}` }))
  return socket
}

const quantile = (sorted: ReadonlyArray<number>, q: number): number => sorted[Math.floor(sorted.length * q)] ?? NaN

const measure = async (kind: string): Promise<void> => {
  const one = await hub(...kind === "websocket" ? ["--hub-mesh-max-peers", "0"] : [])
  const hubs = [one]
  try {
    if (kind !== "one") {
      const options = kind === "websocket" ? ["--hub-mesh-max-peers", "0"] : []
      const two = await hub("--bootstrap", one.url, ...options)
      hubs.push(two)
      while (!(await ask(two, "/hubs")).includes(`"connection":"${kind}"`)) await sleep(100)
    }
    const last = hubs.at(-1) ?? one
    const senders = await Promise.all(Array.from({ length: pairs }, (_, n) => peer(one.url, n)))
    const receivers = await Promise.all(Array.from({ length: pairs }, (_, n) => peer(last.url, pairs + n)))
    const latencies: Array<number> = []
    for (const socket of receivers) {
      socket.on("message", (data) => {
        const text = String(data)
        if (text.startsWith("{\"type\":\"offer\"")) {
          latencies.push(performance.now() - Number(/"at":([\d.]+)/.exec(text)?.[1]))
        }
      })
    }
    await sleep(1500)
    /** Sends at a rate, and waits until all has arrived, or ten seconds. */
    const pace = async (rate: number, time: number): Promise<number> => {
      latencies.length = 0
      const start = performance.now()
      let sent = 0
      while (performance.now() - start < time * 1000) {
        const due = ((performance.now() - start) / 1000) * rate
        for (; sent < due; sent++) {
          senders[sent % pairs]?.send(JSON.stringify({
            type: "offer",
            data: { type: "offer", sdp, homing: { at: performance.now() } },
            networkName: `net-${sent % pairs}`,
            targetPeerId: idOf(pairs + sent % pairs)
          }))
        }
        await sleep(1)
      }
      for (let waited = 0; waited < 100 && latencies.length < sent; waited++) await sleep(100)
      return sent
    }
    // The compiler's share is not the signals'.
    await pace(1000, 4)
    await sleep(1000)
    const before = await cpu(hubs)
    await sleep(2000)
    const idle = (await cpu(hubs) - before) / 2
    for (const rate of rates) {
      const [start, at] = [await cpu(hubs), performance.now()]
      const sent = await pace(rate, seconds)
      const used = await cpu(hubs) - start - idle * (performance.now() - at) / 1000
      const sorted = latencies.toSorted((a, b) => a - b)
      console.log(
        `${kind.padEnd(10)} ${String(rate).padStart(5)}/s  ${(used / sent).toFixed(0).padStart(4)} µs a signal  ${
          (100 * latencies.length / sent).toFixed(1)
        } % arrived, p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms`
      )
    }
    for (const socket of [...senders, ...receivers]) socket.terminate()
  } finally {
    for (const { process } of hubs) process.kill("SIGKILL")
  }
}

console.log(`${pairs} pairs of peers, offers of 1.2 kB, ${seconds} s each; processor time of all hubs together`)
for (const kind of values.only.split(",")) await measure(kind)
