import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { type Gossip as Message, initialTtl } from "../../../src/domain/Frame.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Passage from "../../../src/services/gossip/Passage.ts"
import { random } from "../../support/gossip/Model.ts"

const idOf = (n: number) => PeerId.make(n.toString(16).padStart(40, "0"))

interface Shape {
  readonly links: ReadonlyArray<ReadonlyArray<number>>
  /** Those who say nothing and pass nothing on, though their links are open. */
  readonly dead: ReadonlySet<number>
}

const messageFrom = (from: number, to: number): Message => ({
  type: "gossip",
  id: "1",
  subtype: "dm",
  content: null,
  from: idOf(from),
  to: idOf(to),
  timestamp: 0,
  acknowledge: true,
  custody: true,
  ttl: initialTtl,
  path: [idOf(from)]
})

/** Brings one message from the first peer to another across many cores, on links that take 50 ms. */
const send = ({ dead, links }: Shape, to: number) => {
  const numbers = new Map(links.map((_, n) => [idOf(n), n]))
  const away = (n: number, target: number) => {
    const distance = Math.abs(n - target)
    return Math.min(distance, links.length - distance)
  }
  /** The nearest neighbour of those left, looking one hop ahead. */
  const best = (n: number, target: number, except: (peer: PeerId) => boolean) => {
    const score = (next: number) =>
      Math.min(2 * away(next, target), ...(links[next] ?? []).map((far) => 2 * away(far, target) + 1))
    return (links[n] ?? []).filter((next) => !except(idOf(next))).toSorted((a, b) => score(a) - score(b))[0]
  }
  const target = (peer: PeerId) => numbers.get(peer) ?? Number.parseInt(peer.slice(-8), 16)
  const cores = links.map((all, n) =>
    Passage.make({
      isLinked: (peer) => all.includes(target(peer)),
      next: (peer, except) => {
        const next = best(n, target(peer), except)
        if (next === undefined) return undefined
        const reach = Math.min(away(next, target(peer)), ...(links[next] ?? []).map((far) => away(far, target(peer))))
        return reach < away(n, target(peer)) ? idOf(next) : undefined
      },
      learned: () => undefined,
      detour: (peer, except) => {
        const next = best(n, target(peer), except)
        return next === undefined ? undefined : idOf(next)
      },
      isKnown: (peer) => numbers.has(peer),
      isBusy: () => false
    })
  )
  let now = 0
  const agenda: Array<{ readonly at: number; readonly act: () => void }> = []
  const seen: { arrived: number; arrivedAt?: number; passes: number; failed?: { readonly absent: boolean } } = {
    arrived: 0,
    passes: 0
  }
  const carryOut = (n: number, commands: ReadonlyArray<Passage.Command>) => {
    for (const command of commands) {
      if (command._tag === "Failed") {
        seen.failed = command
        continue
      }
      const next = target(command.to)
      if (command._tag === "Pass") {
        seen.passes++
        carryOut(n, cores[n]?.handle({ _tag: "Sent", name: "m", to: command.to }, now) ?? [])
      }
      agenda.push({ at: now + 50, act: () => hear(n, next, command) })
    }
  }
  const hear = (from: number, n: number, command: Exclude<Passage.Command, { readonly _tag: "Failed" }>) => {
    if (dead.has(n) || dead.has(from)) return
    const core = cores[n]
    assert.isDefined(core)
    switch (command._tag) {
      case "Take":
        return carryOut(n, core.handle({ _tag: "Taken", from: idOf(from), names: ["m"] }, now))
      case "Return":
        return carryOut(
          n,
          core.handle({ _tag: "Returned", from: idOf(from), name: "m", absent: command.absent }, now)
        )
      case "Pass": {
        if (n === to) {
          seen.arrived++
          return carryOut(n, [{ _tag: "Take", name: "m", to: idOf(from) }])
        }
        const { message } = command
        const onward = { ...message, ttl: message.ttl - 1, path: [...message.path, idOf(n)] }
        return carryOut(
          n,
          core.handle({ _tag: "Came", name: "m", message: onward, to: idOf(to), bytes: 1, from: idOf(from) }, now)
        )
      }
    }
  }
  carryOut(
    0,
    cores[0]?.handle(
      { _tag: "Started", name: "m", message: messageFrom(0, to), to: idOf(to), bytes: 1, tried: [] },
      now
    ) ?? []
  )
  for (; now <= 30_000; now += 50) {
    const due = agenda.filter(({ at }) => at <= now)
    for (const item of due) agenda.splice(agenda.indexOf(item), 1)
    for (const { act } of due) act()
    for (const [n, core] of cores.entries()) {
      if (!dead.has(n) && core.wakeAt() <= now) carryOut(n, core.handle({ _tag: "Due" }, now))
    }
    if (seen.arrived > 0 && seen.arrivedAt === undefined) seen.arrivedAt = now
  }
  for (const core of cores) if (!dead.has(cores.indexOf(core))) assert.strictEqual(core.size(), 0)
  return seen
}

