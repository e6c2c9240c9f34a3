/**
 * How long it takes until a hub listens, and until two peers that meet there have an open link. All of them are
 * processes on this machine, so the figures include what processes cost and nothing of a network.
 *
 * Run with `npm run bench:connect`, or `npm run bench:connect -- 5` for 5 pairs instead of 20.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url))
const pairs = Number(process.argv[2] ?? 20)
const starts = 5

const homing = (...args: ReadonlyArray<string>) => {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  return {
    startedAt,
    /** The time at which a line comes that holds a text, and the line. */
    said: (text: string) =>
      new Promise<{ readonly at: number; readonly line: string }>((resolve, reject) => {
        lines.on("line", (line) => line.includes(text) && resolve({ at: performance.now(), line }))
        child.once("exit", () => reject(new Error(`homing ${args.join(" ")} ended`)))
      }),
    stop: async () => {
      const exited = once(child, "exit")
      child.kill("SIGTERM")
      await exited
    }
  }
}

const startHub = async () => {
  const hub = homing("hub", "--port", "0")
  const { at, line } = await hub.said(" listens at ")
  return { ...hub, took: at - hub.startedAt, url: line.split(" listens at ")[1] ?? "" }
}

/** Milliseconds from the second peer's `ready` to the moment at which both have the link. */
const connect = async (url: string, network: string) => {
  const start = () => homing("peer", "--json", "--hub", url, "--network", network)
  const first = start()
  const firstLinked = first.said("\"peerConnected\"")
  await first.said("\"ready\"")
  const second = start()
  const secondLinked = second.said("\"peerConnected\"")
  const ready = await second.said("\"ready\"")
  const linked = await Promise.all([firstLinked, secondLinked])
  await Promise.all([first.stop(), second.stop()])
  return Math.max(...linked.map(({ at }) => at)) - ready.at
}

const report = (what: string, millis: ReadonlyArray<number>) => {
  const sorted = millis.toSorted((a, b) => a - b)
  const at = (quantile: number) => Math.round(sorted[Math.ceil(quantile * sorted.length) - 1] ?? Number.NaN)
  console.log(
    `${what}: min ${Math.round(sorted[0] ?? Number.NaN)} ms, median ${at(0.5)} ms, p90 ${at(0.9)} ms, max ${
      at(1)
    } ms (n = ${sorted.length})`
  )
}

console.log(`${availableParallelism()} cores, Node ${process.version}`)

const coldStarts: Array<number> = []
for (let n = 0; n < starts; n++) {
  const hub = await startHub()
  coldStarts.push(hub.took)
  await hub.stop()
}
report("homing hub, from its start to listening", coldStarts)

const hub = await startHub()
const links: Array<number> = []
for (let n = 0; n < pairs; n++) links.push(await connect(hub.url, `pair-${n}`))
await hub.stop()
report("two peers, from ready to an open link", links)
