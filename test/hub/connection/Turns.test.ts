import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setImmediate } from "node:timers/promises"
import { type Party, Turns, workPerTurn } from "../../../src/hub/connection/Turns.ts"

const turn = Effect.promise(() => setImmediate())

/** Turns, parties for them, and what these did since they were last asked. */
const make = () => {
  const turns = new Turns()
  let log: Array<string> = []
  const party = (name: string, speak: (self: Party) => void = () => undefined): Party => {
    const self: Party = {
      flush: () => void log.push(`flush ${name}`),
      resume() {
        log.push(name)
        speak(self)
      }
    }
    return self
  }
  const next = Effect.map(turn, () => log.splice(0))
  return { turns, party, next }
}

describe("Turns", () => {
  it.live("flush what was written when the turn ends, once", () =>
    Effect.gen(function*() {
      const { next, party, turns } = make()
      turns.wrote(party("a"))
      turns.wrote(party("b"))
      assert.deepStrictEqual(yield* next, ["flush a", "flush b"])
      assert.deepStrictEqual(yield* next, [])
    }))

  it.live("let those in line speak one after the other, as often as there is work left to give", () =>
    Effect.gen(function*() {
      const { next, party, turns } = make()
      const talker = (name: string, work: number) =>
        party(name, (self) => {
          turns.worked(work)
          turns.wait(self)
        })
      turns.wait(talker("a", workPerTurn / 4))
      turns.wait(talker("b", workPerTurn / 4))
      turns.wait(talker("c", workPerTurn))
      assert.deepStrictEqual(yield* next, ["a", "b", "c"])
      assert.deepStrictEqual(yield* next, ["a", "b", "c"])
    }))

  it.live("go on with who is next in line", () =>
    Effect.gen(function*() {
      const { next, party, turns } = make()
      for (const name of ["a", "b", "c"]) turns.wait(party(name, () => turns.worked(workPerTurn)))
      assert.deepStrictEqual(yield* next, ["a"])
      assert.deepStrictEqual(yield* next, ["b"])
      assert.deepStrictEqual(yield* next, ["c"])
      assert.deepStrictEqual(yield* next, [])
    }))

  it.live("are busy until they end", () =>
    Effect.gen(function*() {
      const { next, turns } = make()
      turns.worked(workPerTurn - 1)
      assert.isFalse(turns.isBusy)
      turns.worked(1)
      assert.isTrue(turns.isBusy)
      yield* next
      assert.isFalse(turns.isBusy)
    }))
})
