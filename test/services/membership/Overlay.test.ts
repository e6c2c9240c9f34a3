import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Neighbours, OverlayFrame, Route } from "../../../src/domain/OverlayFrame.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import { make, type Overlay } from "../../../src/services/membership/Overlay.ts"
import { type Command, Event } from "../../../src/services/membership/OverlayEvent.ts"
import * as Rules from "../../../src/services/membership/Rules.ts"
import { peer } from "../../support/simulation.ts"

const self = peer(0)
const start = 1_000_000

/** The same numbers each time. */
const numbers = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const overlay = (maxPeers = 8, minPeers = Math.min(4, maxPeers)) =>
  make({ self, minPeers, maxPeers, random: numbers(1) }, start)

const only = <T extends Command["_tag"]>(commands: ReadonlyArray<Command>, tag: T) =>
  commands.filter((command): command is Extract<Command, { readonly _tag: T }> => command._tag === tag)

const introduce = (it: Overlay, peers: ReadonlyArray<PeerId>, now = start) => {
  for (const one of peers) it.handle(Event.Introduced({ now, peer: one, dialect: "homing" }))
  return it.handle(Event.Due({ now: now + Rules.introductionDelay }))
}

const open = (it: Overlay, one: PeerId, now: number) => {
  const offered = it.handle(Event.Offered({ now, peer: one, dialect: "homing" }))
  return [...offered, ...it.handle(Event.LinkOpened({ now, peer: one, dialect: "homing" }))]
}

const word = (more: Partial<Neighbours> = {}): Neighbours => ({
  type: "neighbours",
  wish: "spare",
  links: [],
  pigeons: [],
  leaves: [],
  ages: [],
  lost: [],
  label: peer(1000),
  epoch: 0,
  ...more
})

const peers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => peer(from + n))

