/** How messages to everyone spread in a town. */
import { Clock, Effect } from "effect"
import { World } from "../../../src/testing/World.ts"
import type { Citizen } from "../town.ts"
import { anyOf } from "./chance.ts"
import type * as Wire from "./Wire.ts"

/** How one message spread. */
export interface Spread {
  /** The share of the others that heard it. */
  readonly reach: number
  /** Copies that crossed links, for each peer that heard it. */
  readonly copies: number
  /** Milliseconds until 99 % of the others, and all, had heard it; `Infinity` if they have not. */
  readonly to99: number
  readonly toAll: number
}

export interface Options {
  readonly count: number
  /** Tells these messages from others. */
  readonly name: string
  readonly wire: Wire.Wire
  /** Those who should hear what `from` says. Default: all. */
  readonly listeners?: (from: Citizen) => ReadonlyArray<Citizen>
  /** Seconds until it is looked who heard it. Default: 2. */
  readonly within?: number
  /** Bytes. Default: 1 KiB. */
  readonly bytes?: number
}

/** Random peers say something, one after the other. */
export const broadcasts = Effect.fnUntraced(function*(citizens: ReadonlyArray<Citizen>, options: Options) {
  const { bytes = 1024, count, listeners = () => citizens, name, wire, within = 2 } = options
  const world = yield* World
  const spreads: Array<Spread> = []
  for (let n = 0; n < count; n++) {
    const content = `${name} ${n} `.padEnd(bytes, "x")
    const from = yield* anyOf(citizens)
    const others = listeners(from).filter((citizen) => citizen !== from)
    const [at, before] = [yield* Clock.currentTimeMillis, wire.count("payloads")]
    yield* from.mesh.broadcast(content)
    yield* world.elapse(within * 1000)
    const times: Array<number> = []
    for (const { heard } of others) {
      const word = heard.get(content)
      if (word !== undefined) times.push(word.at - at)
      heard.delete(content)
    }
    times.sort((a, b) => a - b)
    spreads.push({
      reach: others.length === 0 ? 1 : times.length / others.length,
      copies: (wire.count("payloads") - before) / Math.max(1, times.length),
      to99: times[Math.ceil(0.99 * others.length) - 1] ?? Infinity,
      toAll: times[others.length - 1] ?? Infinity
    })
  }
  return spreads
})
