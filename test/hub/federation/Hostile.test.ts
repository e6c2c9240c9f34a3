/** An admitted hub that has gone mad: what it can do to the others, and what not. */
import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { hubMesh, NetworkName } from "../../../src/domain/NetworkName.ts"
import type { PeerId } from "../../../src/domain/PeerId.ts"
import * as Presence from "../../../src/hub/backplane/Presence.ts"
import type { Duplex } from "../../../src/hub/federation/Duplex.ts"
import * as Handshake from "../../../src/hub/federation/Handshake.ts"
import * as Relay from "../../../src/hub/federation/Relay.ts"
import * as Limits from "../../../src/hub/Limits.ts"
import { make, simulate, type SimulatedTown } from "../../support/federation/SimulatedTown.ts"
import { type Guest, until } from "../../support/federation/Town.ts"
import { peer } from "../../support/simulation.ts"

const chess = NetworkName.make("chess")
const mad = peer(6666)

/** Three hubs in a ring, each with a guest, and another that is admitted by the first, in nobody's hands but ours. */
const townWith = Effect.fnUntraced(function*(seed: number, fabric: boolean) {
  const names = ["a", "b", "c"]
  const town = yield* make({
    seed,
    hubs: Object.fromEntries(names.map((name, index) => [name, { bootstrap: [names[(index + 1) % 3] ?? "a"] }])),
    fabric
  })
  yield* Effect.forEach(town.hubs, (hub) => hub.start, { discard: true })
  yield* until("all know all", () => town.hubs.every(({ running }) => running.elsewhere.hubs.length === 2))
  if (fabric) yield* town.elapse(40)
  const guests = town.hubs.map(({ running }, index) => running.arrive(peer(index + 1)))
  for (const guest of guests) guest.say({ type: "announce", networkName: "chess" })
  yield* until("they are introduced", () => guests.every((guest) => guest.heard("peer-discovered").length >= 2))
  // Long enough that hubs speak for themselves.
  yield* town.elapse(10)
  return { town, guests }
})

const admitted = Effect.fnUntraced(function*(town: SimulatedTown, name: string) {
  const duplex = yield* town.intrude(name)
  const other = yield* Handshake.shake(duplex, "dialler", {
    hub: mad,
    namespace: hubMesh,
    secret: undefined,
    patience: Duration.seconds(5)
  }).pipe(Effect.provide(SecureRandom.layerWebCrypto), Effect.orDie)
  const heard: Array<string> = []
  other.listen((text) => heard.push(text))
  return { duplex, heard }
})

const say = ({ send }: Duplex, message: object) => send(JSON.stringify(message))

const beat = (hub: PeerId, more: object = {}) => ({
  type: "beat",
  hub,
  incarnation: 5,
  beat: 1,
  clock: 0,
  age: 0,
  about: {},
  ...more
})

/** Everybody's offers to everybody arrive, each once. */
const meet = Effect.fnUntraced(function*(guests: ReadonlyArray<Guest>, what: string) {
  for (const guest of guests) {
    for (const other of guests) {
      if (other !== guest) {
        guest.say({ type: "offer", networkName: "chess", targetPeerId: other.peerId, data: { what } })
      }
    }
  }
  const offers = (guest: Guest) => guest.heard("offer").filter(({ data }) => JSON.stringify(data).includes(what))
  yield* until(`offers ${what} arrive`, () => guests.every((guest) => offers(guest).length === guests.length - 1))
})

