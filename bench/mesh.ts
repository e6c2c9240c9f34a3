/**
 * What whole meshes reach in the simulated world, beside what they should: `npm run bench:mesh`, with any of
 *
 *     --sizes 10,50,100       peers; default 10,50,100
 *     --seeds 1,2             runs of each; default 1
 *     --arrivals burst        of trickle (one a second), burst (20 a second); default both
 *     --only formation        of formation, repair; default both
 *
 * Hub and WebRTC are simulated, 20 to 120 ms apart; everything above them is what runs in production. `bench:overlay` has
 * the overlay's core alone, at sizes at which whole meshes would take too long.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { parseArgs } from "node:util"
import { World } from "../src/testing/World.ts"
import * as Measures from "../test/support/overlay/Measures.ts"
import { type Citizen, graph, grow, ringShare } from "../test/support/town.ts"

const { values: flags } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,50,100" },
    seeds: { type: "string", default: "1" },
    arrivals: { type: "string", default: "trickle,burst" },
    only: { type: "string", default: "formation,repair" }
  }
})

const numbers = (list: string) => list.split(",").map(Number)
const wanted = (what: string) => flags.only.split(",").includes(what)
const gaps = { trickle: 1000, burst: 50 } as const
const arrivals = (["trickle", "burst"] as const).filter((arrival) => flags.arrivals.split(",").includes(arrival))

const maxPeers = 8
const broadcasts = 30
const messages = 60
const losses = 20

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
const percent = (share: number) => `${(100 * share).toFixed(2)} %`

/** A line: the row of the table of goals, what was measured, the figure, and the goal. */
const print = (row: string, what: string, figure: string, goal: string) =>
  console.log(`${row.padEnd(4)} ${what.padEnd(58)} ${figure.padEnd(34)} ${goal}`)

const anyOf = Effect.fnUntraced(function*<A>(all: ReadonlyArray<A>) {
  const chosen = all[yield* Random.nextIntBetween(0, all.length - 1)]
  return chosen === undefined ? yield* Effect.die(new Error("nobody to choose from")) : chosen
})

/** The share of the survivors in the largest component when a share of the peers is gone. */
const survivors = Effect.fnUntraced(function*(edges: ReadonlyArray<ReadonlyArray<number>>, share: number) {
  const order = yield* Random.shuffle(Array.from(edges.keys()))
  const left = order.slice(Math.round(share * edges.length))
  const index = new Map(left.map((at, to) => [at, to]))
  const rest = left.map((at) =>
    (edges[at] ?? []).flatMap((other) => {
      const to = index.get(other)
      return to === undefined ? [] : [to]
    })
  )
  return (Measures.components(rest)[0] ?? 0) / left.length
})

const duplicates = (citizens: ReadonlyArray<Citizen>) =>
  Effect.map(
    Effect.forEach(citizens, ({ mesh }) => mesh.status),
    (all) => all.reduce((sum, { dropped }) => sum + dropped.duplicate, 0)
  )

/** The share of the others that hear random peers' broadcasts of 1 KiB, and the copies that cross links for each hearing. */
const broadcast = Effect.fnUntraced(function*(citizens: ReadonlyArray<Citizen>, count: number, name: string) {
  const world = yield* World
  const before = yield* duplicates(citizens)
  let heard = 0
  for (let n = 0; n < count; n++) {
    const content = `${name} ${n} ${"x".repeat(1024)}`
    const from = yield* anyOf(citizens)
    yield* from.mesh.broadcast(content)
    yield* world.elapse("3 seconds")
    for (const citizen of citizens) if (citizen !== from && citizen.heard.has(content)) heard++
  }
  const copies = 1 + ((yield* duplicates(citizens)) - before) / heard
  return { reach: heard / count / (citizens.length - 1), copies }
})

const formation = Effect.fnUntraced(function*(size: number, gap: number) {
  const world = yield* World
  const citizens = yield* grow(size, gap)
  yield* world.elapse("10 seconds")
  const components = Measures.components(yield* graph(citizens)).length
  const ringAfter10 = yield* ringShare(citizens)
  let [most, excess, longestExcess] = [0, 0, 0]
  for (let second = 0; second < 50; second++) {
    yield* world.elapse("1 second")
    const now = Math.max(...(yield* graph(citizens)).map((links) => links.length))
    most = Math.max(most, now)
    excess = now > maxPeers ? excess + 1 : 0
    longestExcess = Math.max(longestExcess, excess)
  }
  const edges = yield* graph(citizens)
  const lose = (share: number) => Effect.forEach(Array.from({ length: losses }), () => survivors(edges, share))
  const [lost30, lost50] = [yield* lose(0.3), yield* lose(0.5)]
  yield* broadcast(citizens, 10, "warm-up")
  const spread = yield* broadcast(citizens, broadcasts, "broadcast")
  const hops: Array<number> = []
  for (let n = 0; n < messages; n++) {
    const [from, to] = [yield* anyOf(citizens), yield* anyOf(citizens)]
    if (from === to) continue
    yield* world.run(Effect.ignore(from.mesh.send(to.peerId, `message ${n}`)))
    hops.push(to.heard.get(`message ${n}`)?.hops ?? Infinity)
  }
  const degrees = edges.map((links) => links.length)
  return {
    components,
    ringAfter10,
    ringAfter60: yield* ringShare(citizens),
    mean: mean(degrees),
    most: Math.max(...degrees),
    peak: most,
    longestExcess,
    paths: Measures.paths(edges),
    lost30,
    lost50,
    spread,
    hops
  }
})

