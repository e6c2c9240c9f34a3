/** A network forms and is used: rows 1 to 8, 10 to 12 and 18. */
import { Effect, Random } from "effect"
import { World } from "../../../src/testing/World.ts"
import * as Measures from "../../../test/support/overlay/Measures.ts"
import { graph, grow, ringShare } from "../../../test/support/town.ts"
import { broadcasts } from "../../../test/support/town/broadcasts.ts"
import { messages } from "../../../test/support/town/messages.ts"
import { getMany, putAll } from "../../../test/support/town/table.ts"
import * as Wire from "../../../test/support/town/Wire.ts"
import { gaps, type Run } from "../Plan.ts"
import type { Samples } from "../Samples.ts"

const maxPeers = 8
const warmUps = 10

/** How much is measured: less in large networks, where each costs more. */
const effort = (size: number) => ({
  losses: 20,
  broadcasts: size > 200 ? 15 : 40,
  messages: size > 200 ? 200 : 250,
  keys: size > 200 ? 40 : 60,
  reads: size > 200 ? 200 : 250
})

/** The share of the survivors in the largest component when a share of the peers is gone. */
const survivors = Effect.fnUntraced(function*(edges: ReadonlyArray<ReadonlyArray<number>>, share: number) {
  const order = yield* Random.shuffle(Array.from(edges.keys()))
  const left = Array.from(order).slice(Math.round(share * edges.length))
  const index = new Map(left.map((at, to) => [at, to]))
  const rest = left.map((at) =>
    (edges[at] ?? []).flatMap((other) => {
      const to = index.get(other)
      return to === undefined ? [] : [to]
    })
  )
  return (Measures.components(rest)[0] ?? 0) / left.length
})

export const formation = Effect.fnUntraced(function*(run: Run, say: (what: string) => void) {
  const { arrival, rows, size } = run
  const wants = (...some: ReadonlyArray<string>) => rows.length === 0 || some.some((row) => rows.includes(row))
  const samples: Record<string, ReadonlyArray<number>> = {}
  const world = yield* World
  const wire = Wire.make()
  const count = effort(size)
  const citizens = yield* grow(size, gaps[arrival], { spoil: wire.spoil })
  yield* world.elapse("10 seconds")
  samples["components"] = [Measures.components(yield* graph(citizens)).length]
  samples["ring10"] = [yield* ringShare(citizens)]
  say("grown")
  if (!wants("2", "3", "4", "5", "6", "7", "8", "10", "11", "12", "18")) return samples

  let [peak, excess, longestExcess] = [0, 0, 0]
  for (let second = 0; second < 50; second++) {
    yield* world.elapse("1 second")
    const now = Math.max(...(yield* graph(citizens)).map((links) => links.length))
    peak = Math.max(peak, now)
    excess = now > maxPeers ? excess + 1 : 0
    longestExcess = Math.max(longestExcess, excess)
  }
  const edges = yield* graph(citizens)
  const paths = Measures.paths(edges)
  Object.assign(samples, {
    ring60: [yield* ringShare(citizens)],
    degrees: edges.map((links) => links.length),
    peak: [peak],
    excess: [longestExcess],
    diameter: [paths.diameter],
    path: [paths.average]
  })
  for (const [name, share] of wants("7", "8") ? [["lost30", 0.3], ["lost50", 0.5]] as const : []) {
    samples[name] = yield* Effect.forEach(Array.from({ length: count.losses }), () => survivors(edges, share))
  }
  say("settled")

  if (wants("4", "5", "6")) {
    const warm = yield* broadcasts(citizens, { count: warmUps, name: "warm-up", wire })
    const spreads = yield* broadcasts(citizens, { count: count.broadcasts, name: "broadcast", wire })
    Object.assign(samples, {
      firstCopies: warm.slice(0, 1).map(({ copies }) => copies),
      reach: [...warm, ...spreads].map(({ reach }) => reach),
      copies: spreads.map(({ copies }) => copies),
      to99: spreads.map(({ to99 }) => to99)
    })
    say("broadcast")
  }
  if (wants("18")) {
    const sent = yield* messages(citizens, { count: count.messages, name: "message", atOnce: 10 })
    Object.assign(samples, {
      arrived: sent.map(({ confirmed, times }) => confirmed && times === 1 ? 1 : 0),
      hops: sent.flatMap(({ hops }) => Number.isNaN(hops) ? [] : [hops])
    })
    say("messaged")
  }
  if (wants("10", "11", "12")) {
    const keys = { name: "key", count: count.keys }
    const puts = yield* putAll(citizens, keys, wire)
    const gets = yield* getMany(citizens, keys, { count: count.reads, wire })
    Object.assign(samples, {
      putMessages: puts.map(({ messages }) => messages),
      holders: puts.map(({ holders }) => holders),
      got: gets.map(({ right }) => right ? 1 : 0),
      getHops: gets.map(({ hops }) => hops)
    })
    say("read")
  }
  return samples as Samples
})
