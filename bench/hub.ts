/**
 * What a hub costs, against a bare relay on `ws` that parses, stamps the sender and writes anew: in alternation, so that
 * whatever else the machine does hits both alike, with server and load on cores of their own where there are two. With
 * `--reference <folder>`, against PeerPigeon's own server as well (`hub/reference.ts` says how to get it).
 *
 * Run with `npm run bench:hub`. `-- --rounds 5` (default 3) takes more time, `--seconds 3` (default 2) is how long each
 * measurement takes, `--idle 5000` is how many idle connections, `--only speed,malformed,latency,idle,flood,cut,fuzz` picks,
 * and `--vices each` floods the hub with each kind of bad clients by itself, `--vices tiny,pings` with some.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import { once } from "node:events"
import { availableParallelism, setPriority } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Order, Report } from "./hub/load.ts"
import { isIn } from "./hub/reference.ts"
import { isVice, type SwarmOrder, type SwarmReport, vices } from "./hub/vices.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    idle: { type: "string", default: "5000" },
    reference: { type: "string" },
    vices: { type: "string", default: vices.join(",") },
    only: { type: "string", default: "speed,malformed,latency,idle,flood,cut,fuzz" }
  }
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const idle = Number(values.idle)
const wanted = new Set(values.only.split(","))
const { reference } = values
if (reference !== undefined && !isIn(reference)) throw new Error(`There is no PeerPigeon in ${reference}`)
/** The relay is what the others are measured by. */
const kinds: ReadonlyArray<string> = ["relay", ...reference === undefined ? [] : ["reference"], "hub"]

interface Usage {
  readonly cpu: number
  readonly heap: number
  readonly rss: number
}

const pinned = availableParallelism() > 1 && spawnSync("taskset", ["-p", String(process.pid)]).status === 0

const run = (file: string, core: number, ...args: ReadonlyArray<string>): ChildProcess => {
  // On a core of its own, what collects garbage beside the program would take turns with it instead.
  const execArgv = ["--expose-gc", ...pinned ? ["--single-threaded-gc"] : []]
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv })
  if (pinned && child.pid !== undefined) spawnSync("taskset", ["-a", "-p", "-c", String(core), String(child.pid)])
  return child
}

const answer = async <A>(child: ChildProcess, question: unknown): Promise<A> => {
  const answered = once(child, "message")
  child.send(JSON.parse(JSON.stringify(question)))
  const [value] = await answered
  return value
}

const usage = (child: ChildProcess, what: "cpu" | "memory" = "cpu") => answer<Usage>(child, what)
const order = (child: ChildProcess, what: Order) => answer<Report>(child, what)