const repair = Effect.fnUntraced(function*(size: number) {
  const world = yield* World
  const citizens = yield* grow(size, gaps.burst)
  yield* world.elapse("60 seconds")
  const order = yield* Random.shuffle(citizens)
  const [dead, living] = [order.slice(0, Math.round(0.3 * size)), order.slice(Math.round(0.3 * size))]
  const opened = living.reduce((sum, citizen) => sum + citizen.opened(), 0)
  for (const { peerId } of dead) yield* world.vanish(peerId)
  const seen = Effect.gen(function*() {
    const newLinks = living.reduce((sum, citizen) => sum + citizen.opened(), -opened) / living.length
    const sizes = Measures.components(yield* graph(living))
    return { ring: yield* ringShare(living), together: (sizes[0] ?? 0) / living.length, newLinks }
  })
  // A death is noticed within 12 s.
  yield* world.elapse("22 seconds")
  const first = yield* seen
  yield* world.elapse("40 seconds")
  const later = yield* seen
  return { first, later, spread: yield* broadcast(living, 5, "after") }
})

const runs = <A, E>(scenario: Effect.Effect<A, E, World | Scope.Scope>) =>
  Effect.runPromise(Effect.forEach(
    numbers(flags.seeds),
    (seed) => scenario.pipe(Effect.scoped, Effect.provide(World.layer({ seed, traceLimit: 0 })))
  ))

const started = performance.now()
for (const size of numbers(flags.sizes)) {
  for (const arrival of wanted("formation") ? arrivals : []) {
    const all = await runs(formation(size, gaps[arrival]))
    const name = `N=${size}, ${arrival}, ${all.length} runs`
    const least = (values: ReadonlyArray<number>) => `${percent(mean(values))}, least ${percent(Math.min(...values))}`
    print("1", `${name}: split 10 s after the last join`, `${all.filter((run) => run.components > 1).length}`, "0")
    print(
      "",
      `${name}: ring links, 10 s; 60 s after`,
      `${percent(mean(all.map((run) => run.ringAfter10)))}; ${percent(mean(all.map((run) => run.ringAfter60)))}`,
      "100 %"
    )
    print(
      "2",
      `${name}: links mean / max; peak; excess`,
      `${mean(all.map((run) => run.mean)).toFixed(2)} / ${Math.max(...all.map((run) => run.most))}; ` +
        `${Math.max(...all.map((run) => run.peak))}; ${Math.max(...all.map((run) => run.longestExcess))} s`,
      "<= 8; <= 10; 30 s"
    )
    print(
      "3",
      `${name}: diameter / average path`,
      `${Math.max(...all.map((run) => run.paths.diameter))} / ${
        Math.max(...all.map((run) => run.paths.average)).toFixed(2)
      }`,
      size <= 100 ? "<= 5 / 3" : "<= 7 / 4.5"
    )
    print(
      "4",
      `${name}: broadcasts reach; copies`,
      `${percent(mean(all.map((run) => run.spread.reach)))}; ${mean(all.map((run) => run.spread.copies)).toFixed(3)}`,
      "100 %; <= 1.05"
    )
    print("7", `${name}: together after 30 % die`, least(all.flatMap((run) => run.lost30)), ">= 99.9 %")
    print("8", `${name}: together after 50 % die`, least(all.flatMap((run) => run.lost50)), ">= 99 %")
    const hops = all.flatMap((run) => run.hops)
    const arrived = hops.filter(Number.isFinite)
    print(
      "18",
      `${name}: direct messages; hops p50 / p99`,
      `${percent(arrived.length / hops.length)}; ${Measures.quantile(arrived, 0.5)} / ${
        Measures.quantile(arrived, 0.99)
      }`,
      `>= 99.9 %; p99 <= ${(Math.log2(size) + 2).toFixed(1)}`
    )
  }
  if (!wanted("repair")) continue
  const all = await runs(repair(size))
  const name = `N=${size}, 30 % die, ${all.length} runs`
  print(
    "16",
    `${name}: ring links; new links each, after a round`,
    `${percent(mean(all.map(({ first }) => first.ring)))}; ${mean(all.map(({ first }) => first.newLinks)).toFixed(2)}`,
    ">= 99.5 %; <= 2.5"
  )
  print(
    "",
    `${name}: ring links; together, after a minute`,
    `${percent(mean(all.map(({ later }) => later.ring)))}; ${percent(mean(all.map(({ later }) => later.together)))}`,
    "100 %; 100 %"
  )
  print("4", `${name}: broadcasts reach then`, percent(mean(all.map(({ spread }) => spread.reach))), "100 %")
}
console.log(`(${((performance.now() - started) / 1000).toFixed(0)} s)`)
