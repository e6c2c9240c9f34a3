/**
 * What is promised of home and away, over many seeds: how often it held, and how long it took.
 *
 * Run with `npm run bench:home`; `npm run bench:home -- 20` takes 20 seeds, and `-- 20 coming` the stories with that in
 * their names.
 */
import { Cause, Effect, Exit } from "effect"
import { type Journey, journeys, long, travel } from "../test/support/journeys.ts"
import { switching } from "../test/support/switching.ts"

const seeds = Number(process.argv[2] ?? 200)
const wanted = process.argv[3] ?? ""

const run = async (journey: Journey) => {
  const took: Array<number> = []
  for (let seed = 1; seed <= seeds; seed++) {
    const exit = await Effect.runPromiseExit(travel(journey, seed))
    if (Exit.isSuccess(exit)) took.push(exit.value)
    else console.log(`  seed ${seed}: ${String(Cause.squash(exit.cause))}`)
    if (process.stderr.isTTY) process.stderr.write(`\r${seed} of ${seeds}\r`)
  }
  return took.toSorted((a, b) => a - b)
}

console.log(`${seeds} seeds each: how often it held, and the median and the most of what it took`)
for (const journey of [...journeys, ...long, switching]) {
  if (!journey.name.includes(wanted)) continue
  const startedAt = performance.now()
  const took = await run(journey)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(`
${journey.name}
  promised ${journey.promise}
  held     ${took.length} of ${seeds}
  ${journey.unit.padEnd(8)} ${took[took.length >> 1]} median, ${took.at(-1)} most   (${seconds} s to simulate)`)
}
