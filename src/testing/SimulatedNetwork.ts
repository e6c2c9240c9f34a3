/**
 * The simulated network: carries things between places, late, in order, and not at all where it is cut.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { type Happening, Trace } from "./Trace.ts"
import { Virtual } from "./VirtualClock.ts"
import { type Forecast, resolve, type Weather } from "./Weather.ts"

/** Where something comes from or goes to. @category models */
export interface Place {
  /** A peer's id or a hub's URL; `undefined` for one that cannot be cut off. */
  readonly name: string | undefined
  /** `false` once it has vanished: nothing leaves it or reaches it any more. */
  alive: boolean
}

/** A place without a name. @category constructors */
export const nowhere = (): Place => ({ name: undefined, alive: true })

/** One direction of a way between two places. @category models */
export interface Wire<A> {
  /** Sends something. Where the way is cut it waits here until it is whole again, as TCP and SCTP do it. */
  send(value: A): void
  /** How much waits here. */
  waiting(): number
  /** Nothing arrives any more, and nothing waits. */
  close(): void
}

/** @category services */
export class SimulatedNetwork extends Context.Service<SimulatedNetwork, {
  readonly forecast: Forecast
  now(): number
  /** Calls a function after a delay, in milliseconds. */
  after(delay: number, act: () => void): void
  /** Whether something with this probability happens now. */
  chance(share: number): boolean
  between(range: readonly [number, number]): number
  note(happening: Happening): void
  /** What was noted last, oldest first. */
  readonly noted: () => ReadonlyArray<Happening & { readonly at: number }>
  wire<A>(from: Place, to: Place, deliver: (value: A) => void): Wire<A>
  /** Whether the way between two places is cut. */
  isCut(a: Place, b: Place): boolean
  cut(groupA: ReadonlyArray<string>, groupB: ReadonlyArray<string>): void
  /** Makes every way whole again; what waited is sent. */
  heal(): void
}>()("homing/testing/SimulatedNetwork") {
  /** Draws from Effect's randomness and spends Effect's time. */
  static readonly layer = (weather: Weather = {}, traceLimit = 100_000): Layer.Layer<SimulatedNetwork> =>
    Layer.effect(SimulatedNetwork, make(resolve(weather), traceLimit))
}

const nameOf = (a: string, b: string): string => a < b ? `${a} ${b}` : `${b} ${a}`

const make = Effect.fnUntraced(function*(forecast: Forecast, traceLimit: number) {
  const clock = yield* Clock.Clock
  const virtual = yield* Virtual
  const random = yield* Random.Random
  const fork = yield* FiberSet.makeRuntime()
  const now = () => clock.currentTimeMillisUnsafe()
  // On any other clock a delay costs a fiber.
  const after = virtual?.after ??
    ((delay: number, act: () => void) => void fork(Effect.delay(Effect.sync(act), delay)))
  const between = ([least, most]: readonly [number, number]) => least + random.nextDoubleUnsafe() * (most - least)
  const chance = (share: number) => share > 0 && random.nextDoubleUnsafe() < share
  const trace = new Trace(traceLimit, now)

  const cuts = new Set<string>()
  const latencies = new Map<string, number>()
  /** What to do once ways are whole again. */
  const blocked = new Set<() => void>()

  const isCut = (a: Place, b: Place) =>
    cuts.size > 0 && a.name !== undefined && b.name !== undefined && cuts.has(nameOf(a.name, b.name))

  const latencyOf = (a: Place, b: Place): number => {
    if (a.name === undefined || b.name === undefined) return between(forecast.latency)
    const name = nameOf(a.name, b.name)
    const latency = latencies.get(name) ?? between(forecast.latency)
    latencies.set(name, latency)
    return latency
  }

  const wire = <A>(from: Place, to: Place, deliver: (value: A) => void): Wire<A> => {
    const latency = latencyOf(from, to)
    let arrivesAfter = 0
    let closed = false
    let held: Array<A> = []
    // Whatever timer fires delivers the oldest: real ones are not exact enough to keep the order.
    const underWay: Array<{ readonly value: A }> = []
    const arrive = () => {
      const oldest = underWay.shift()
      if (oldest !== undefined && !closed && to.alive) deliver(oldest.value)
    }

    const release = () => {
      if (isCut(from, to)) return
      const values = held
      held = []
      blocked.delete(release)
      for (const value of values) send(value)
    }

    const send = (value: A) => {
      if (closed || !from.alive) return
      if (isCut(from, to)) {
        held.push(value)
        blocked.add(release)
        return
      }
      const sentAt = now()
      arrivesAfter = Math.max(arrivesAfter, sentAt + latency + random.nextDoubleUnsafe() * forecast.jitter)
      underWay.push({ value })
      after(arrivesAfter - sentAt, arrive)
    }

    return {
      send,
      waiting: () => held.length,
      close: () => {
        closed = true
        held = []
        blocked.delete(release)
      }
    }
  }

  return SimulatedNetwork.of({
    forecast,
    now,
    after,
    chance,
    between,
    note: (happening) => trace.note(happening),
    noted: () => trace.last,
    wire,
    isCut,
    cut: (groupA, groupB) => {
      for (const a of groupA) for (const b of groupB) cuts.add(nameOf(a, b))
    },
    heal: () => {
      cuts.clear()
      for (const release of Array.from(blocked)) release()
    }
  })
})
