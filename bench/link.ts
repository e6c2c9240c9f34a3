/**
 * What one link carries, and what it costs: our pools in two processes on this machine, and for comparison werift by
 * itself, in alternation, so that whatever else the machine does hits all alike.
 *
 * Run with `npm run bench:link`; `-- --engine native` adds libdatachannel, `--rounds 5` (default 3) takes more time,
 * `--burst` sends 100,000 messages of 256 bytes at once, and `--no-idle` leaves out the idle links.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Carrier, Message, Order, Report } from "./link/protocol.ts"

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "werift" },
    rounds: { type: "string", default: "3" },
    opens: { type: "string", default: "10" },
    burst: { type: "boolean", default: false },
    "no-idle": { type: "boolean", default: false }
  }
})
const rounds = Number(values.rounds)
const opens = Number(values.opens)
const carriers: ReadonlyArray<Carrier> = values.engine === "native"
  ? ["raw-werift", "pool-werift", "pool-native"]
  : ["raw-werift", "pool-werift"]
const floods = values.burst
  ? [{ size: 256, count: 100_000 }]
  : [{ size: 256, count: 20_000 }, { size: 1024, count: 10_000 }, { size: 16 * 1024, count: 1_000 }]
const idleLinks = 50
const idleSeconds = 10

const file = fileURLToPath(new URL("link/end.ts", import.meta.url))

/** Two processes that signal to each other through this one. */
const start = async (carrier: Carrier) => {
  const run = (role: string) => fork(file, [carrier, role], { execArgv: ["--expose-gc"], serialization: "advanced" })
  const [a, b] = [run("dials"), run("answers")]
  const report = <R extends Report["report"]>(from: ChildProcess, wanted: R) =>
    new Promise<Extract<Report, { readonly report: R }>>((resolve, reject) => {
      const gone = () => reject(new Error(`${carrier}: an end is gone`))
      const listen = (message: Message) => {
        if (!("report" in message)) return
        if (isReport(message, wanted)) resolve(message)
        else if (message.report === "failed") reject(new Error(`${carrier}: ${message.problem}`))
        else return
        from.off("message", listen).off("exit", gone)
      }
      from.on("message", listen)
      from.once("exit", gone)
    })
  const relay = (from: ChildProcess, to: ChildProcess) =>
    from.on("message", (message: Message) => {
      if ("signal" in message && to.connected) to.send(message)
    })
  relay(a, b)
  relay(b, a)
  const tell = async (end: ChildProcess, order: Order) => {
    const done = report(end, "done")
    end.send(order)
    return (await done).value
  }
  await Promise.all([report(a, "ready"), report(b, "ready")])
  return {
    dialler: (order: Order) => tell(a, order),
    answerer: (order: Order) => tell(b, order),
    arrival: () => report(b, "arrived"),
    stop: async () => {
      const exits = [a, b].map((end) => once(end, "exit"))
      for (const end of [a, b]) end.kill("SIGKILL")
      await Promise.all(exits)
    }
  }
}

const isReport = <R extends Report["report"]>(message: Report, wanted: R): message is Extract<Report, { report: R }> =>
  message.report === wanted

const results = new Map<string, Map<Carrier, Array<number>>>()
const note = (what: string, carrier: Carrier, ...figures: ReadonlyArray<number>) => {
  const row = results.get(what) ?? new Map<Carrier, Array<number>>()
  results.set(what, row.set(carrier, [...row.get(carrier) ?? [], ...figures]))
}

const quantile = (figures: ReadonlyArray<number>, at: number) =>
  figures.toSorted((x, y) => x - y)[Math.max(0, Math.ceil(at * figures.length) - 1)] ?? Number.NaN

const round = async (carrier: Carrier) => {
  const ends = await start(carrier)
  try {
    for (let n = 0; n < opens; n++) {
      const [took = Number.NaN] = await ends.dialler({ order: "open", links: 1 })
      note("open, ms, p50", carrier, took)
      note("open, ms, p90", carrier, took)
      if (n < opens - 1) await Promise.all([ends.dialler({ order: "close" }), ends.answerer({ order: "close" })])
    }
    // What runs for the first time is slow.
    await ends.dialler({ order: "echo", count: 200 })
    const times = await ends.dialler({ order: "echo", count: 1000 })
    note("round trip, ms, p50", carrier, quantile(times, 0.5))
    note("round trip, ms, p99", carrier, quantile(times, 0.99))
    for (const { count, size } of floods) {
      const begin = performance.now()
      const arrival = ends.arrival()
      await Promise.all([ends.dialler({ order: "flood", size, count }), arrival])
      const seconds = (performance.now() - begin) / 1000
      note(`${size} B, messages/s`, carrier, count / seconds)
      note(`${size} B, MB/s`, carrier, count * size / seconds / 1e6)
      if (values.burst) note("receiver's memory at most, MB", carrier, (await arrival).maxRss / 1e6)
    }
  } finally {
    await ends.stop()
  }
}

const idle = async (carrier: Carrier) => {
  const ends = await start(carrier)
  try {
    await ends.dialler({ order: "open", links: 1 })
    const [one = 0] = await ends.dialler({ order: "usage" })
    await Promise.all([ends.dialler({ order: "close" }), ends.answerer({ order: "close" })])
    await ends.dialler({ order: "open", links: idleLinks })
    const [many = 0, before = 0] = await ends.dialler({ order: "usage" })
    await sleep(idleSeconds * 1000)
    const [, after = 0] = await ends.dialler({ order: "usage" })
    note("memory of a link, KB", carrier, (many - one) / (idleLinks - 1) / 1000)
    note(`${idleLinks} idle links, % of a core`, carrier, (after - before) / idleSeconds / 10)
  } finally {
    await ends.stop()
  }
}

console.log(`${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds; median [least to most]`)
for (let n = 0; n < rounds; n++) for (const carrier of carriers) await round(carrier)
if (!values["no-idle"]) { for (const carrier of carriers) await idle(carrier) }

const digits = (figure: number) => figure >= 100 ? figure.toFixed(0) : figure.toFixed(2)
const cell = (what: string, figures: ReadonlyArray<number> | undefined) => {
  if (figures === undefined) return "-"
  if (what.endsWith("p90")) return digits(quantile(figures, 0.9))
  const middle = digits(quantile(figures, 0.5))
  return figures.length === 1
    ? middle
    : `${middle} [${digits(Math.min(...figures))} to ${digits(Math.max(...figures))}]`
}
const rows = [
  ["", ...carriers],
  ...Array.from(results, ([what, row]) => [
    what,
    ...carriers.map((carrier) => cell(what, row.get(carrier)))
  ])
]
const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
for (const row of rows) console.log(row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "))
