/** Runs in processes of their own: what each costs is its alone, and what it leaves behind ends with it. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Run } from "./Plan.ts"
import type { Samples } from "./Samples.ts"

export interface Result {
  readonly samples: Samples
  /** Seconds on the wall and of processor, and the most MiB of memory. */
  readonly cost: { readonly wall: number; readonly cpu: number; readonly rss: number }
}

/** Most of what a network makes is gone before the next collection, if that comes seldom enough. */
const flags = ["--max-semi-space-size=32"]

const worker = fileURLToPath(new URL("worker.ts", import.meta.url))

export const start = (run: Run): Promise<Result> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [...flags, worker, JSON.stringify(run)],
      { maxBuffer: 256 * 1024 * 1024 },
      (error, stdout) => error === null ? resolve(JSON.parse(stdout)) : reject(error)
    )
    child.stderr?.pipe(process.stderr, { end: false })
  })

/** Starts all of them, so many side by side, and gives the results in their order. */
export const startAll = async (runs: ReadonlyArray<Run>, jobs: number): Promise<ReadonlyArray<Result>> => {
  const results: Array<Result> = []
  const left = Array.from(runs.entries())
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [at, run] = next
      results[at] = await start(run)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return results
}
