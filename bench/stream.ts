/**
 * A file between two processes over WebRTC: how fast it goes, what memory either end takes meanwhile, and what becomes of
 * the round trip of questions between the same two peers. Everything is on this machine, on the disk and in `sha256`, too.
 *
 * Run with `npm run bench:stream`, or `npm run bench:stream -- 300` for 300 MB instead of 100; `-- 100 native` for the other
 * engine.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { MeshClient } from "../src/runtime/promise/node.ts"

/** What the ends say: the id of a peer first, and then a figure when it is asked for one. */
interface Report {
  readonly peerId?: string
  readonly figures?: Figures
}

/** What the sender measures. */
interface Figures {
  readonly seconds: number
  readonly asked: ReadonlyArray<number>
}

const quantile = (sorted: ReadonlyArray<number>, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

const shown = (times: ReadonlyArray<number>) => {
  const sorted = times.toSorted((a, b) => a - b)
  return `p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms (${sorted.length})`
}

const meshOf = async (engine: string | undefined, hub: string): Promise<MeshClient> => {
  const { createMesh } = engine === "native"
    ? await import("../src/runtime/native.ts")
    : await import("../src/runtime/promise/node.ts")
  return createMesh({ hubs: hub, networkName: "bench", allowGlobalFallback: false })
}

const tell = (report: Report) => void process.send?.(report)

/** Asks again and again until a promise is settled. */
const askMeanwhile = async (mesh: MeshClient, to: string, until: Promise<unknown>) => {
  const times: Array<number> = []
  const over = until.then(() => true)
  while (!await Promise.race([over, sleep(20, false)])) {
    const start = performance.now()
    await mesh.ask(to, "how late is it?", { timeout: 60_000 })
    times.push(performance.now() - start)
  }
  return times
}

const receiver = async ([hub = "", directory = "", engine]: ReadonlyArray<string>) => {
  const mesh = await meshOf(engine, hub)
  mesh.answer(() => "late")
  mesh.onFile((offer) => void offer.accept(directory), { maxBytes: 2 ** 40 })
  await mesh.join()
  tell({ peerId: mesh.peerId })
}

const sender = async ([hub = "", path = "", to = "", engine]: ReadonlyArray<string>) => {
  const mesh = await meshOf(engine, hub)
  await mesh.join()
  const linked = once(process, "message")
  tell({ peerId: mesh.peerId })
  await linked
  const idle = await askMeanwhile(mesh, to, sleep(3000))
  const start = performance.now()
  const sending = mesh.sendFile(to, path)
  const asked = await askMeanwhile(mesh, to, sending)
  tell({ figures: { seconds: (performance.now() - start) / 1000, asked: idle } })
  tell({ figures: { seconds: 0, asked } })
}

/** The resident memory of a process, in MiB: now, or the most that it ever was. */
const rss = async (child: ChildProcess, field: "VmRSS" | "VmHWM") => {
  const { readFile } = await import("node:fs/promises")
  const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

const reports = (child: ChildProcess) => {
  const waiting: Array<(report: Report) => void> = []
  const came: Array<Report> = []
  child.on("message", (report: Report) => {
    const next = waiting.shift()
    if (next === undefined) came.push(report)
    else next(report)
  })
  return () =>
    new Promise<Report>((resolve) => {
      const report = came.shift()
      if (report === undefined) waiting.push(resolve)
      else resolve(report)
    })
}

const main = async (megabytes: number, engine: string) => {
  const directory = mkdtempSync(join(tmpdir(), "homing-stream-"))
  const here = fileURLToPath(import.meta.url)
  const hub = fork(fileURLToPath(new URL("../src/cli/main.ts", import.meta.url)), ["hub", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  })
  const children = [hub]
  try {
    const url = await new Promise<string>((resolve) =>
      hub.stdout?.setEncoding("utf8").on("data", (text: string) => {
        const found = / listens at (\S+)/.exec(text)?.[1]
        if (found !== undefined) resolve(found)
      })
    )
    const path = join(directory, "file.bin")
    writeFileSync(path, Buffer.alloc(megabytes * 1_000_000, "homing"))
    const to = fork(here, ["receiver", url, directory, engine])
    children.push(to)
    const { peerId = "" } = await reports(to)()
    const from = fork(here, ["sender", url, path, peerId, engine])
    children.push(from)
    const next = reports(from)
    await next()
    await sleep(2000)
    from.send("go")
    const before = await Promise.all([rss(from, "VmRSS"), rss(to, "VmRSS")])
    const idle = (await next()).figures
    const busy = (await next()).figures
    const most = await Promise.all([rss(from, "VmHWM"), rss(to, "VmHWM")])
    if (idle === undefined || busy === undefined) throw new Error("an end gave no figures")
    const arrived = statSync(join(directory, "file (1).bin")).size
    console.log(`${arrived / 1e6} MB over ${engine}: ${(arrived / 1e6 / idle.seconds).toFixed(1)} MB/s`)
    const grown = (at: number) => `${before[at]?.toFixed(0)} MiB before, ${most[at]?.toFixed(0)} MiB at most`
    console.log(`sender:   ${grown(0)}`)
    console.log(`receiver: ${grown(1)}`)
    console.log(`questions before:    ${shown(idle.asked)}`)
    console.log(`questions meanwhile: ${shown(busy.asked)}`)
  } finally {
    for (const child of children) child.kill("SIGKILL")
    rmSync(directory, { recursive: true })
  }
}

const [role, ...rest] = process.argv.slice(2)
if (role === "receiver") await receiver(rest)
else if (role === "sender") await sender(rest)
else await main(Number(role ?? 100), rest[0] ?? "werift")