const start = async (kind: string) => {
  const server = run("hub/server.ts", 0, kind, reference ?? "")
  const [{ port }] = await once(server, "message")
  return { server, port: Number(port) }
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
const quantile = (values: ReadonlyArray<number>, q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? NaN

type Figures = ReadonlyMap<string, ReadonlyArray<number>>

const table = (title: string, unit: string, figures: Figures): number => {
  const show = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(2)).padStart(8)
  const relay = median(figures.get("relay") ?? [])
  const others = kinds.slice(1).map((kind) => {
    const value = median(figures.get(kind) ?? [])
    return `${kind} ${show(value)} (${(value / relay).toFixed(2)} relays)`
  })
  console.log([title.padEnd(36), `relay ${show(relay)} `, others.join("  "), unit].join(" "))
  return relay
}

/** Figures of each kind, none yet. */
const each = () => new Map(kinds.map((kind) => [kind, new Array<number>()] as const))

/** In one order, then in the other. */
const inRound = (round: number) => round % 2 === 0 ? kinds : kinds.toReversed()

const peers = 40
console.log(`${rounds} rounds of ${seconds} s; ${peers} peers, offers of 1.2 kB; ${pinned ? "pinned" : "not pinned"}`)

const measure = async (malformed: number) => {
  const cost = each()
  const rate = each()
  for (let round = 0; round < rounds; round++) {
    for (const kind of inRound(round)) {
      const { port, server } = await start(kind)
      const load = run("hub/load.ts", 1)
      await order(load, { order: "connect", port, peers, network: peers })
      // The compiler's share is not the messages'.
      await order(load, { order: "flood", inFlight: 8, seconds: 1.5, malformed })
      const before = await usage(server)
      const { messages } = await order(load, { order: "flood", inFlight: 8, seconds, malformed })
      const after = await usage(server)
      cost.get(kind)?.push((after.cpu - before.cpu) / messages)
      rate.get(kind)?.push(messages / seconds)
      load.disconnect()
      server.disconnect()
    }
  }
  return { cost, rate }
}

let capacity = 30_000
if (wanted.has("speed")) {
  const { cost, rate } = await measure(0)
  table("server CPU per routed offer", "µs", cost)
  capacity = table("routed, load on the other core", "/s", rate)
}
if (wanted.has("malformed")) {
  const { cost, rate } = await measure(10)
  table("the same, a tenth malformed", "µs", cost)
  table("routed, a tenth malformed", "/s", rate)
}
if (wanted.has("latency")) {
  const p50 = each()
  const p99 = each()
  for (let round = 0; round < rounds; round++) {
    for (const kind of inRound(round)) {
      const { port, server } = await start(kind)
      const load = run("hub/load.ts", 1)
      await order(load, { order: "connect", port, peers, network: peers })
      await order(load, { order: "pace", rate: capacity / 2, seconds: 1 })
      const { latencies } = await order(load, { order: "pace", rate: capacity / 2, seconds })
      p50.get(kind)?.push(quantile(latencies, 0.5) / 1000)
      p99.get(kind)?.push(quantile(latencies, 0.99) / 1000)
      load.disconnect()
      server.disconnect()
    }
  }
  table(`p50 at ${Math.round(capacity / 2)}/s`, "ms", p50)
  table(`p99 at ${Math.round(capacity / 2)}/s`, "ms", p99)
}
if (wanted.has("idle")) {
  const heap = each()
  const rss = each()
  for (let round = 0; round < rounds; round++) {
    for (const kind of inRound(round)) {
      const { port, server } = await start(kind)
      // What the first ones need, such as code, is no connection's.
      const first = run("hub/load.ts", 1)
      await order(first, { order: "connect", port, peers: idle / 10, network: 100 })
      first.disconnect()
      await once(first, "exit")
      await sleep(500)
      const load = run("hub/load.ts", 1)
      const before = await usage(server, "memory")
      await order(load, { order: "connect", port, peers: idle, network: 100 })
      const after = await usage(server, "memory")
      heap.get(kind)?.push((after.heap - before.heap) / idle / 1024)
      rss.get(kind)?.push((after.rss - before.rss) / idle / 1024)
      load.disconnect()
      server.disconnect()
    }
  }
  table(`heap per idle connection of ${idle}`, "KiB", heap)
  table("resident memory per idle connection", "KiB", rss)
}

if (wanted.has("flood")) {
  const bots = 100
  const rate = 2000
  const offered = capacity * 10
  const parties = values.vices === "each" ? vices.map((vice) => [vice]) : [values.vices.split(",").filter(isVice)]
  for (const party of parties) {
    const ratios: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const { port, server } = await start("limited")
      const [good, bad] = [run("hub/load.ts", 1), run("hub/swarm.ts", 1)]
      if (bad.pid !== undefined) setPriority(bad.pid, 10)
      await order(good, { order: "connect", port, peers, network: peers })
      await order(good, { order: "pace", rate, seconds: 1 })
      const quiet = await order(good, { order: "pace", rate, seconds })
      const swarm = answer<SwarmReport>(
        bad,
        {
          port,
          bots,
          rate: offered,
          seconds: seconds + 1.5,
          vices: party
        } satisfies SwarmOrder
      )
      await sleep(500)
      const flooded = await order(good, { order: "pace", rate, seconds })
      const { connects, written } = await swarm
      const [before, after] = [quantile(quiet.latencies, 0.99) / 1000, quantile(flooded.latencies, 0.99) / 1000]
      ratios.push(after / before)
      console.log(
        `  ${bots} bad clients (${connects} connections) offered ${Math.round(offered)}/s, TCP took ${
          Math.round(written / (seconds + 1.5))
        }/s; of ${rate * seconds} good messages ${flooded.messages} arrived, p99 ${before.toFixed(2)} ms, then ${
          after.toFixed(2)
        } ms`
      )
      for (const child of [good, bad, server]) child.disconnect()
    }
    console.log(
      `flood: ${party.join(", ")}\n  p99 of ${peers} good clients, flooded/quiet: median ${
        median(ratios).toFixed(2)
      }, best ${Math.min(...ratios).toFixed(2)}`
    )
  }
}

if (wanted.has("cut")) {
  // A thousand peers of one network whose process is killed, and others who talk to each other meanwhile.
  const crowd = 1000
  const rate = 1000
  const p99 = { before: new Array<number>(), after: new Array<number>() }
  const busy: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const { port, server } = await start("hub")
    const [good, lost] = [run("hub/load.ts", 1), run("hub/load.ts", 1)]
    await order(lost, { order: "connect", port, peers: crowd, network: crowd, from: 10_000 })
    await order(good, { order: "connect", port, peers, network: peers })
    await order(good, { order: "pace", rate, seconds: 1 })
    const first = await usage(server)
    const { latencies: before } = await order(good, { order: "pace", rate, seconds })
    const second = await usage(server)
    const pace = order(good, { order: "pace", rate, seconds })
    lost.kill("SIGKILL")
    const { latencies: after } = await pace
    const third = await usage(server)
    p99.before.push(quantile(before, 0.99) / 1000)
    p99.after.push(quantile(after, 0.99) / 1000)
    busy.push((third.cpu - second.cpu - (second.cpu - first.cpu)) / 1000)
    for (const child of [good, server]) child.disconnect()
  }
  console.log(
    `${crowd} peers of one network cut at once: ${
      median(busy).toFixed(0)
    } ms of the hub's processor time; p99 of ${peers} others ${median(p99.before).toFixed(2)} ms before, ${
      median(p99.after).toFixed(2)
    } ms in the ${seconds} s after`
  )
}

if (wanted.has("fuzz")) {
  const frames = 100_000
  const { port, server } = await start("hub")
  const load = run("hub/load.ts", 1)
  await order(load, { order: "fuzz", port, frames: frames / 10 })
  const before = await usage(server, "memory")
  const { messages, seconds } = await order(load, { order: "fuzz", port, frames })
  const after = await usage(server, "memory")
  console.log(
    `${frames} fuzzed frames in ${seconds.toFixed(0)} s: the hub ${
      messages === 1 ? "answers" : "DOES NOT ANSWER"
    }, and its heap grew by ${((after.heap - before.heap) / 1024).toFixed(0)} KiB`
  )
  for (const child of [load, server]) child.disconnect()
}
