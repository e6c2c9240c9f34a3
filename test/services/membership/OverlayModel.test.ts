/** A small, fixed part of what `bench/overlay.ts` measures. */
import { assert, describe, it } from "@effect/vitest"
import * as Measures from "../../support/overlay/Measures.ts"
import type { Peer } from "../../support/overlay/Model.ts"
import { type Arrival, churn, formation, grow, heal, merge, repair } from "../../support/overlay/Scenarios.ts"

const arrivals: ReadonlyArray<Arrival> = ["trickle", "burst", "flash"]
const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

describe("a network of 100", () => {
  for (const arrival of arrivals) {
    it(`is one whole ring with short paths within 10 s, whether peers come by ${arrival}`, () => {
      const runs = [1, 2].map((seed) => formation(grow(100, arrival, { seed }), { deaths: 20, ways: 100 }))
      for (const run of runs) {
        assert.strictEqual(run.components, 1)
        assert.strictEqual(run.ringAfter10, 1)
        assert.strictEqual(run.ringAfter60, 1)
        assert.strictEqual(run.labels, 1)
        assert.isAtMost(run.degrees.most, 8)
        assert.isAtLeast(run.degrees.mean, 7)
        assert.isAtMost(run.mostLinks, 10)
        assert.isAtMost(run.longestExcess, 30_000)
        assert.isAtMost(run.paths.diameter, 5)
        assert.isAtMost(run.paths.average, 3)
        assert.strictEqual(run.messages.share, 1)
        assert.isAtMost(run.messages.p99, Math.log2(100) + 2)
        assert.strictEqual(run.lookups.share, 1)
        assert.isAtMost(run.lookups.p99, Math.log2(100) + 1)
      }
      assert.isAtLeast(mean(runs.flatMap((run) => run.survive30)), 0.999)
      assert.isAtLeast(mean(runs.flatMap((run) => run.survive50)), 0.99)
    })
  }

  it("agrees on its links: a ring link is one for both ends, and nobody is linked to itself", () => {
    const model = grow(100, "burst", { seed: 4, introductions: "sample" })
    model.run(60_000)
    const views = new Map(
      model.living.map((peer) => [peer.id, new Map(peer.overlay.links.map((link) => [link.peer, link]))])
    )
    for (const [one, links] of views) {
      assert.isFalse(links.has(one))
      for (const link of links.values()) {
        const theirs = views.get(link.peer)?.get(one)
        assert.strictEqual(theirs?.ours, link.theirs)
        assert.strictEqual(theirs?.theirs, link.ours)
        if (link.ours === "ring") assert.strictEqual(link.theirs, "ring")
      }
      assert.isAtMost(Array.from(links.values()).filter((link) => link.ours === "long").length, 2)
      assert.isAtMost(Array.from(links.values()).filter((link) => link.theirs === "long").length, 2)
    }
  })

  it("changes nothing once it stands, and has candidates still after ten minutes", () => {
    const model = grow(100, "burst", { seed: 5 })
    model.run(120_000)
    const [opened, hungUp] = [model.opened, model.hungUp]
    model.run(600_000)
    assert.isAtMost(model.opened - opened, 5)
    assert.isAtMost(model.hungUp - hungUp, 5)
    for (const { overlay } of model.living) {
      assert.isAtLeast(overlay.known().length, 30)
      const { clockwise, counter } = overlay.leafSet(model.now)
      assert.deepStrictEqual([clockwise.length, counter.length], [8, 8])
    }
  })

  for (const hubs of [true, false]) {
    it(`repairs itself within a round when 30 die, ${hubs ? "with" : "without"} a hub`, () => {
      for (const detection of [[0, 0], [5000, 15000]] as const) {
        const run = repair(grow(100, "burst", { seed: 6, detection }), { share: 0.3, hubs })
        assert.isAtLeast(run.first.ring, 0.995)
        assert.strictEqual(run.first.together, 1)
        assert.isAtMost(run.first.newLinks, 2.5)
        assert.strictEqual(run.later.ring, 1)
        assert.strictEqual(run.lookups.share, 1)
      }
    })
  }

  it("stays together while its peers stay two minutes each", () => {
    const run = churn(grow(100, "burst", { seed: 7 }), { session: 120_000, minutes: 3 })
    assert.strictEqual(run.splitRounds, 0)
    assert.isAtLeast(run.lookups, 0.999)
    assert.isAtLeast(run.owners, 0.98)
    assert.isAtMost(run.newLinksPerMinute, 7)
    assert.isAtMost(run.mostLinks, 10)
    assert.isAtMost(run.longestExcess, 30_000)
  })

  it("finds its other half, however it was lost", () => {
    const apart = merge(100, { seed: 8 }, 1)
    assert.deepStrictEqual(apart.before, { components: 2, labels: 2 })
    assert.isAtMost(apart.seconds, 60)
    assert.strictEqual(apart.labels, 1)
    for (const arcs of [true, false]) {
      const cut = heal(grow(100, "burst", { seed: 9 }), { seconds: 200, arcs })
      assert.strictEqual(cut.parts, 2)
      assert.strictEqual(cut.labels, 2)
      assert.isAtMost(cut.seconds, 60)
    }
  })

  it("does not take a peer for dead because one of its links broke", () => {
    const model = grow(100, "burst", { seed: 13 })
    model.run(300_000)
    const [one, other] = Measures.ringOrder(model.living).slice(40, 42)
    assert(one !== undefined && other !== undefined)
    const ids = [one.id, other.id]
    const near = model.living.filter(({ id, overlay }) => {
      const { clockwise, counter } = overlay.leafSet(model.now)
      return !ids.includes(id) && ids.every((peer) => clockwise.includes(peer) || counter.includes(peer))
    })
    assert.isAtLeast(near.length, 10)
    const wrong = () =>
      near.filter(({ overlay }) => {
        const { clockwise, counter } = overlay.leafSet(model.now)
        return !ids.every((peer) => clockwise.includes(peer) || counter.includes(peer))
      }).length
    model.snap(one, other)
    let peerSeconds = 0
    for (let seconds = 0; seconds < 300; seconds++) {
      model.run(1000)
      peerSeconds += wrong()
      if (seconds >= 20) assert.strictEqual(wrong(), 0, `after ${seconds} s`)
    }
    assert.isAtMost(peerSeconds, 60)
    // And once it can be linked again, it is.
    model.heal()
    model.run(90_000)
    assert.strictEqual(Measures.ringShare(model, 2), 1)
  })

  it("says little while nothing changes, and keeps one name", () => {
    const model = grow(100, "burst", { seed: 14 })
    model.run(600_000)
    const frames = model.frames
    for (let minute = 0; minute < 30; minute++) {
      model.run(60_000)
      assert.strictEqual(Measures.labels(model).size, 1)
    }
    // 8 links, each told once a minute, and what looks for places.
    assert.isAtMost((model.frames - frames) / 100 / 30, 16)
    for (const { overlay } of model.living) {
      const { clockwise, counter } = overlay.leafSet(model.now)
      assert.deepStrictEqual([clockwise.length, counter.length], [8, 8])
    }
  })

  it("goes on when peers leave politely, one after the other", () => {
    const model = grow(100, "burst", { seed: 10 })
    model.run(60_000)
    const hasLeft: Array<Peer> = []
    for (const peer of model.living.slice(0, 60)) {
      model.leave(peer)
      hasLeft.push(peer)
      model.run(500)
    }
    model.run(5_000)
    assert.strictEqual(Measures.components(Measures.graph(model)).length, 1)
    assert.strictEqual(Measures.ringShare(model, 2), 1)
  })
})