describe("Overlay", () => {
  it("links everyone in a network that fits, and the nearest in one that does not", () => {
    const small = only(introduce(overlay(), peers(1, 9)), "Dial").map((dial) => dial.peer)
    assert.sameMembers(small, peers(1, 9))
    const ring = [...peers(1, 60)].toSorted()
    const nearest = only(introduce(overlay(), ring), "Dial")
    assert.deepStrictEqual(nearest.map((dial) => dial.intent), ["ring", "ring", "ring", "ring"])
    // Our own id is 0: its neighbours are the least and the greatest.
    assert.sameMembers(nearest.map((dial) => dial.peer), [...ring.slice(0, 2), ...ring.slice(-2)])
  })

  it("dials every candidate below the minimum", () => {
    const dials = only(introduce(overlay(6, 5), peers(1, 60)), "Dial")
    assert.deepStrictEqual(dials.map((dial) => dial.intent).toSorted(), ["ring", "ring", "spare", "spare", "spare"])
  })

  it("goes to the hub when it is alone, at growing intervals", () => {
    const it = overlay()
    const asked: Array<number> = []
    for (let now = start; now < start + 600_000; now += 100) {
      if (it.dueAt <= now && only(it.handle(Event.Due({ now })), "AskHub").length > 0) asked.push(now - start)
    }
    assert.isAtLeast(asked.length, 8)
    assert.isAtMost(asked.length, 25)
  })

  it("goes to the hub although somebody is being dialled, once that takes long", () => {
    const it = overlay()
    introduce(it, peers(1, 2))
    assert.strictEqual(it.underway, 1)
    const asked: Array<number> = []
    for (let now = start; now < start + 10_000; now += 100) {
      if (it.dueAt <= now && only(it.handle(Event.Due({ now })), "AskHub").length > 0) asked.push(now - start)
    }
    assert.strictEqual(it.underway, 1)
    assert.isAtLeast(asked[0] ?? 0, Rules.slowDial)
    assert.isAtMost(asked.length, 3)
  })

  it("asks one that has no room seldom, while it has the links that it needs", () => {
    const it = overlay()
    for (const one of peers(1, 5)) open(it, one, start)
    let dials = 0
    const take = (commands: ReadonlyArray<Command>, now: number) => {
      for (const { peer } of only(commands, "Dial")) {
        dials++
        take(it.handle(Event.LinkFailed({ now, peer, reason: "refused" })), now)
      }
    }
    take(introduce(it, [peer(7)]), start)
    for (let now = start + 1000; now < start + 3_600_000; now += 1000) {
      if (it.dueAt <= now) take(it.handle(Event.Due({ now })), now)
    }
    assert.isAtLeast(dials, 10)
    assert.isAtMost(dials, 30)
  })

  it("contradicts word of a neighbour's loss while the link to it stands", () => {
    const it = overlay()
    const ring = peers(1, 60).toSorted()
    const linked = [...ring.slice(0, 2), ...ring.slice(-2)]
    for (const one of linked) open(it, one, start)
    it.handle(Event.Due({ now: start + 1000 }))
    const [from, other] = linked
    if (from === undefined || other === undefined) return assert.fail()
    const told = (begin: number, until: number) => {
      const to = new Set<PeerId>()
      for (let now = begin; now < until; now += 50) {
        if (it.dueAt > now) continue
        for (const sent of only(it.handle(Event.Due({ now })), "Send")) {
          if (sent.frame.type === "neighbours" && sent.frame.links.includes(other)) to.add(sent.to)
        }
      }
      return to
    }
    // The round is over, and the next one is not near.
    told(start + 1000, start + 12_500)
    const now = start + 12_500
    it.handle(Event.FrameCame({ now, from, frame: word({ lost: [other], lostAges: [0] }) }))
    assert.strictEqual(told(now, now + Rules.refuteAfter - 100).size, 0)
    assert.sameMembers(Array.from(told(now + Rules.refuteAfter, now + Rules.refuteAfter + 500)), linked)
  })

  it("lets a spare link go for a ring neighbour, names others, and never drops below two", () => {
    const it = overlay(3, 1)
    const ring = peers(1, 60).toSorted()
    const [a, b, c, d] = [ring[10], ring[20], ring[40], ring[50]]
    if (a === undefined || b === undefined || c === undefined || d === undefined) return assert.fail()
    for (const one of [a, b, c]) open(it, one, start)
    for (const one of [a, b, c]) it.handle(Event.FrameCame({ now: start + 100, from: one, frame: word() }))
    const commands = open(it, d, start + 2000)
    const [hungUp] = only(commands, "HangUp")
    assert.oneOf(hungUp?.peer, [b, c])
    const released = only(commands, "Send").map(({ frame }) => frame).find((frame) => frame.type === "release")
    const prefer = released?.type === "release" ? released.prefer : []
    assert.strictEqual(prefer.length, 2)
    assert.includeMembers(it.links.map((link) => link.peer), [...prefer])
  })

  it("does not take a link from its other end while that is young, or soon after another", () => {
    const ring = peers(1, 200).toSorted()
    const near = [...ring.slice(0, 6), ...ring.slice(-6)]
    const it = overlay()
    // All places are taken, and those who have them want to keep them.
    const far = ring.slice(40, 50)
    for (const one of far) open(it, one, start)
    for (const one of far) it.handle(Event.FrameCame({ now: start + 100, from: one, frame: word({ wish: "long" }) }))
    assert.strictEqual(it.links.length, 10)
    const offer = (now: number, one: PeerId | undefined) =>
      one === undefined
        ? []
        : it.handle(Event.Offered({ now, peer: one, dialect: "homing" })).map(({ _tag }) => _tag)
    assert.deepStrictEqual(offer(start + 1000, near[0]), ["Refuse"])
    assert.include(offer(start + Rules.evictionAge + 1000, near[0]), "Accept")
    assert.deepStrictEqual(offer(start + Rules.evictionAge + 1001, near[1]), ["Refuse"])
    assert.include(offer(start + Rules.evictionAge + 1000 + Rules.evictionPause, near[1]), "Accept")
  })

  it("replaces a lost ring neighbour at once from what its neighbours said", () => {
    const it = overlay()
    const ring = peers(1, 200).toSorted()
    const linked = [...ring.slice(0, 2), ...ring.slice(-2), ...ring.slice(90, 94)]
    for (const one of linked) open(it, one, start)
    const [first] = ring
    if (first === undefined) return assert.fail()
    it.handle(Event.FrameCame({ now: start + 100, from: first, frame: word({ links: ring.slice(2, 4) }) }))
    for (const one of linked) it.handle(Event.FrameCame({ now: start + 200, from: one, frame: word({ wish: "long" }) }))
    const dials = only(it.handle(Event.LinkClosed({ now: start + 5000, peer: first })), "Dial")
    assert.deepStrictEqual(dials.map((dial) => [dial.peer, dial.intent]), [[ring[2], "ring"]])
  })

  it("does not believe old hearsay of a peer that it found gone", () => {
    const it = overlay()
    const [near, ...others] = peers(1, 200).toSorted()
    if (near === undefined) return assert.fail()
    for (const one of others.slice(0, 4)) open(it, one, start)
    introduce(it, [near], start)
    it.handle(Event.LinkFailed({ now: start + 10_000, peer: near, reason: "unreachable" }))
    const [from] = others
    if (from === undefined) return assert.fail()
    const hear = (now: number, age: number) =>
      only(it.handle(Event.FrameCame({ now, from, frame: word({ leaves: [near], ages: [age] }) })), "Dial").map((
        dial
      ) => dial.peer)
    assert.notInclude(hear(start + 20_000, 15), near)
    assert.include(hear(start + 30_000, 5), near)
  })

  it("answers who looks for a place, and passes on what is not for it", () => {
    const it = overlay()
    const ring = peers(1, 200).toSorted()
    const linked = [...ring.slice(0, 2), ...ring.slice(-2)]
    for (const one of linked) open(it, one, start)
    const [from, to] = linked
    if (from === undefined || to === undefined) return assert.fail()
    const route = (target: PeerId, more: Partial<Route> = {}): Route => ({
      type: "route",
      id: "1",
      origin: peer(500),
      target,
      purpose: "place",
      walked: 0,
      ttl: 64,
      path: [peer(500), from],
      visited: [peer(500), from],
      ...more
    })
    const sent = (frame: OverlayFrame) => only(it.handle(Event.FrameCame({ now: start + 1, from, frame })), "Send")
    const [answer] = sent(route(self))
    assert.strictEqual(answer?.to, from)
    assert.deepInclude(answer?.frame, { type: "routed", found: self, accepted: true, path: [peer(500)] })
    const [onward] = sent(route(to))
    assert.strictEqual(onward?.to, to)
    assert.deepInclude(onward?.frame, { type: "route", ttl: 63, path: [peer(500), from, self] })
    const drawn = { purpose: "draw", origin: peer(501), path: [peer(501), from], visited: [peer(501), from] } as const
    assert.deepInclude(sent(route(self, drawn))[0]?.frame, { accepted: true })
    assert.deepInclude(sent(route(PeerId.make("1".padStart(40, "0")), { purpose: "find" }))[0]?.frame, {
      accepted: false
    })
  })

  it("brings signaling to a peer, goes back where the way ends, and says when there is none", () => {
    const it = overlay()
    const [a, b, c] = peers(1, 4)
    if (a === undefined || b === undefined || c === undefined) return assert.fail()
    for (const one of [a, b]) open(it, one, start)
    const signal = { type: "connection-rejected", data: { reason: "no" } } as const
    const [sent] = only(it.handle(Event.Reach({ now: start, peer: c, signal })), "Send")
    assert.oneOf(sent?.to, [a, b])
    if (sent?.frame.type !== "signal") return assert.fail()
    const returned = { ...sent.frame, path: [], visited: [self, sent.to], ttl: 60 }
    const [again] = only(it.handle(Event.FrameCame({ now: start, from: sent.to, frame: returned })), "Send")
    assert.strictEqual(again?.to, sent.to === a ? b : a)
    const spent = { ...returned, visited: [self, a, b] }
    const none = it.handle(Event.FrameCame({ now: start, from: a, frame: spent }))
    assert.deepStrictEqual(only(none, "Unreached").map((command) => command.peer), [c])
    const here = it.handle(Event.FrameCame({ now: start, from: a, frame: { ...sent.frame, from: c, to: self } }))
    assert.deepStrictEqual(only(here, "Signaled").map((command) => [command.from, command.signal]), [[c, signal]])
  })

  it("links a PeerPigeon peer only when it is one of the two nearest to it, and counts on it for nothing", () => {
    const others = peers(1, 60).toSorted()
    const pigeon = peer(700)
    const linksIt = (it: Overlay) =>
      only(it.handle(Event.Due({ now: start + Rules.introductionDelay })), "Dial").some((dial) =>
        dial.peer === pigeon && dial.dialect === "pigeon"
      )
    const crowd = [self, ...others]
    const distance = (one: PeerId) => {
      const way = BigInt.asUintN(160, BigInt(`0x${one}`) - BigInt(`0x${pigeon}`))
      return way < 2n ** 159n ? way : 2n ** 160n - way
    }
    const nearest = crowd.toSorted((a, b) => distance(a) < distance(b) ? -1 : 1)
    for (const [rank, one] of nearest.entries()) {
      const it = make({ self: one, minPeers: 4, maxPeers: 8, random: numbers(1) }, start)
      for (const other of crowd) it.handle(Event.Introduced({ now: start, peer: other, dialect: "homing" }))
      it.handle(Event.Introduced({ now: start, peer: pigeon, dialect: "pigeon" }))
      assert.strictEqual(linksIt(it), rank < 2, `${rank}`)
      it.handle(Event.LinkOpened({ now: start + 1000, peer: pigeon, dialect: "pigeon" }))
      assert.notInclude(it.leafSet(start + 1000).clockwise, pigeon)
      assert.isUndefined(it.nextHop(pigeon, []))
      assert.strictEqual(it.dialectOf(pigeon), "pigeon")
    }
  })

  it("remembers only so many peers, however many it hears of", () => {
    const it = overlay()
    for (const dialect of ["homing", "pigeon"] as const) {
      for (const one of peers(1, 3000)) it.handle(Event.Introduced({ now: start, peer: one, dialect }))
      assert.isAtMost(it.known().length, 300)
    }
  })

  it("tells everyone that it leaves, and then takes nobody", () => {
    const it = overlay()
    for (const one of peers(1, 5)) open(it, one, start)
    const commands = it.handle(Event.Leave({ now: start + 1 }))
    assert.sameMembers(only(commands, "HangUp").map((command) => command.peer), peers(1, 5))
    assert.strictEqual(
      only(commands, "Send").filter(({ frame }) => frame.type === "release" && frame.leaving).length,
      4
    )
    const offered = it.handle(Event.Offered({ now: start + 2, peer: peer(9), dialect: "homing" }))
    assert.deepStrictEqual(offered.map(({ _tag }) => _tag), ["Refuse"])
    assert.strictEqual(it.dueAt, Infinity)
  })
})

