import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Packet } from "../../../src/domain/Frame.ts"
import * as Probe from "../../../src/domain/Probe.ts"
import { defaults } from "../../../src/services/link/LinkSettings.ts"
import * as Prober from "../../../src/services/link/Prober.ts"

/** How an end behaves: `old` asks without saying what it measured, as the first version did. */
type Kind = "new" | "old"

interface End {
  readonly prober: Prober.Prober
  readonly kind: Kind
  readonly asked: Array<number>
  readonly suspected: Array<number>
  lostAt: number | undefined
  alive: boolean
  /** Hears, but its own time stands still, as in a tab in the background. */
  frozen: boolean
  /** Does nothing at all, as on a laptop that sleeps; what came meanwhile is heard after the next beat. */
  stalled: boolean
}

const [step, oneWay, beat] = [50, 100, 2000]

/** Two ends of a link, 100 ms apart, with a beat every 2 s that need not be at the same time. */
const link = (kinds: readonly [Kind, Kind] = ["new", "new"]) => {
  let now = 0
  let queue: Array<{ readonly at: number; readonly to: 0 | 1; readonly probe: Probe.Probe }> = []
  let unsent = 0

  const end = (side: 0 | 1): End => {
    const heard = { at: 0 }
    const kind = kinds[side]
    const one: End = {
      kind,
      asked: [],
      suspected: [],
      lostAt: undefined,
      alive: true,
      frozen: false,
      stalled: false,
      prober: Prober.make({
        leads: kind === "old" || side === 0,
        channel: {
          sendUnsafe: (packet: Packet) => {
            const probe = Probe.read(String(packet))
            assert.isDefined(probe)
            if (probe === undefined || !one.alive) return false
            if (probe.type === "ping") one.asked.push(now)
            const { rtt: _, ...plain } = { rtt: 0, ...probe }
            queue.push({ at: now + oneWay, to: side === 0 ? 1 : 0, probe: kind === "old" ? plain : probe })
            return true
          },
          bufferedAmount: () => unsent
        },
        settings: defaults,
        since: 0,
        lastHeard: () => heard.at,
        suspected: () => void one.suspected.push(now),
        lost: () => void (one.lostAt ??= now)
      })
    }
    hears.push((probe) => {
      heard.at = now
      one.prober.take(probe)
    })
    return one
  }
  const hears: Array<(probe: Probe.Probe) => void> = []
  const ends = [end(0), end(1)] as const

  const run = (seconds: number) => {
    for (const until = now + 1000 * seconds; now < until;) {
      now += step
      const isDue = ({ at, to }: { readonly at: number; readonly to: 0 | 1 }) => at <= now && !ends[to].stalled
      const due = queue.filter(isDue)
      queue = queue.filter((one) => !isDue(one))
      for (const { probe, to } of due) if (ends[to].alive) hears[to]?.(probe)
      for (const [side, one] of ends.entries()) {
        if (one.alive && !one.frozen && !one.stalled && (now + 700 * side) % beat === 0) one.prober.beat(now)
      }
    }
  }
  return { ends, run, now: () => now, stuff: (bytes: number) => void (unsent = bytes) }
}

describe("a link's probes", () => {
  it("come from one end, and tell both ends the round trip", () => {
    const { ends: [first, second], run } = link()
    run(10)
    const asked = second.asked.length
    assert.strictEqual(first.prober.rttMillis(), 2 * oneWay)
    assert.strictEqual(second.prober.rttMillis(), 2 * oneWay)
    run(600)
    assert.strictEqual(second.asked.length, asked)
    // Until the first round trip was told.
    assert.isAtMost(asked, 2)
    assert.strictEqual(first.asked.length, 305)
    assert.deepStrictEqual([first.lostAt, second.lostAt], [undefined, undefined])
    assert.deepStrictEqual([first.suspected, second.suspected], [[], []])
  })

  it.each([0, 1] as const)("notice that end %i died: suspected in time, and lost within 12.1 s", (dead) => {
    for (let moment = 0; moment < 40; moment++) {
      const { ends, now, run } = link()
      run(20 + moment / 20)
      const died = now()
      ends[dead].alive = false
      run(15)
      const survivor = ends[1 - dead]
      assert(survivor !== undefined)
      const { lostAt, suspected } = survivor
      assert(lostAt !== undefined)
      assert.isAtMost(lostAt - died, 12_000 + oneWay)
      assert.isAtLeast(lostAt - died, 7000)
      assert.strictEqual(suspected.length, 1)
      assert.isAtMost((suspected[0] ?? Infinity) - died, 7000 + oneWay)
    }
  })

  it("come from the other end while the one that leads hears but cannot ask", () => {
    const { ends: [first, second], run } = link()
    run(20)
    const asked = second.asked.length
    first.frozen = true
    run(60)
    assert.isAtLeast(second.asked.length - asked, 28)
    assert.deepStrictEqual([first.lostAt, second.lostAt], [undefined, undefined])
    assert.strictEqual(second.suspected.length, 0)
    first.frozen = false
    run(20)
    const resumed = second.asked.length
    run(60)
    assert.strictEqual(second.asked.length, resumed)
    assert.deepStrictEqual([first.lostAt, second.lostAt], [undefined, undefined])
  })

  it.each([["new", "old"], ["old", "new"]] as const)(
    "work between a %s and an %s end, and both know the round trip",
    (...kinds) => {
      for (const dead of [0, 1] as const) {
        const { ends, now, run } = link(kinds)
        run(60)
        for (const { lostAt, prober } of ends) {
          assert.isUndefined(lostAt)
          assert.strictEqual(prober.rttMillis(), 2 * oneWay)
        }
        ends[dead].alive = false
        const died = now()
        run(15)
        assert.isAtMost((ends[1 - dead]?.lostAt ?? Infinity) - died, 12_000 + oneWay)
      }
    }
  )

  it("take a late beat of our own for our fault, and not for theirs", () => {
    const { ends: [first, second], run } = link()
    run(10)
    second.alive = false
    first.frozen = true
    run(60)
    first.frozen = false
    run(4)
    assert.isUndefined(first.lostAt)
    run(10)
    assert.isDefined(first.lostAt)
  })

  const Stall = Schema.Tuple([
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 800 }))
  ])
  it.prop(
    "never let an end that stalls, however long and often, take the other for dead",
    [Schema.Array(Stall).check(Schema.isBetweenLength(1, 12)), Schema.Literals([0, 1])],
    ([stalls, side]) => {
      const { ends, now, run } = link()
      run(10)
      for (const [wakes, sleeps] of stalls) {
        run((wakes * step) / 1000)
        ends[side].stalled = true
        run((sleeps * step) / 1000)
        // It wakes with a beat, before it hears what came.
        ends[side].prober.beat(now())
        ends[side].stalled = false
      }
      run(20)
      assert.isUndefined(ends[side].lostAt)
    },
    { arbitrary: { seed: 9, runs: 200 } }
  )

  it("are not answered to a neighbour that asks and does not read", () => {
    const { ends: [first], run, stuff } = link()
    stuff(2 * 1024 * 1024)
    run(6)
    assert.isUndefined(first.prober.rttMillis())
  })
})