describe("networks of other sizes and shapes", () => {
  it("are linked completely while they fit", () => {
    for (const size of [2, 3, 5, 9]) {
      for (const arrival of arrivals) {
        const model = grow(size, arrival, { seed: size })
        model.run(10_000)
        assert.deepStrictEqual(Measures.graph(model).map((links) => links.length), Array(size).fill(size - 1))
      }
    }
  })

  it("hold with any maxPeers that makes a ring", () => {
    for (
      const [maxPeers, average] of [[2, 15.5], [3, 9], [4, 5.5], [5, 4], [6, 3.2], [7, 3], [12, 2.3], [
        50,
        1.6
      ]] as const
    ) {
      const model = grow(60, "burst", { seed: maxPeers, maxPeers, minPeers: Math.min(4, maxPeers) })
      model.run(60_000)
      const edges = Measures.graph(model)
      assert.strictEqual(Measures.components(edges).length, 1, `maxPeers ${maxPeers}`)
      assert.strictEqual(Measures.ringShare(model, 1), 1, `maxPeers ${maxPeers}`)
      assert.isAtMost(Measures.degrees(model).most, maxPeers)
      assert.isAtMost(Measures.paths(edges).average, average)
    }
  })

  it("form with a hub that introduces any peers", () => {
    const model = grow(150, "burst", { seed: 11, introductions: "sample" })
    model.run(10_000)
    assert.strictEqual(Measures.components(Measures.graph(model)).length, 1)
    assert.strictEqual(Measures.ringShare(model, 2), 1)
  })

  it("repeat themselves from a seed", () => {
    const run = () => {
      const model = grow(50, "burst", { seed: 12 })
      model.run(30_000)
      return [model.frames, model.opened, model.dialled, Measures.graph(model)]
    }
    assert.deepStrictEqual(run(), run())
  })
})
