/**
 * What one link carries, and what it costs: our pools in two processes on this machine, and for comparison werift by
 * itself, in alternation, so that whatever else the machine does hits all alike. Werift by itself is sent to at the pace
 * that turns out best for each size, of those tried first; unpaced it loses most of what it is given. Where others use the
 * machine too, the processor's time per message says more than messages per second.
 *
 * Run with `npm run bench:link`; `-- --engine native` adds libdatachannel, `--rounds 5` (default 3) takes more time,
 * `--burst` sends 100,000 messages of 256 bytes from one fiber, and `--no-idle` leaves out the idle links.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Carrier, Message, Order, Pacing, Report } from "./link/protocol.ts"

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
/** Of a flood, for each pace that is tried. */
const trialShare = 0.1
const pacings: ReadonlyArray<Pacing> = [4, 16, 64].flatMap((kilobytes) =>
  [1, 16].map((perTurn) => ({ highWaterMark: kilobytes * 1024, perTurn }))
)

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

type Ends = Awaited<ReturnType<typeof start>>

/** Sends numbered messages, all of which must arrive in order, and says what that took. */
const flood = async ({ answerer, arrival, dialler }: Ends, size: number, count: number, pacing: Pacing) => {
  const usage = () => Promise.all([dialler({ order: "usage" }), answerer({ order: "usage" })])
  const before = await usage()
  const begin = performance.now()
  const arrived = arrival()
  await Promise.all([dialler({ order: "flood", size, count, pacing }), arrived])
  const seconds = (performance.now() - begin) / 1000
  const after = await usage()
  const ends = after.map(([, most = 0, processor = 0, used = 0], end) => ({
    grown: most - (before[end]?.[0] ?? 0),
    kept: used - (before[end]?.[3] ?? 0),
    micros: (processor - (before[end]?.[2] ?? 0)) * 1000 / count
  }))
  return { perSecond: count / seconds, ends }
}

/** The pace at which werift by itself carries most messages of a size. */
const findPacing = async (size: number, count: number): Promise<Pacing> => {
  const tried: Array<{ readonly pacing: Pacing; readonly perSecond: number }> = []
  for (const pacing of pacings) {
    const ends = await start("raw-werift")
    try {
      await ends.dialler({ order: "open", links: 1 })
      await ends.dialler({ order: "echo", count: 50 })
      tried.push({ pacing, perSecond: (await flood(ends, size, count, pacing)).perSecond })
    } finally {
      await ends.stop()
    }
  }
  const [best] = tried.toSorted((a, b) => b.perSecond - a.perSecond)
  if (best === undefined) throw new Error("no pace was tried")
  const { highWaterMark, perTurn } = best.pacing
  console.log(
    `raw-werift, ${size} B: best with ${highWaterMark / 1024} KiB waiting and ${perTurn} a turn (`
      + tried.map(({ perSecond }) => perSecond.toFixed(0)).join(", ") + " messages/s)"
  )
  return best.pacing
}

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
    for (const { count, pacing, size } of paced) {
      const { ends: [sender, receiver], perSecond } = await flood(ends, size, count, pacing)
      note(`${size} B, messages/s`, carrier, perSecond)
      note(`${size} B, MB/s`, carrier, perSecond * size / 1e6)
      note(`${size} B, processor to send, µs`, carrier, sender?.micros ?? Number.NaN)
      note(`${size} B, processor to receive, µs`, carrier, receiver?.micros ?? Number.NaN)
      note(`${size} B, sender's memory grows by, MB`, carrier, (sender?.grown ?? Number.NaN) / 1e6)
      note(`${size} B, receiver's memory grows by, MB`, carrier, (receiver?.grown ?? Number.NaN) / 1e6)
      note(`${size} B, of it in use afterwards, MB`, carrier, ((sender?.kept ?? 0) + (receiver?.kept ?? 0)) / 1e6)
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
    const [many = 0, , before = 0] = await ends.dialler({ order: "usage" })
    await sleep(idleSeconds * 1000)
    const [, , after = 0] = await ends.dialler({ order: "usage" })
    note("memory of a link, KB", carrier, (many - one) / (idleLinks - 1) / 1000)
    note(`${idleLinks} idle links, % of a core`, carrier, (after - before) / idleSeconds / 10)
  } finally {
    await ends.stop()
  }
}

console.log(`${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds; median [least to most]`)
const paced: Array<(typeof floods)[number] & { readonly pacing: Pacing }> = []
for (const { count, size } of floods) {
  paced.push({ size, count, pacing: await findPacing(size, Math.ceil(count * trialShare)) })
}
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
