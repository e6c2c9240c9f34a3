/**
 * Prints what the overlay reaches in a model of many peers, beside what it should: `node bench/overlay.ts`, with any of
 *
 *     --sizes 10,100,1000     peers; default 10,50,100,500,1000
 *     --seeds 1-20            runs of each formation; default 1-3
 *     --max-peers 6           default 8
 *     --introductions sample  a hub that introduces any 64 peers, not the nearest
 *     --patient               links as they are made today: the smaller id waits 2 s for the other's offer before it offers
 *                             itself, and a dead peer is given up after 50 s
 *     --only formation,churn  of formation, repair, churn, merge
 *
 * The core is the real one; around it there is only how long things take: 20 to 120 ms for a link, 0.3 to 1 s to make one.
 */
import { parseArgs } from "node:util"
import * as Measures from "../test/support/overlay/Measures.ts"
import type { Settings } from "../test/support/overlay/Model.ts"
import { type Arrival, churn, formation, grow, heal, merge, repair } from "../test/support/overlay/Scenarios.ts"

const { values: flags } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,50,100,500,1000" },
    seeds: { type: "string", default: "1-3" },
    "max-peers": { type: "string", default: "8" },
    introductions: { type: "string", default: "nearest" },
    patient: { type: "boolean", default: false },
    only: { type: "string", default: "formation,repair,churn,merge" }
  }
})

const [firstSeed = 1, lastSeed = firstSeed] = flags.seeds.split("-").map(Number)
const seeds = Array.from({ length: lastSeed - firstSeed + 1 }, (_, index) => firstSeed + index)
const sizes = flags.sizes.split(",").map(Number)
const maxPeers = Number(flags["max-peers"])
const settings = (seed: number, more: Partial<Settings> = {}): Partial<Settings> => ({
  seed,
  maxPeers,
  minPeers: Math.min(4, maxPeers),
  introductions: flags.introductions === "sample" ? "sample" : "nearest",
  ...(flags.patient ? { offerWait: 2000, patience: 50_000 } : {}),
  ...more
})

const wanted = (what: string) => flags.only.split(",").includes(what)
const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
const percent = (share: number) => `${(100 * share).toFixed(2)} %`
const seconds = (millis: number) => `${(millis / 1000).toFixed(0)} s`

/** A line: the row of the table of goals, what was measured, the figure, and the goal. */
const print = (row: string, what: string, figure: string, goal: string) => {
  console.log(`${row.padEnd(6)} ${what.padEnd(62)} ${figure.padEnd(40)} ${goal}`)
}

