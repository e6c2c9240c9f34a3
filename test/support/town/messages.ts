/** How messages to one peer fare in a town. */
import { Clock, Effect, Result } from "effect"
import { World } from "../../../src/testing/World.ts"
import type { Citizen } from "../town.ts"
import { anyTwo } from "./chance.ts"

/** What became of one message. */
export interface Sent {
  /** How often it came to its addressee. */
  readonly times: number
  /** Links that it crossed; `NaN` when it did not come. */
  readonly hops: number
  /** The sender was told that it arrived. */
  readonly confirmed: boolean
  /** The tag of the error that the sender got otherwise. */
  readonly error: string | undefined
  /** Milliseconds until the sender knew. */
  readonly millis: number
}

/** Random peers send to others, `atOnce` at a time. */
export const messages = Effect.fnUntraced(function*(
  citizens: ReadonlyArray<Citizen>,
  { atOnce = 1, count, name }: { readonly count: number; readonly name: string; readonly atOnce?: number }
) {
  const world = yield* World
  const send = Effect.fnUntraced(function*(n: number) {
    const [from, to] = yield* anyTwo(citizens)
    const content = `${name} ${n}`
    const at = yield* Clock.currentTimeMillis
    const result = yield* Effect.result(from.mesh.send(to.peerId, content))
    const millis = (yield* Clock.currentTimeMillis) - at
    const word = to.heard.get(content)
    return {
      times: word?.times ?? 0,
      hops: word?.hops ?? Number.NaN,
      confirmed: Result.isSuccess(result),
      error: Result.isFailure(result) ? result.failure._tag : undefined,
      millis
    } satisfies Sent as Sent
  })
  return yield* world.run(Effect.forEach(Array.from({ length: count }, (_, n) => n), send, { concurrency: atOnce }))
})