/** A ring with two neighbours on each side, and two long links each. */
const ring = (count: number, draw: () => number) => {
  const links = Array.from({ length: count }, () => new Set<number>())
  const link = (a: number, b: number) => {
    if (a === b) return
    links[a]?.add(b)
    links[b]?.add(a)
  }
  for (let n = 0; n < count; n++) {
    link(n, (n + 1) % count)
    link(n, (n + 2) % count)
    for (let long = 0; long < 2; long++) link(n, (n + Math.round(count / 2 * count ** (draw() - 1))) % count)
  }
  return links.map((all) => Array.from(all))
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

describe("a direct message on its way", () => {
  it("comes straight where nobody is dead", () => {
    const links = ring(100, random(1))
    for (let to = 1; to < 100; to++) {
      const { arrived, passes } = send({ links, dead: new Set() }, to)
      assert.strictEqual(arrived, 1)
      assert.isAtMost(passes, 8)
    }
  })

  it.prop("goes around those who say nothing", [Seed], ([seed]) => {
    const draw = random(seed)
    const links = ring(60, draw)
    const to = 1 + Math.floor(draw() * 59)
    const dead = new Set<number>()
    for (let n = 1; n < 60; n++) if (n !== to && draw() < 0.3) dead.add(n)
    const { arrived, arrivedAt = Infinity } = send({ links, dead }, to)
    assert.isAtLeast(arrived, 1)
    // Hops that are dead cost a second each.
    assert.isBelow(arrivedAt, Passage.lives)
  }, { arbitrary: { seed: 1, runs: 60 } })

  it("is given back when there is nobody of that name, and at once", () => {
    const links = ring(100, random(2))
    const { failed, passes } = send({ links, dead: new Set() }, 1000)
    assert.deepInclude(failed, { absent: true })
    assert.isAtMost(passes, 8)
  })

  it("is bounded, whatever comes", () => {
    const core = Passage.make({
      isLinked: () => true,
      next: () => idOf(1),
      learned: () => undefined,
      detour: () => undefined,
      isKnown: () => true,
      isBusy: () => false
    })
    let returned = 0
    for (let n = 0; n < Passage.capacity + 10; n++) {
      const event = {
        _tag: "Came",
        name: `m${n}`,
        message: messageFrom(7, 9),
        to: idOf(9),
        bytes: 1,
        from: idOf(8)
      } as const
      for (const command of core.handle(event, 0)) {
        if (command._tag === "Return") returned++
        if (command._tag === "Pass") core.handle({ _tag: "Sent", name: command.name, to: command.to }, 0)
      }
    }
    assert.strictEqual(core.size(), Passage.capacity)
    assert.strictEqual(returned, 10)
    // What others have gives way to what they do not.
    core.handle({ _tag: "Taken", from: idOf(9), names: ["m0"] }, 0)
    const event = {
      _tag: "Came",
      name: "new",
      message: messageFrom(7, 9),
      to: idOf(9),
      bytes: 1,
      from: idOf(8)
    } as const
    assert.deepStrictEqual(core.handle(event, 0).map(({ _tag }) => _tag), ["Take", "Pass"])
    core.handle({ _tag: "Due" }, 60_000)
    assert.strictEqual(core.size(), 0)
  })
})
