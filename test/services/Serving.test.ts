/** Who gets what comes over a link. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Frame } from "../../src/domain/Frame.ts"
import { initialTtl } from "../../src/domain/Frame.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { SimulatedNetwork } from "../../src/testing/SimulatedNetwork.ts"
import * as SimulatedWebRtc from "../../src/testing/SimulatedWebRtc.ts"
import { dialBoth, pair } from "../support/pair.ts"
import { elapse, peer, simulate } from "../support/simulation.ts"

const networkName = NetworkName.make("global")

const said = (id: string): Frame => ({
  type: "gossip",
  id,
  subtype: "chat",
  content: id,
  from: peer(1),
  timestamp: 0,
  ttl: initialTtl,
  path: [peer(1)]
})

const taken = (id: string): Frame => ({ type: "dht-taken", networkName, id })

const names = (batch: ReadonlyArray<Frame>) => batch.map((frame) => "id" in frame ? frame.id : frame.type)

describe("a pool's handlers", () => {
  it.effect("each get what is theirs, in order, and what came before they were there", () =>
    Effect.gen(function*() {
      const ends = yield* pair(peer(1), peer(2))
      const [ada, bob] = ends
      yield* dialBoth(ends)
      yield* elapse(2)
      const [gossip, dht]: readonly [Array<string>, Array<string>] = [[], []]
      for (const frame of [said("a"), taken("b"), said("c"), taken("d")]) yield* ada.pool.send(bob.self, frame)
      yield* elapse(1)
      yield* bob.pool.serve(["gossip"], (_, batch) => Effect.sync(() => void gossip.push(...names(batch))))
      yield* elapse(1)
      // What nobody serves yet holds up what came over the link with it.
      yield* bob.pool.serve(["dht-taken"], (_, batch) => Effect.sync(() => void dht.push(...names(batch))))
      yield* elapse(1)
      yield* ada.pool.send(bob.self, said("e"))
      yield* ada.pool.send(bob.self, taken("f"))
      yield* elapse(1)
      assert.deepStrictEqual([gossip, dht], [["a", "c", "e"], ["b", "d", "f"]])
      // One link is not stopped by what nobody serves.
      yield* ada.pool.send(bob.self, { type: "dht-want", networkName, id: "g", keys: [] })
      yield* ada.pool.send(bob.self, said("h"))
      yield* elapse(6)
      assert.deepStrictEqual(gossip, ["a", "c", "e", "h"])
    }).pipe(simulate, Effect.provide(SimulatedWebRtc.layer), Effect.provide(SimulatedNetwork.layer())))

  it.effect("wait for nobody else's: who is slow with messages holds up no answers of the hash table", () =>
    Effect.gen(function*() {
      const ends = yield* pair(peer(1), peer(2))
      const [ada, bob] = ends
      const [gossip, dht]: readonly [Array<string>, Array<string>] = [[], []]
      yield* bob.pool.serve(
        ["gossip"],
        (_, batch) => Effect.andThen(Effect.sleep("1 minute"), Effect.sync(() => void gossip.push(...names(batch))))
      )
      yield* bob.pool.serve(["dht-taken"], (_, batch) => Effect.sync(() => void dht.push(...names(batch))))
      yield* dialBoth(ends)
      yield* elapse(2)
      yield* ada.pool.send(bob.self, said("a"))
      yield* elapse(1)
      for (const frame of [taken("b"), said("c"), taken("d")]) yield* ada.pool.send(bob.self, frame)
      yield* elapse(1)
      assert.deepStrictEqual([gossip, dht], [[], ["b", "d"]])
      yield* elapse(120)
      assert.deepStrictEqual(gossip, ["a", "c"])
    }).pipe(simulate, Effect.provide(SimulatedWebRtc.layer), Effect.provide(SimulatedNetwork.layer())))
})