describe("a hub that is admitted and mad", () => {
  for (const fabric of [false, true]) {
    it.live(`says 10,000 things, ${fabric ? "beside WebRTC" : "on sockets"}, and nothing comes of it`, () =>
      simulate(
        17,
        Effect.gen(function*() {
          const { guests, town } = yield* townWith(17, fabric)
          const random = yield* Random.Random
          const some = <A>(values: ReadonlyArray<A>): A => {
            const value = values[Math.floor(random.nextDoubleUnsafe() * values.length)]
            if (value === undefined) throw new Error("there are some")
            return value
          }
          const hubs = town.hubs.flatMap(({ running }) => running.elsewhere.hubs.flatMap(({ hub }) => hub ?? []))
          const hub = () => some([...hubs, mad, mad, peer(7000 + Math.floor(random.nextDoubleUnsafe() * 2000))])
          const stranger = () => peer(10 + Math.floor(random.nextDoubleUnsafe() * 1e6))
          const who = () => some([peer(1), peer(2), peer(3), peer(Math.floor(random.nextDoubleUnsafe() * 1e6))])
          const number = () => some([0, 1, 2, 3, 7, 200, -1, 0.5, 2 ** 31, 2 ** 53 - 1, 1e300, "1", null])
          const natural = () => some([0, 1, 2, 3, 40, 1000, 100_000, 2 ** 53 - 1])
          const network = () => some(["chess", "draughts", hubMesh, "", "../x", "\u0000", 7])
          const change = () =>
            some([
              // Whose peers nobody else holds are its own, as far as anybody can know.
              { op: "put", network: network(), peer: stranger(), facts: { homing: 1, isHub: true } },
              { op: "drop", network: network(), peer: who(), farewell: true },
              { op: "wait", network: network(), count: natural() },
              { op: "dance" }
            ])
          const changes = () => Array.from({ length: some([0, 1, 3, 300]) }, change)
          const life = () => ({
            hub: hub(),
            incarnation: some([natural(), Math.floor(random.nextDoubleUnsafe() * 1e5)])
          })
          const message = (): unknown =>
            some<() => unknown>([
              () => beat(hub(), { ...life(), beat: natural(), clock: natural(), age: number() }),
              () => ({ type: "delta", ...life(), from: natural(), changes: changes() }),
              () => ({ type: "want", ...life(), since: natural() }),
              () => ({
                type: "state",
                ...life(),
                clock: natural(),
                part: natural(),
                parts: natural(),
                entries: changes()
              }),
              () => ({ type: "gone", ...life() }),
              () => ({ type: "word", ...life(), number: natural(), network: network(), peer: who(), label: who() }),
              () => {
                const [from, target] = [who(), who()]
                const frame = JSON.stringify({ type: "offer", data: "forged", fromPeerId: from })
                const envelope = { network: "chess", from, target, frame }
                return { type: "signal", ...life(), number: natural(), to: hub(), envelope }
              },
              () => ({ type: number() }),
              () => [],
              () => "x".repeat(Math.floor(random.nextDoubleUnsafe() * 5000))
            ])()
          const raw = (): string => {
            const text = JSON.stringify(message())
            const at = Math.floor(random.nextDoubleUnsafe() * text.length)
            return random.nextDoubleUnsafe() < 0.7 ? text : some([
              text.slice(0, at),
              `${text.slice(0, at)}\u0000${text.slice(at)}`,
              text + text,
              `${"[".repeat(at)}${text}`
            ])
          }

          yield* Effect.scoped(Effect.gen(function*() {
            const { duplex } = yield* admitted(town, "a")
            say(duplex, beat(mad))
            for (let n = 0; n < 100; n++) {
              for (let each = 0; each < 100; each++) duplex.send(raw())
              yield* town.elapse(0.1)
            }
            for (const { running } of town.hubs) {
              assert.isAtMost(running.elsewhere.hubs.length, Limits.hubs)
              assert.isAtMost(running.exchange.registry.present(chess), 20_000)
            }
            assert.isAbove(town.hub("a").running.elsewhere.counts.malformed, 1000)
          }))
          for (const guest of guests) {
            for (const other of guests) assert.strictEqual(guest.heard("offer", other.peerId).length, 0)
          }
          // It is gone, and all that it said with it; whatever was said of the others, they have put it right.
          yield* until("all is as before", () =>
            town.hubs.every(({ running }) =>
              running.elsewhere.hubs.length === 2 && running.exchange.registry.present(chess) === 3
            ), 60)
          yield* meet(guests, "afterwards")
        })
      ), 60_000)
  }

  it.live("cannot speak for the peers of others, nor for hubs that are there", () =>
    simulate(
      18,
      Effect.gen(function*() {
        const { guests, town } = yield* townWith(18, false)
        const [ada, bob, cyd] = guests
        if (ada === undefined || bob === undefined || cyd === undefined) throw new Error("there are three")
        const { duplex } = yield* admitted(town, "a")
        const idOf = (name: string) =>
          town.hubs.flatMap(({ running }) => running.elsewhere.hubs)
            .find(({ url }) => url === town.urlOf(name))?.hub
        const incarnationOf = 0
        const signal = (hub: PeerId | undefined, from: PeerId, number: number) => ({
          type: "signal",
          hub,
          incarnation: incarnationOf,
          number,
          to: idOf("a"),
          envelope: { network: "chess", from, target: ada.peerId, frame: "{\"type\":\"offer\"}" }
        })
        say(duplex, beat(mad))
        // As itself, for a peer of another and for one of those that it speaks to; and as another, for its peer.
        say(duplex, signal(mad, bob.peerId, 1))
        say(duplex, signal(mad, ada.peerId, 2))
        say(duplex, signal(idOf("b"), bob.peerId, 3))
        // It says who is at another hub, and that the hub is gone.
        say(duplex, {
          type: "delta",
          hub: idOf("b"),
          incarnation: incarnationOf,
          from: 1,
          changes: [{ op: "drop", network: "chess", peer: bob.peerId, farewell: true }]
        })
        say(duplex, { type: "gone", hub: idOf("b"), incarnation: incarnationOf })
        yield* town.elapse(1)
        assert.strictEqual(ada.heard("offer").length, 0)
        assert.strictEqual(ada.heard("peer-disconnected").length, 0)
        assert.strictEqual(town.hub("a").running.elsewhere.counts.unfounded, 3)
        // For a peer of its own it may.
        say(duplex, {
          type: "delta",
          hub: mad,
          incarnation: 5,
          from: 0,
          changes: [{ op: "put", network: "chess", peer: peer(13), facts: {} }]
        })
        say(duplex, { ...signal(mad, peer(13), 4), incarnation: 5 })
        yield* until("it arrives", () => ada.heard("offer").length === 1)
      })
    ))

  it.live("is contradicted by a hub that it says is gone, or another", () =>
    simulate(
      19,
      Effect.gen(function*() {
        const { guests, town } = yield* townWith(19, false)
        const { duplex } = yield* admitted(town, "a")
        const b = town.hub("a").running.elsewhere.hubs.find(({ url }) => url === town.urlOf("b"))?.hub
        if (b === undefined) throw new Error("b is known")
        say(duplex, beat(mad))
        say(duplex, beat(b, { incarnation: 20_000 }))
        yield* until("it is believed that b began anew", () =>
          town.hub("a").running.exchange.registry.present(chess) === 2)
        yield* until("b is back", () =>
          town.hubs.every(({ running }) =>
            running.exchange.registry.present(chess) === 3
          ), 5)
        yield* meet(guests, "afterwards")
      })
    ))
})

