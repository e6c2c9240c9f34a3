/** One run in a process of its own: reads it from the command line, says how far it is on stderr, and what it found on stdout. */
import * as Effect from "effect/Effect"
import { World } from "../../src/testing/World.ts"
import type { Run } from "./Plan.ts"
import type { Result } from "./Process.ts"
import { all } from "./scenarios/index.ts"

const run: Run = JSON.parse(process.argv[2] ?? "{}")
const startedAt = performance.now()

const cost = (): Result["cost"] => ({
  wall: (performance.now() - startedAt) / 1000,
  cpu: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  rss: process.resourceUsage().maxRSS / 1024
})

const say = (what: string) => {
  const { cpu, rss, wall } = cost()
  console.error(
    `  ${run.scenario} of ${run.size}, ${run.arrival}, seed ${run.seed}: ${what} ` +
      `(${wall.toFixed(0)} s, cpu ${cpu.toFixed(0)} s, ${rss.toFixed(0)} MiB)`
  )
}

const samples = await Effect.runPromise(
  all[run.scenario](run, say).pipe(
    Effect.scoped,
    Effect.provide(World.layer({ seed: run.seed, traceLimit: 0 }))
  )
)
console.log(JSON.stringify({ samples, cost: cost() } satisfies Result))
