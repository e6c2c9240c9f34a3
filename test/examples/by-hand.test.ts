import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { type Command, Operator, parse } from "../../examples/by-hand.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { elapse, simulate, world } from "../support/simulation.ts"
import { resident, tour } from "./tour.ts"

const away = (name: string): Command => ({ _tag: "Away", to: NetworkName.make(name) })

describe("by hand", () => {
  it.effect("goes at once where it is told, although others are at home", () =>
    Effect.gen(function*() {
      yield* resident("bob", "gaming")
      const { context, networks } = yield* tour("gaming", Operator.layer)
      const { order } = Context.get(context, Operator)
      yield* elapse(60)
      // Joining a network takes a moment; the next check would be several seconds away.
      for (
        const [command, network] of [
          [away("eu-west"), "eu-west"],
          [away("us-east"), "us-east"],
          [{ _tag: "Home" }, "gaming"]
        ] as const
      ) {
        yield* order(command)
        yield* elapse(1)
        assert.strictEqual(networks().at(-1), network)
      }
      yield* order(away("eu-west"))
      yield* elapse(600)
      assert.deepStrictEqual(networks(), ["gaming", "eu-west", "us-east", "gaming", "eu-west"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("stays at home when told to, and does as always when told nothing else", () =>
    Effect.gen(function*() {
      const { context, networks } = yield* tour("gaming", Operator.layer)
      const { order } = Context.get(context, Operator)
      yield* order({ _tag: "Home" })
      yield* elapse(120)
      assert.deepStrictEqual(networks(), ["gaming"])
      yield* order({ _tag: "Auto" })
      yield* elapse(1)
      assert.deepStrictEqual(networks(), ["gaming", "global"])
    }).pipe(simulate, Effect.provide(world)))

  it.effect("does not take a strict peer away", () =>
    Effect.gen(function*() {
      const { context, mesh, networks } = yield* tour("gaming", Operator.layer)
      yield* mesh.setAllowGlobalFallback(false)
      yield* Context.get(context, Operator).order(away("eu-west"))
      yield* elapse(30)
      assert.deepStrictEqual(networks(), ["gaming"])
    }).pipe(simulate, Effect.provide(world)))

  it("understands what an operator types, and nothing else", () => {
    assert.deepStrictEqual(["auto", " home ", "away eu-west"].map(parse), [
      { _tag: "Auto" },
      { _tag: "Home" },
      away("eu-west")
    ])
    for (const line of ["", "away", "away a:b", "away EU", "stay"]) assert.isUndefined(parse(line))
  })
})