describe("what a hub says", () => {
  const setting = () => {
    let time = 0
    let news = 0
    const relay = Relay.make({
      hub: peer(1),
      incarnation: 1,
      silence: 11_000,
      now: () => time,
      changed: () => undefined,
      house: {
        deliver: () => true,
        undelivered: () => undefined,
        labelled: () => undefined,
        claimed: () => undefined,
        hear: (items) => void (news += items.length),
        about: () => ({}),
        visit: () => ({ say: () => undefined, leave: () => undefined })
      }
    })
    const state = { paused: 0, resumed: 0, closed: 0 }
    const linked = (hub: PeerId) =>
      relay.linked(hub, {
        carrier: "websocket",
        send: () => true,
        pause: () => void state.paused++,
        resume: () => void state.resumed++,
        close: () => void state.closed++
      })
    return { relay, linked, state, pass: (millis: number) => void (time += millis), news: () => news }
  }

  const puts = (from: number, count: number) =>
    JSON.stringify({
      type: "delta",
      hub: mad,
      incarnation: 5,
      from,
      changes: Array.from({ length: count }, (_, n) => ({
        op: "put",
        network: "chess",
        peer: peer(1_000_000 + from + n),
        facts: {}
      }))
    })

  it("is read from no more when it is too much, until that is made up for", () => {
    const { linked, pass, relay, state } = setting()
    const link = linked(mad)
    link.receive(JSON.stringify(beat(mad)))
    let from = 0
    while (state.paused === 0 && from < 1_000_000) {
      link.receive(puts(from, 256))
      from += 256
    }
    // So much work was borne at once.
    assert.approximately(from * Limits.arrivalCost, Limits.hubWork.burst, 10_000)
    assert.strictEqual(relay.counts.held, 1)
    assert.include(relay.hubs[0]?.problem, "held back")
    // By whichever link it comes.
    linked(mad)
    assert.strictEqual(state.paused, 2)
    assert.isTrue(relay.release())
    pass(1000)
    assert.isFalse(relay.release())
    assert.strictEqual(state.resumed, 2)
    // It is said for a while.
    pass(61_000)
    assert.isUndefined(relay.hubs[0]?.problem)
  })

  it("does not grow without bound: ten million peers, in networks of their own, of any number of hubs", () => {
    let time = 0
    const presence = Presence.make({ hub: peer(1), incarnation: 1, silence: 1e9, now: () => time })
    const known = () => presence.hubs.reduce((sum, { memberships }) => sum + memberships, 0)
    for (let hub = 0; hub < 2000; hub++) presence.hear({ ...beatOf(hub), clock: 0 })
    assert.strictEqual(presence.hubs.length, Limits.hubs)
    let told = 0
    for (let round = 0; told < 10_000_000; round++) {
      time += 1
      for (let hub = 0; hub < 4; hub++) {
        // Far beyond the bound each message is as the other: what is left out is not looked at.
        const step = known() < Limits.memberships ? 1 : 200
        for (let repeat = 0; repeat < step; repeat++) told += 256
        presence.hear({
          type: "delta",
          hub: peer(100_000 + hub),
          incarnation: 5,
          from: round * 256,
          changes: Array.from({ length: 256 }, (_, n) => ({
            op: "put",
            network: NetworkName.make(`n${(round * 256 + n) % 500}`),
            peer: peer(hub * 1e7 + round * 256 + n),
            facts: {}
          }))
        })
      }
    }
    assert.strictEqual(known(), Limits.memberships)
    for (const { leftOut, memberships } of presence.hubs.slice(0, 4)) {
      assert.isAtMost(memberships, Limits.membershipsPerHub)
      assert.isAbove(leftOut, 0)
    }
    // One that is met itself is known all the same.
    presence.hear({ ...beatOf(5000) }, peer(105_000))
    assert.isTrue(presence.knows(peer(105_000)))
    assert.strictEqual(presence.hubs.length, Limits.hubs)
  }, 60_000)

  const beatOf = (n: number) => ({
    type: "beat" as const,
    hub: peer(100_000 + n),
    incarnation: 5,
    beat: 1,
    clock: 0,
    age: 0,
    about: {}
  })

  it("does not keep the parts of states that nobody asked for", () => {
    const { linked, news } = setting()
    const link = linked(mad)
    link.receive(JSON.stringify(beat(mad)))
    const before = news()
    const entries = [{ op: "put", network: "chess", peer: peer(3), facts: {} }]
    link.receive(JSON.stringify({ type: "state", hub: mad, incarnation: 5, clock: 9, part: 0, parts: 1, entries }))
    assert.strictEqual(news(), before)
    // Asked for, since its clock is ahead.
    link.receive(JSON.stringify(beat(mad, { beat: 2, clock: 9 })))
    link.receive(JSON.stringify({ type: "state", hub: mad, incarnation: 5, clock: 9, part: 0, parts: 1, entries }))
    assert.strictEqual(news(), before + 1)
  })

  it("comes by a few links at most", () => {
    const { linked, state } = setting()
    for (let n = 0; n < 6; n++) linked(mad)
    assert.isAbove(state.closed, 0)
  })
})