const Choice = Schema.Struct({
  act: Schema.Literals(["introduce", "offer", "open", "fail", "close", "word", "release", "route", "wait", "wait"]),
  who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
  whom: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))).check(Schema.isMaxLength(12)),
  how: Schema.Literals(["ring", "long", "spare"]),
  millis: Schema.Literals([0, 50, 300, 3000, 20_000, 70_000])
})

/** An overlay in a world that does what `choices` say, however odd, but keeps the order of a link's life. */
const live = (
  choices: ReadonlyArray<typeof Choice.Type>,
  maxPeers: number,
  check: (it: Overlay, commands: ReadonlyArray<Command>, openBefore: ReadonlySet<PeerId>) => void
) => {
  const it = make({ self, minPeers: Math.min(4, maxPeers), maxPeers, random: numbers(7) }, start)
  const underway = new Set<PeerId>()
  const opened = new Set<PeerId>()
  const log: Array<Command> = []
  let now = start
  const give = (event: Event) => {
    const before = new Set(opened)
    const commands = it.handle(event)
    for (const command of commands) {
      if (command._tag === "Dial" || command._tag === "Accept") underway.add(command.peer)
      if (command._tag === "HangUp") {
        underway.delete(command.peer)
        opened.delete(command.peer)
      }
    }
    log.push(...commands)
    check(it, commands, before)
  }
  for (const { act, how, millis, who, whom } of choices) {
    now += millis
    const one = peer(who)
    switch (act) {
      case "introduce":
        for (const other of whom) give(Event.Introduced({ now, peer: peer(other), dialect: "homing" }))
        break
      case "offer":
        give(Event.Offered({ now, peer: one, dialect: who % 7 === 0 ? "pigeon" : "homing" }))
        break
      case "open":
        for (const other of Array.from(underway).slice(0, 3)) {
          if (!underway.delete(other)) continue
          opened.add(other)
          give(Event.LinkOpened({ now, peer: other, dialect: "homing" }))
        }
        break
      case "fail":
        for (const other of Array.from(underway).slice(0, 1)) {
          underway.delete(other)
          give(Event.LinkFailed({ now, peer: other, reason: how === "ring" ? "refused" : "unreachable" }))
        }
        break
      case "close":
        if (opened.delete(one)) give(Event.LinkClosed({ now, peer: one }))
        break
      case "word": {
        const others = whom.map(peer)
        const frame = word({
          wish: how,
          links: others,
          leaves: others,
          ages: others.map(() => 3),
          lost: others.slice(8)
        })
        for (const from of opened) give(Event.FrameCame({ now, from, frame }))
        break
      }
      case "release":
        if (opened.delete(one)) {
          give(Event.FrameCame({ now, from: one, frame: { type: "release", leaving: false, prefer: whom.map(peer) } }))
        }
        break
      case "route":
        for (const from of Array.from(opened).slice(0, 1)) {
          const frame: Route = {
            type: "route",
            id: "1",
            origin: one,
            target: peer(who + 20),
            purpose: how === "ring" ? "place" : "draw",
            walked: 0,
            ttl: 64,
            path: [one],
            visited: [one]
          }
          give(Event.FrameCame({ now, from, frame }))
        }
        break
      case "wait":
        give(Event.Due({ now }))
        break
    }
  }
  return { it, log }
}

