/** Peers stay for two minutes on average, vanish without a word and are replaced: row 17. */
import { Clock, Effect, Random } from "effect"
import { World } from "../../../src/testing/World.ts"
import * as Measures from "../../../test/support/overlay/Measures.ts"
import { arrive, type Citizen, graph, grow } from "../../../test/support/town.ts"
import { getMany, putAll } from "../../../test/support/town/table.ts"
import * as Wire from "../../../test/support/town/Wire.ts"
import { gaps, type Run } from "../Plan.ts"
import { mean, percent, type Samples } from "../Samples.ts"

const session = 120_000

/** A peer that came less than so many milliseconds ago is not part of anything yet. */
const settling = 10_000

/** A network of those who are settled is in one piece when each can reach each, over whomever. */
const isTogether = (edges: ReadonlyArray<ReadonlyArray<number>>, settled: ReadonlyArray<boolean>): boolean => {
  const seen = new Set([settled.indexOf(true)])
  for (const at of seen) for (const next of edges[at] ?? []) seen.add(next)
  return settled.every((isSettled, at) => !isSettled || seen.has(at))
}

export const churn = Effect.fnUntraced(function*(run: Run, say: (what: string) => void) {
  const { size } = run
  const minutes = size > 200 ? 4 : 10
  const world = yield* World
  const wire = Wire.make()
  const options = { spoil: wire.spoil }
  const living: Array<Citizen & { readonly since: number }> = []
  for (const citizen of yield* grow(size, gaps.burst, options)) living.push({ ...citizen, since: -Infinity })
  yield* world.elapse("60 seconds")
  say("grown")
  let [names, openedByGone] = [size, 0]
  const before = living.reduce((sum, citizen) => sum + citizen.opened(), 0)
  const keys = { name: "key", count: 50 }
  yield* putAll(living, keys, wire)
  const got: Array<number> = []
  const split: Array<number> = []
  const startsAt = yield* Clock.currentTimeMillis
  const endsAt = startsAt + minutes * 60_000

  const until = Effect.fnUntraced(function*(at: number) {
    yield* world.elapse(Math.max(0, at - (yield* Clock.currentTimeMillis)))
  })

  const look = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const isSettled = ({ since }: { readonly since: number }) => now - since >= settling
    const edges = yield* graph(living)
    split.push(isTogether(edges, living.map(isSettled)) ? 0 : 1)
    const reads = yield* getMany(living.filter(isSettled), keys, { count: 50, wire, atOnce: 50 })
    got.push(...reads.map(({ right }) => right ? 1 : 0))
    say(
      `${((now - startsAt) / 1000).toFixed(0)} s, gets ${percent(mean(got))}, ${
        Measures.components(edges).length
      } parts`
    )
  })

  const replaceOne = Effect.gen(function*() {
    const [gone] = living.splice(Math.floor((yield* Random.next) * living.length), 1)
    if (gone !== undefined) {
      openedByGone += gone.opened()
      yield* world.vanish(gone.peerId)
    }
    const since = yield* Clock.currentTimeMillis
    living.push({ ...(yield* world.run(arrive(names++, options))), since })
  })

  for (let [next, looks] = [startsAt, startsAt + 30_000]; next < endsAt;) {
    next += -Math.log(1 - (yield* Random.next)) * session / size
    for (; looks <= Math.min(next, endsAt); looks += 30_000) {
      yield* until(looks)
      yield* look
    }
    yield* until(next)
    yield* replaceOne
  }
  const opened = openedByGone + living.reduce((sum, citizen) => sum + citizen.opened(), 0) - before
  return { churnGot: got, churnSplit: split, churnLinks: [opened / size / minutes] } satisfies Samples as Samples
})
