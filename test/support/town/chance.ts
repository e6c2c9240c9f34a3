/** Random choices among many, from the world's randomness. */
import { Effect, Random } from "effect"

/** Any of them. */
export const anyOf = Effect.fnUntraced(function*<A>(all: ReadonlyArray<A>) {
  const chosen = all[Math.floor((yield* Random.next) * all.length)]
  return chosen === undefined ? yield* Effect.die(new Error("nobody to choose from")) : chosen
})

/** Any two of them. */
export const anyTwo = Effect.fnUntraced(function*<A>(all: ReadonlyArray<A>) {
  const first = Math.floor((yield* Random.next) * all.length)
  const second = (first + 1 + Math.floor((yield* Random.next) * (all.length - 1))) % all.length
  const [one, other] = [all[first], all[second]]
  return one === undefined || other === undefined
    ? yield* Effect.die(new Error("not two to choose from"))
    : [one, other] as const
})
