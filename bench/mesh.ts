/**
 * What whole meshes reach in the simulated world, beside what they should: `npm run bench:mesh --`, with any of
 *
 *     --sizes 10,50,100,500,1000   peers; default 10,50,100
 *     --nightly                    5,000 peers besides
 *     --seeds 1-20                 runs of each; default 1
 *     --rows 1,4,5                 rows of the table; default all
 *     --arrivals trickle,burst     of trickle (one a second), burst (20 a second), flash (all at once); default all
 *     --only formation,loss        of formation, loss (30 % die), hubless (and no hub), half (50 % die), churn; default all
 *     --jobs 2                     runs side by side; default 1
 *
 * Hub and WebRTC are simulated, 20 to 120 ms apart; everything above them is what runs in production. `bench:overlay` has
 * the overlay's core alone, `bench:gossip` that of gossip and `bench:dht` that of the hash table.
 */
import type { Arrival, Scenario } from "./mesh/Plan.ts"
import { fromArguments } from "./mesh/Plan.ts"
import { startAll } from "./mesh/Process.ts"
import { rows } from "./mesh/rows.ts"
import { mean, merge, most } from "./mesh/Samples.ts"

const plan = fromArguments(process.argv.slice(2))
const wanted = rows.filter(({ id, scenario }) =>
  plan.scenarios.includes(scenario) && (plan.rows.length === 0 || plan.rows.includes(id))
)
let missed = 0

const report = async (scenario: Scenario, size: number, arrival: Arrival) => {
  const some = wanted.filter((row) => row.scenario === scenario)
  if (some.length === 0) return
  const runs = plan.seeds.map((seed) => ({ scenario, size, arrival, seed, rows: plan.rows }))
  const results = await startAll(runs, plan.jobs)
  const samples = merge(results.map((result) => result.samples))
  const costs = results.map(({ cost }) => cost)
  console.log(
    `\nN=${size}, ${scenario}, ${arrival}, ${runs.length} runs: each ${
      mean(costs.map(({ wall }) => wall)).toFixed(0)
    } s, ` +
      `cpu ${mean(costs.map(({ cpu }) => cpu)).toFixed(0)} s, at most ${
        most(costs.map(({ rss }) => rss)).toFixed(0)
      } MiB`
  )
  for (const { goal, id, reached, what } of some) {
    const figure = reached(samples, size)
    if (figure === undefined) continue
    if (!figure[1]) missed++
    console.log(
      `${id.padStart(3)}  ${what.padEnd(60)} ${goal(size).padEnd(20)} ${figure[0].padEnd(30)} ${
        figure[1] ? "ok" : "SHORT"
      }`
    )
  }
}

for (const size of plan.sizes) {
  for (const scenario of plan.scenarios) {
    // How they came makes no difference later.
    for (const arrival of scenario === "formation" ? plan.arrivals : ["burst"] as const) {
      await report(scenario, size, arrival)
    }
  }
}
console.log(missed === 0 ? "\nall reached" : `\n${missed} short`)