const timed = <A>(run: () => A): A => {
  const start = performance.now()
  const result = run()
  console.log(`       (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  return result
}

if (wanted("formation")) {
  for (const size of sizes) {
    const arrivals: ReadonlyArray<Arrival> = size > 100 ? ["burst", "flash"] : ["trickle", "burst", "flash"]
    for (const arrival of arrivals) {
      const name = `N=${size}, ${arrival}, ${seeds.length} runs`
      const runs = timed(() =>
        seeds.map((seed) =>
          formation(grow(size, arrival, settings(seed)), { deaths: size < 100 ? 20 : 10, ways: size < 500 ? 500 : 200 })
        )
      )
      const log = Math.log2(size)
      print(
        "1",
        `${name}: disconnected 10 s after the last join`,
        `${runs.filter((run) => run.components > 1).length}`,
        "0"
      )
      print("", `${name}: disconnected after 60 s`, `${runs.filter((run) => run.componentsAfter60 > 1).length}`, "0")
      print(
        "",
        `${name}: ring links that are there, 10 s; 60 s`,
        `${percent(mean(runs.map((run) => run.ringAfter10)))}; ${percent(mean(runs.map((run) => run.ringAfter60)))}`,
        "100 %"
      )
      print(
        "2",
        `${name}: links mean / max; most for a moment; longest excess`,
        `${mean(runs.map((run) => run.degrees.mean)).toFixed(2)} / ${
          Math.max(...runs.map((run) => run.degrees.most))
        }; ` +
          `${Math.max(...runs.map((run) => run.mostLinks))}; ${
            seconds(Math.max(...runs.map((run) => run.longestExcess)))
          }`,
        `<= ${maxPeers}; <= ${maxPeers + 2}; 30 s`
      )
      print(
        "3",
        `${name}: diameter / average path`,
        `${Math.max(...runs.map((run) => run.paths.diameter))} / ${
          Math.max(...runs.map((run) => run.paths.average)).toFixed(2)
        }`,
        size <= 100 ? "<= 5 / 3" : size <= 1000 ? "<= 7 / 4.5" : ""
      )
      const survivals = (share: ReadonlyArray<number>) =>
        `${percent(mean(share))}, least ${percent(Math.min(...share))}`
      print(
        "7",
        `${name}: largest component after 30 % die`,
        survivals(runs.flatMap((run) => run.survive30)),
        ">= 99.9 %"
      )
      print(
        "8",
        `${name}: largest component after 50 % die`,
        survivals(runs.flatMap((run) => run.survive50)),
        ">= 99 %"
      )
      for (const [row, what, extra] of [["11", "lookups", 1], ["18", "messages", 2]] as const) {
        print(
          row,
          `${name}: ${what} that arrive; hops p50 / p99`,
          `${percent(mean(runs.map((run) => run[what].share)))}; ` +
            `${Math.max(...runs.map((run) => run[what].p50))} / ${Math.max(...runs.map((run) => run[what].p99))}`,
          `>= 99.9 %; p99 <= ${(log + extra).toFixed(1)}`
        )
      }
      print(
        "",
        `${name}: names of components; links made per peer`,
        `${Math.max(...runs.map((run) => run.labels))}; ${mean(runs.map((run) => run.opened)).toFixed(1)}`,
        "1"
      )
    }
  }
}

if (wanted("repair")) {
  for (const size of sizes.filter((size) => size >= 100)) {
    for (const share of [0.3, 0.5]) {
      for (const hubs of [true, false]) {
        for (const detection of [[0, 0], [5000, 15000]] as const) {
          const name = `N=${size}, ${100 * share} % die, hub ${hubs ? "there" : "gone"}, noticed ${
            detection[1] === 0 ? "at once" : "in 5-15 s"
          }`
          const runs = timed(() =>
            seeds.slice(0, 3).map((seed) => repair(grow(size, "burst", settings(seed, { detection })), { share, hubs }))
          )
          print(
            "16",
            `${name}: ring links; new links per survivor`,
            `${percent(mean(runs.map((run) => run.first.ring)))}; ${
              mean(runs.map((run) => run.first.newLinks)).toFixed(2)
            }`,
            share === 0.3 ? ">= 99.5 %; <= 2.5" : ""
          )
          print(
            "",
            `${name}: together after the round; after 60 s; ring then`,
            [
              ...(["first", "later"] as const).map((when) =>
                percent(Math.min(...runs.map((run) => run[when].together)))
              ),
              percent(Math.min(...runs.map((run) => run.later.ring)))
            ].join("; "),
            "100 %"
          )
        }
      }
    }
  }
}

if (wanted("churn")) {
  for (const size of sizes.filter((size) => size >= 100)) {
    for (const detection of [[0, 0], [5000, 15000]] as const) {
      const name = `N=${size}, sessions of 120 s, noticed ${detection[1] === 0 ? "at once" : "in 5-15 s"}`
      const run = timed(() =>
        churn(grow(size, "burst", settings(firstSeed, { detection })), {
          session: 120_000,
          minutes: size > 500 ? 4 : 10
        })
      )
      print(
        "17",
        `${name}: lookups; split rounds; new links/min`,
        `${percent(run.lookups)}; ${percent(run.splitRounds)}; ${run.newLinksPerMinute.toFixed(2)}`,
        ">= 99.9 %; 0; <= 6"
      )
      print("", `${name}: owners found; ring links there`, `${percent(run.owners)}; ${percent(run.ring)}`, "")
      print(
        "2",
        `${name}: most links; longest excess`,
        `${run.mostLinks}; ${seconds(run.longestExcess)}`,
        `<= ${maxPeers + 2}; 30 s`
      )
    }
  }
}

if (wanted("merge")) {
  for (const size of sizes.filter((size) => size >= 50)) {
    for (const introduced of [1, 5]) {
      const runs = timed(() => seeds.slice(0, 3).map((seed) => merge(size, settings(seed), introduced)))
      print(
        "",
        `N=${size}, two rings that formed apart, ${introduced} introduced: one ring after`,
        `${Measures.quantile(runs.map((run) => run.seconds), 1)} s`,
        ""
      )
    }
    for (const arcs of [true, false]) {
      const runs = timed(() =>
        seeds.slice(0, 3).map((seed) => heal(grow(size, "burst", settings(seed)), { seconds: 200, arcs }))
      )
      print(
        "",
        `N=${size}, cut in two ${arcs ? "arcs" : "at random"} for 200 s: parts, names, one ring after`,
        `${Math.max(...runs.map((run) => run.parts))}, ${Math.min(...runs.map((run) => run.labels))}, ${
          Math.max(...runs.map((run) => run.seconds))
        } s`,
        ""
      )
    }
  }
}
