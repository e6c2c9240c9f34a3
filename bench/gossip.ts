/**
 * How well gossip spreads, on the core alone: rings with long links (degree 8) of 10 to 1,000 peers, links of 20 to
 * 120 ms. Prints what is to be reached and what is.
 *
 * Run with `npm run bench:gossip`; `npm run bench:gossip -- 1000 20` takes 1,000 peers and 20 seeds.
 */
import * as Model from "../test/support/gossip/Model.ts"

const sizes = process.argv[2] === undefined ? [10, 50, 100, 500, 1000] : [Number(process.argv[2])]
const seeds = Number(process.argv[3] ?? 10)
const broadcasts = 110
const warmUp = 10
/** What is 1 KiB and above goes along the tree even in small networks here, so that the tree is what is measured. */
const settings = { floodPeers: 0 }

const network = (count: number, seed: number, options: Partial<Model.ModelOptions> = {}) => {
  const model = Model.make({ count, seed, settings, bytes: 1024, ...options })
  for (const [a, b] of Model.ringWithLongLinks(count, model.draw)) model.link(a, b)
  model.elapse(2000)
  return model
}

const anyone = (model: Model.Model, count: number) => {
  for (;;) {
    const n = Math.floor(model.draw() * count)
    if (model.isAlive(n)) return n
  }
}

const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Says something, and measures how it spreads within `within` milliseconds. */
const spread = (model: Model.Model, count: number, from: number, within: number) => {
  const wanted = model.component(from).size
  const { payloads, announcements, controls } = model.counts
  const at = model.now()
  const id = model.say(from)
  model.elapse(within)
  const times = Array.from(model.reached(id).values(), ([first]) => (first ?? Number.NaN) - at).toSorted((a, b) =>
    a - b
  )
  const twice = Array.from(model.reached(id).values()).filter((all) => all.length > 1).length
  return {
    reach: times.length / wanted,
    alive: count,
    twice,
    copies: (model.counts.payloads - payloads) / Math.max(1, times.length - 1),
    control: (model.counts.announcements + model.counts.controls - announcements - controls) / times.length,
    to99: times[Math.ceil(0.99 * wanted) - 1] ?? Number.POSITIVE_INFINITY,
    toAll: times[wanted - 1] ?? Number.POSITIVE_INFINITY
  }
}

const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length
const line = (what: string, goal: string, reached: string) =>
  console.log(`  ${what.padEnd(58)} ${goal.padEnd(14)} ${reached}`)

for (const count of sizes) {
  const steady: Array<ReturnType<typeof spread>> = []
  const first: Array<number> = []
  const loss: Array<ReturnType<typeof spread>> = []
  const flood: Array<ReturnType<typeof spread>> = []
  const started = performance.now()
  for (let seed = 1; seed <= seeds; seed++) {
    const model = network(count, seed)
    for (let n = 0; n < broadcasts; n++) {
      const result = spread(model, count, anyone(model, count), 4000)
      if (n === 0) first.push(result.copies)
      if (n >= warmUp) steady.push(result)
    }
    for (let n = 0; n < count; n++) if (model.draw() < 0.3) model.vanish(n)
    loss.push(spread(model, count, anyone(model, count), 8000))
    const small = network(count, seed, { bytes: 256 })
    for (let n = 0; n < 10; n++) flood.push(spread(small, count, anyone(small, count), 4000))
  }
  console.log(
    `${count} peers, ${seeds} seeds, ${steady.length} broadcasts (${
      ((performance.now() - started) / 1000).toFixed(1)
    } s)`
  )
  line("", "goal", "reached")
  line(
    "4  broadcasts that reach everyone",
    "100 %",
    `${(100 * steady.filter(({ reach }) => reach === 1).length / steady.length).toFixed(2)} %, twice to ${
      steady.reduce((sum, { twice }) => sum + twice, 0)
    }`
  )
  line(
    "5  copies per delivery, after 10; the first",
    "<= 1.05; <= 7",
    `${mean(steady.map(({ copies }) => copies)).toFixed(3)}; ${mean(first).toFixed(1)}`
  )
  line("   frames per delivery besides", "", mean(steady.map(({ control }) => control)).toFixed(1))
  line(
    "6  time to 99 %: median, p99 of broadcasts",
    "<= 1 s",
    `${(percentile(steady.map(({ to99 }) => to99), 0.5) / 1000).toFixed(2)} s, ${
      (percentile(steady.map(({ to99 }) => to99), 0.99) / 1000).toFixed(2)
    } s`
  )
  line(
    "   the same when flooded (256 B): median, p99, copies",
    "",
    `${(percentile(flood.map(({ to99 }) => to99), 0.5) / 1000).toFixed(2)} s, ${
      (percentile(flood.map(({ to99 }) => to99), 0.99) / 1000).toFixed(2)
    } s, ${mean(flood.map(({ copies }) => copies)).toFixed(1)}`
  )
  line(
    "9  first after 30 % die: reach, slowest, copies",
    "100 % in 4 s",
    `${(100 * Math.min(...loss.map(({ reach }) => reach))).toFixed(2)} %, ${
      (Math.max(...loss.map(({ toAll }) => toAll)) / 1000).toFixed(2)
    } s, ${mean(loss.map(({ copies }) => copies)).toFixed(2)}`
  )
}
