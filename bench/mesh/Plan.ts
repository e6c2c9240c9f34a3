/** What is to be run: which networks, how often, and which rows of the table. */
import { parseArgs } from "node:util"

/** How peers come: one a second, twenty a second, or all at once. */
export const gaps = { trickle: 1000, burst: 50, flash: 0 } as const

export type Arrival = keyof typeof gaps

/** What is done to a network; see `scenarios`. */
export const scenarios = ["formation", "loss", "hubless", "half", "churn"] as const

export type Scenario = typeof scenarios[number]

/** One network, in a process of its own. */
export interface Run {
  readonly scenario: Scenario
  readonly size: number
  readonly arrival: Arrival
  readonly seed: number
  /** The rows that are wanted: what no row needs is left out. */
  readonly rows: ReadonlyArray<string>
}

export interface Plan {
  readonly sizes: ReadonlyArray<number>
  readonly arrivals: ReadonlyArray<Arrival>
  readonly scenarios: ReadonlyArray<Scenario>
  readonly seeds: ReadonlyArray<number>
  /** Empty: all. */
  readonly rows: ReadonlyArray<string>
  /** Runs side by side. */
  readonly jobs: number
}

/** `1,4-6` is 1, 4, 5 and 6. */
const numbers = (list: string): ReadonlyArray<number> =>
  list.split(",").flatMap((part) => {
    const [first = NaN, last = first] = part.split("-").map(Number)
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })

/** Those of a list's words that are among some. */
const chosen = <A extends string>(list: string, among: ReadonlyArray<A>): ReadonlyArray<A> => {
  const words = new Set(list.split(","))
  return among.filter((word) => words.has(word))
}

/** Reads the command line. */
export const fromArguments = (args: ReadonlyArray<string>): Plan => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: "string", default: "10,50,100" },
      seeds: { type: "string", default: "1" },
      rows: { type: "string", default: "" },
      arrivals: { type: "string", default: "trickle,burst,flash" },
      only: { type: "string", default: scenarios.join(",") },
      jobs: { type: "string", default: "1" },
      nightly: { type: "boolean", default: false }
    }
  })
  return {
    sizes: [...numbers(values.sizes), ...(values.nightly ? [5000] : [])],
    arrivals: chosen(values.arrivals, ["trickle", "burst", "flash"]),
    scenarios: chosen(values.only, scenarios),
    seeds: numbers(values.seeds),
    rows: values.rows === "" ? [] : values.rows.split(","),
    jobs: Number(values.jobs)
  }
}
