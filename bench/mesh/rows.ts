/** The table of goals: what each row asks for, and what to read it from. */
import * as Measures from "../../test/support/overlay/Measures.ts"
import type { Scenario } from "./Plan.ts"
import { least, mean, most, percent, type Samples, seconds, sum } from "./Samples.ts"

export interface Row {
  /** Its number in the table; rows without one are there for those who look closer. */
  readonly id: string
  readonly what: string
  readonly scenario: Scenario
  readonly goal: (size: number) => string
  /** The figure, and whether it is what it should be; `undefined` when it was not measured. */
  readonly reached: (samples: Samples, size: number) => readonly [figure: string, isReached: boolean] | undefined
}

/** A figure of some samples, which may not have been measured. */
const of = (
  name: string,
  figure: (values: ReadonlyArray<number>, size: number, all: Samples) => readonly [string, boolean]
): Row["reached"] =>
(samples, size) => {
  const values = samples[name]
  return values === undefined || values.length === 0 ? undefined : figure(values, size, samples)
}

/** A goal, and whether it is reached: what is said and what is asked for are one number. */
type Goal = Pick<Row, "goal" | "reached">

const asGoal = (share: number) => () => `>= ${Number((100 * share).toFixed(2))} %`

const atLeast = (name: string, share: number): Goal => ({
  goal: asGoal(share),
  reached: of(name, (values) => [`${percent(mean(values))} of ${values.length}`, mean(values) >= share])
})

/** Shares that are rare to be missed: the mean counts, the least is said. */
const survival = (name: string, share: number): Goal => ({
  goal: asGoal(share),
  reached: of(name, (values) => [`${percent(mean(values))}, least ${percent(least(values))}`, mean(values) >= share])
})

const hops = (name: string, extra: number): Goal => ({
  goal: (size) => `p99 <= ${(Math.log2(size) + extra).toFixed(1)}`,
  reached: of(name, (values, size) => {
    const p99 = Measures.quantile(values, 0.99)
    return [`${Measures.quantile(values, 0.5)} / ${p99}`, p99 <= Math.log2(size) + extra]
  })
})

const always = (goal: string) => () => goal

