import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setImmediate } from "node:timers/promises"
import { type Party, talkersPerTurn, Turns } from "../../../src/hub/connection/Turns.ts"

const turn = Effect.promise(() => setImmediate())

describe("Turns", () => {
  it.live("flush what was written when the turn ends, once, and let few talkers speak in each, in order", () =>
    Effect.gen(function*() {
      const turns = new Turns()
      let log: Array<string> = []
      const party = (name: string): Party => ({
        flush: () => void log.push(`flush ${name}`),
        resume: () => void log.push(`resume ${name}`)
      })
      const next = Effect.map(turn, () => {
        const before = log
        log = []
        return before
      })
      const names = Array.from({ length: talkersPerTurn + 2 }, (_, n) => String(n))
      for (const name of names) turns.wait(party(name))
      turns.wrote(party("a"))
      turns.wrote(party("b"))
      assert.deepStrictEqual(log, [])
      const first = turns.number
      assert.deepStrictEqual(yield* next, [
        "flush a",
        "flush b",
        ...names.slice(0, talkersPerTurn).map((name) => `resume ${name}`)
      ])
      assert.strictEqual(turns.number, first + 1)
      assert.deepStrictEqual(yield* next, names.slice(talkersPerTurn).map((name) => `resume ${name}`))
      assert.deepStrictEqual(yield* next, [])
    }))
})
