/** A share of the peers vanishes at once, without a word: rows 9, 13 to 16, and direct messages meanwhile. */
import { Effect, Fiber, Random } from "effect"
import { World } from "../../../src/testing/World.ts"
import * as Measures from "../../../test/support/overlay/Measures.ts"
import { type Citizen, graph, grow, ringShare } from "../../../test/support/town.ts"
import { broadcasts } from "../../../test/support/town/broadcasts.ts"
import { messages } from "../../../test/support/town/messages.ts"
import { getMany, putAll } from "../../../test/support/town/table.ts"
import * as Wire from "../../../test/support/town/Wire.ts"
import { gaps, type Run } from "../Plan.ts"
import { mean, type Samples, sum } from "../Samples.ts"

export interface Options {
  readonly share: number
  /** Whether the hub goes with them. */
  readonly hubless: boolean
}

/** Those who can be reached from somebody, himself among them. */
const around = (citizens: ReadonlyArray<Citizen>, edges: ReadonlyArray<ReadonlyArray<number>>) => (from: Citizen) => {
  const seen = new Set([citizens.indexOf(from)])
  for (const at of seen) for (const next of edges[at] ?? []) seen.add(next)
  return citizens.filter((_, at) => seen.has(at))
}

export const loss = ({ hubless, share }: Options) =>
  Effect.fnUntraced(function*(run: Run, say: (what: string) => void) {
    const { size } = run
    const world = yield* World
    const wire = Wire.make()
    const keys = { name: "key", count: size > 200 ? 60 : 80 }
    const citizens = yield* grow(size, gaps.burst, { spoil: wire.spoil })
    yield* world.elapse("60 seconds")
    say("grown")
    yield* broadcasts(citizens, { count: 10, name: "warm-up", wire })
    yield* putAll(citizens, keys, wire)
    say("put")
    const order = Array.from(yield* Random.shuffle(citizens))
    const [dead, living] = [order.slice(0, Math.round(share * size)), order.slice(Math.round(share * size))]
    const opened = sum(living.map((citizen) => citizen.opened()))
    if (hubless) yield* world.hub.stop
    for (const { peerId } of dead) yield* world.vanish(peerId)

    // A death is noticed within 12 s: until then nobody knows.
    const edges = yield* graph(living)
    const early = yield* getMany(living, keys, { count: 250, wire, atOnce: 250 }).pipe(Effect.forkChild)
    const direct = yield* messages(living, { count: 200, name: "message", atOnce: 200 }).pipe(Effect.forkChild)
    const spread = yield* broadcasts(living, {
      count: 1,
      name: "early",
      wire,
      listeners: around(living, edges),
      within: 8
    })
    const [reads, sent] = [yield* world.run(Fiber.join(early)), yield* world.run(Fiber.join(direct))]
    say("before repair")

    yield* world.elapse(
      Math.max(0, 22_000 - Math.max(8000, ...reads.map(({ millis }) => millis), ...sent.map(({ millis }) => millis)))
    )
    const ring = yield* ringShare(living)
    const newLinks = (sum(living.map((citizen) => citizen.opened())) - opened) / living.length
    const mended = yield* getMany(living, keys, { count: 250, wire, atOnce: 25 })
    say("after a round")
    yield* world.elapse("40 seconds")
    const [first = 0] = Measures.components(yield* graph(living))
    return {
      lossReach: spread.map(({ reach }) => reach),
      lossToAll: spread.map(({ toAll }) => toAll),
      lossCopies: spread.map(({ copies }) => copies),
      early: reads.map(({ right }) => right ? 1 : 0),
      lossSent: sent.map(({ confirmed, times }) => confirmed && times === 1 ? 1 : 0),
      // Told one thing, while the other happened.
      lossLies: sent.map(({ confirmed, times }) => times > 1 || (confirmed && times === 0) ? 1 : 0),
      lossMillis: sent.filter(({ confirmed }) => confirmed).map(({ millis }) => millis),
      mended: mended.map(({ right }) => right ? 1 : 0),
      ringMended: [ring],
      newLinks: [newLinks],
      ringLater: [yield* ringShare(living)],
      together: [first / living.length],
      degree: [mean((yield* graph(living)).map((links) => links.length))]
    } satisfies Samples as Samples
  })