export const rows: ReadonlyArray<Row> = [
  {
    id: "1",
    what: "runs that are split 10 s after the last join",
    scenario: "formation",
    goal: always("0"),
    reached: of("components", (values) => {
      const split = values.filter((components) => components > 1).length
      return [`${split} of ${values.length}`, split === 0]
    })
  },
  {
    id: "",
    what: "ring links after 10 s; after 60 s",
    scenario: "formation",
    goal: always("100 % after 60 s"),
    reached: of("ring60", (values, _, { ring10 = [] }) => [
      `${percent(mean(ring10))}; ${percent(mean(values))}`,
      mean(values) === 1
    ])
  },
  {
    id: "2",
    what: "links mean / max; most for a moment; longest excess",
    scenario: "formation",
    goal: always("<= 8; <= 10; <= 30 s"),
    reached: of("degrees", (values, _, { excess = [], peak = [] }) => [
      `${mean(values).toFixed(2)} / ${most(values)}; ${most(peak)}; ${most(excess)} s`,
      most(values) <= 8 && most(peak) <= 10 && most(excess) <= 30
    ])
  },
  {
    id: "3",
    what: "diameter / average path, the longest of all runs",
    scenario: "formation",
    goal: (size) => size <= 100 ? "<= 5 / 3" : size <= 1000 ? "<= 7 / 4.5" : "",
    reached: of("diameter", (values, size, { path = [] }) => [
      `${most(values)} / ${most(path).toFixed(2)}`,
      size > 1000 || (most(values) <= (size <= 100 ? 5 : 7) && most(path) <= (size <= 100 ? 3 : 4.5))
    ])
  },
  {
    id: "4",
    what: "broadcasts that reach everybody",
    scenario: "formation",
    goal: always("100 %"),
    reached: of("reach", (values) => {
      const whole = values.filter((reach) => reach === 1).length
      return [`${percent(whole / values.length)} of ${values.length}`, whole === values.length]
    })
  },
  {
    id: "5",
    what: "copies of 1 KiB for each hearing after 10; of the first",
    scenario: "formation",
    goal: always("<= 1.05; <= 7"),
    reached: of("copies", (values, _, { firstCopies = [] }) => [
      `${mean(values).toFixed(3)}; ${mean(firstCopies).toFixed(2)}`,
      mean(values) <= 1.05 && mean(firstCopies) <= 7
    ])
  },
  {
    id: "6",
    what: "time to 99 % of the peers, p50 / p99 of broadcasts",
    scenario: "formation",
    goal: always("<= 1 s"),
    reached: of("to99", (values) => [
      `${seconds(Measures.quantile(values, 0.5))} / ${seconds(Measures.quantile(values, 0.99))}`,
      Measures.quantile(values, 0.5) <= 1000
    ])
  },
  {
    id: "7",
    what: "together right after 30 % are gone",
    scenario: "formation",
    ...survival("lost30", 0.999)
  },
  {
    id: "8",
    what: "together right after 50 % are gone",
    scenario: "formation",
    ...survival("lost50", 0.99)
  },
  {
    id: "9",
    what: "first broadcast after 30 % die: reach; slowest; copies",
    scenario: "loss",
    goal: always("100 % in <= 4 s"),
    reached: of("lossReach", (values, _, { lossCopies = [], lossToAll = [] }) => [
      `${percent(mean(values))}; ${seconds(most(lossToAll))}; ${mean(lossCopies).toFixed(2)}`,
      least(values) === 1 && most(lossToAll) <= 4000
    ])
  },
  {
    id: "10",
    what: "gets that find what was put",
    scenario: "formation",
    ...atLeast("got", 0.999)
  },
  { id: "11", what: "hops of a get, p50 / p99", scenario: "formation", ...hops("getHops", 1) },
  {
    id: "12",
    what: "messages of a put; copies",
    scenario: "formation",
    goal: always("<= 20"),
    reached: of("putMessages", (values, _, { holders = [] }) => [
      `${mean(values).toFixed(1)}; ${mean(holders).toFixed(2)}`,
      mean(values) <= 20
    ])
  },
  {
    id: "13",
    what: "gets right after 30 % die",
    scenario: "loss",
    ...atLeast("early", 0.995)
  },
  {
    id: "14",
    what: "gets a round after 30 % died",
    scenario: "loss",
    ...atLeast("mended", 0.999)
  },
  {
    id: "14",
    what: "the same with the hub gone",
    scenario: "hubless",
    ...atLeast("mended", 0.995)
  },
  {
    id: "15",
    what: "gets a round after 50 % died",
    scenario: "half",
    ...atLeast("mended", 0.999)
  },
  ...(["loss", "hubless"] as const).map((scenario): Row => ({
    id: "16",
    what: `ring links; new links each, a round after 30 % died${scenario === "hubless" ? ", no hub" : ""}`,
    scenario,
    goal: always(">= 99.5 %; <= 2.5"),
    reached: of("ringMended", (values, _, { newLinks = [] }) => [
      `${percent(mean(values))}; ${mean(newLinks).toFixed(2)}`,
      mean(values) >= 0.995 && mean(newLinks) <= 2.5
    ])
  })),
  ...(["loss", "hubless", "half"] as const).map((scenario): Row => ({
    id: "",
    what: `together; ring links, a minute after ${scenario === "half" ? "50" : "30"} % died${
      scenario === "hubless" ? ", no hub" : ""
    }`,
    scenario,
    goal: always("100 %; 100 %"),
    reached: of("together", (values, _, { ringLater = [] }) => [
      `${percent(mean(values))}; ${percent(mean(ringLater))}`,
      least(values) === 1 && least(ringLater) === 1
    ])
  })),
  {
    id: "17",
    what: "sessions of 2 min: gets; split looks; links each a minute",
    scenario: "churn",
    goal: always(">= 99.9 %; 0; <= 6"),
    reached: of("churnGot", (values, _, { churnLinks = [], churnSplit = [] }) => [
      `${percent(mean(values))}; ${sum(churnSplit)} of ${churnSplit.length}; ${mean(churnLinks).toFixed(2)}`,
      mean(values) >= 0.999 && sum(churnSplit) === 0 && mean(churnLinks) <= 6
    ])
  },
  {
    id: "18",
    what: "direct messages that arrive once, and are confirmed",
    scenario: "formation",
    ...atLeast("arrived", 0.999)
  },
  { id: "18", what: "their hops, p50 / p99", scenario: "formation", ...hops("hops", 2) },
  {
    id: "18",
    what: "those sent right after 30 % died; slowest; untrue",
    scenario: "loss",
    goal: always(">= 99.9 %; < 15 s; 0"),
    reached: of("lossSent", (values, _, { lossLies = [], lossMillis = [] }) => [
      `${percent(mean(values))} of ${values.length}; ${seconds(most(lossMillis))}; ${sum(lossLies)}`,
      mean(values) >= 0.999 && most(lossMillis) < 15_000 && sum(lossLies) === 0
    ])
  }
]
