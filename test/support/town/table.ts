/** What becomes of values that a town keeps in its hash table. */
import { Clock, Effect, Option, Result } from "effect"
import { World } from "../../../src/testing/World.ts"
import type { Citizen } from "../town.ts"
import { anyOf } from "./chance.ts"
import type * as Wire from "./Wire.ts"

const keyOf = (name: string, n: number) => `${name}-${n}`

export interface Keys {
  readonly name: string
  readonly count: number
}

/** Random peers put a value under each key: how many peers held it, and how many messages that took. */
export const putAll = Effect.fnUntraced(
  function*(citizens: ReadonlyArray<Citizen>, { count, name }: Keys, wire: Wire.Wire) {
    const world = yield* World
    const puts: Array<{ readonly holders: number; readonly messages: number }> = []
    for (let n = 0; n < count; n++) {
      const writer = yield* anyOf(citizens)
      const before = wire.count("requests") + wire.count("spreads")
      const put = yield* world.run(Effect.result(writer.mesh.dht.put(keyOf(name, n), n)))
      puts.push({
        holders: Result.isSuccess(put) ? put.success.holders : 0,
        messages: wire.count("requests") + wire.count("spreads") - before
      })
    }
    return puts
  }
)

export interface Got {
  /** It was the value that was put. */
  readonly right: boolean
  /** Requests that it took; only when one is made at a time. */
  readonly hops: number
  readonly millis: number
}

/** Random peers read random keys, `atOnce` at a time. */
export const getMany = Effect.fnUntraced(function*(
  citizens: ReadonlyArray<Citizen>,
  keys: Keys,
  options: { readonly count: number; readonly wire: Wire.Wire; readonly atOnce?: number }
) {
  const world = yield* World
  const all = Array.from({ length: keys.count }, (_, n) => n)
  const get = Effect.gen(function*() {
    const [reader, n] = [yield* anyOf(citizens), yield* anyOf(all)]
    const [at, before] = [yield* Clock.currentTimeMillis, options.wire.count("requests")]
    const got = yield* Effect.result(reader.mesh.dht.get(keyOf(keys.name, n)))
    return {
      right: Result.isSuccess(got) && Option.isSome(got.success) && got.success.value.value === n,
      hops: options.wire.count("requests") - before,
      millis: (yield* Clock.currentTimeMillis) - at
    } satisfies Got as Got
  })
  return yield* world.run(
    Effect.all(Array.from({ length: options.count }, () => get), { concurrency: options.atOnce ?? 1 })
  )
})