describe("Overlay, whatever happens", () => {
  const Life = Schema.Array(Choice).check(Schema.isBetweenLength(80, 150))
  const arbitrary = { arbitrary: { seed: 11, runs: 100 } }
  const Most = Schema.Literals([1, 2, 3, 6, 8, 16])

  it.prop("keeps its bounds", [Life, Most], ([choices, maxPeers]) => {
    live(choices, maxPeers, (it, commands, openBefore) => {
      assert.isAtMost(it.links.length + it.underway, maxPeers + Rules.excess)
      assert.isAtMost(it.known().length, 2 * (Rules.maxKnown + 40))
      for (const command of commands) {
        if (command._tag === "Dial") {
          assert.notStrictEqual(command.peer, self)
          assert.isFalse(
            openBefore.has(command.peer) &&
              !commands.some((other) => other._tag === "HangUp" && other.peer === command.peer)
          )
        }
        if (command._tag === "Accept") assert.notStrictEqual(command.peer, self)
        if (command._tag === "Send" && command.frame.type === "neighbours") {
          assert.isAtMost(command.frame.leaves.length, 16)
          assert.strictEqual(command.frame.leaves.length, command.frame.ages.length)
          assert.notInclude(command.frame.links, self)
          assert.notInclude(command.frame.leaves, self)
        }
      }
    })
  }, arbitrary)

  it.prop("never gives up its last two links", [Life, Most], ([choices, maxPeers]) => {
    live(choices, maxPeers, (_, commands, openBefore) => {
      let open = openBefore.size
      for (const { peer } of only(commands, "HangUp")) {
        if (!openBefore.has(peer)) continue
        assert.isAbove(open, 2)
        open--
      }
    })
  }, arbitrary)

  it.prop("is the same twice", [Life], ([choices]) => {
    assert.deepStrictEqual(live(choices, 8, () => {}).log, live(choices, 8, () => {}).log)
  }, { arbitrary: { seed: 5, runs: 40 } })

  it.prop("is always due within a round", [Life], ([choices]) => {
    let latest = start
    live(choices, 8, (it) => {
      assert.isBelow(it.dueAt, Infinity)
      latest = Math.max(latest, it.dueAt)
    })
  }, { arbitrary: { seed: 6, runs: 40 } })
})
