import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Picture from "../../../src/cli/peer/Picture.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { elapse, mesh, simulate, world } from "../../support/simulation.ts"

describe("a picture", () => {
  it("of networks is a table", () => {
    const gaming = { name: NetworkName.make("gaming"), present: 12, waiting: 0 }
    const work = { name: NetworkName.make("a-long-name"), present: 3, waiting: 1 }
    assert.deepStrictEqual(Picture.networks([gaming, work]), [
      "NETWORK      PEERS  WAITING",
      "gaming       12     0",
      "a-long-name  3      1"
    ])
    assert.deepStrictEqual(Picture.networks([]), ["no networks: nobody is here"])
  })

  it.effect("of whereabouts tells home and away", () =>
    Effect.gen(function*() {
      const ada = yield* mesh(1)
      const drawn = Effect.map(ada.status, Picture.whereabouts)
      yield* ada.join
      assert.strictEqual(yield* drawn, "gaming (joined), may fall back to global")
      yield* elapse(30)
      assert.strictEqual(yield* drawn, "global (joined), away from home, which is gaming, may fall back to global")
      yield* ada.setAllowGlobalFallback(false)
      yield* elapse(5)
      assert.strictEqual(yield* drawn, "gaming (joined), stays at home")
    }).pipe(simulate, Effect.provide(world)))
})
