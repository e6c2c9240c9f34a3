/** What hubs are together, whatever is between them. */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import type { Refused } from "../../../src/hub/door/Refused.ts"
import * as Limits from "../../../src/hub/Limits.ts"
import { peer } from "../simulation.ts"
import { type Guest, type Knock, takeoverPatience, type Town, until } from "./Town.ts"

/** Where the suite runs. */
export interface Place<R> {
  /** A town of so many hubs that are started and know each other. */
  readonly town: (hubs: number) => Effect.Effect<Town, never, R | Scope.Scope>
  /** Runs a test. */
  readonly simulate: <A, E>(body: Effect.Effect<A, E, R | Scope.Scope>) => Effect.Effect<A, E>
}

const join = (guest: Guest, networkName: string, facts: object = {}) =>
  guest.say({ type: "announce", networkName, data: { peerId: guest.peerId, ...facts } })

const signal = (type: string, to: PeerId, data: unknown, networkName = "chess") => ({
  type,
  networkName,
  targetPeerId: to,
  data
})

const last = (guest: Guest, type: string) => guest.heard(type).at(-1)?.["data"]

const countsOf = (guest: Guest, present: number, waiting: number) => {
  const counts = last(guest, "network-counts")
  return typeof counts === "object" && counts !== null && "present" in counts && "waiting" in counts &&
    counts.present === present && counts.waiting === waiting
}

const errors = (guest: Guest) => guest.heard("error").map(({ error }) => String(error))

/** One guest at each hub, in a network. */
const one = (town: Town, first: number, networkName?: string): ReadonlyArray<Guest> =>
  town.hubs.map(({ running }, index) => {
    const guest = running.arrive(peer(first + index))
    if (networkName !== undefined) join(guest, networkName)
    return guest
  })

const pick = (guests: ReadonlyArray<Guest>, index: number): Guest => {
  const guest = guests[index]
  if (guest === undefined) throw new Error(`no guest ${index}`)
  return guest
}

const chess = NetworkName.make("chess")

const hubOf = (place: Town, index: number) => {
  const hub = place.hubs[index]
  if (hub === undefined) throw new Error(`no hub ${index}`)
  return hub.running
}

/** Adds the tests. */
export const tests = <R>({ simulate, town }: Place<R>) => {
  it.live("introduces peers of one network at different hubs, and nobody else", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const strangers = one(place, 50, "draughts")
      const guests = one(place, 1, "chess")
      yield* until("everybody knows everybody", () =>
        guests.every((guest) =>
          guests.every((other) =>
            other === guest || guest.heard("peer-discovered", other.peerId).length > 0
          )
        ))
      yield* place.elapse(0.5)
      for (const guest of [...guests, ...strangers]) {
        const own = guests.includes(guest) ? guests : strangers
        for (const frame of guest.heard("peer-discovered")) {
          assert.isTrue(own.some((other) => guest.heard("peer-discovered", other.peerId).includes(frame)))
          assert.strictEqual(frame["targetPeerId"], guest.peerId)
        }
      }
    })))

  it.live("carries offers, answers and candidates, each once, in order, from whom they come", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const guests = one(place, 1, "chess")
      const [ada, , cyd] = [pick(guests, 0), pick(guests, 1), pick(guests, 2)]
      yield* until(
        "they know each other",
        () => ada.heard("peer-discovered", cyd.peerId).length > 0 && cyd.heard("peer-discovered", ada.peerId).length > 0
      )
      // The sender that it claims is not believed.
      ada.say({ ...signal("offer", cyd.peerId, { type: "offer", sdp: "v=0 ada" }), fromPeerId: peer(99) })
      for (let n = 0; n < 20; n++) ada.say(signal("ice-candidate", cyd.peerId, { candidate: `candidate ${n}` }))
      yield* until("they arrive", () => cyd.heard("ice-candidate").length === 20)
      assert.deepStrictEqual(
        cyd.heard("offer").map(({ data, fromPeerId, networkName, targetPeerId }) => ({
          data,
          fromPeerId,
          networkName,
          targetPeerId
        })),
        [{
          data: { type: "offer", sdp: "v=0 ada" },
          fromPeerId: ada.peerId,
          networkName: "chess",
          targetPeerId: cyd.peerId
        }]
      )
      assert.deepStrictEqual(
        cyd.heard("ice-candidate").map(({ data }) => data),
        Array.from({ length: 20 }, (_, n) => ({ candidate: `candidate ${n}` }))
      )
      cyd.say(signal("answer", ada.peerId, { type: "answer", sdp: "v=0 cyd" }))
      yield* until("the answer arrives", () => ada.heard("answer", cyd.peerId).length === 1)
      yield* place.elapse(0.5)
      assert.strictEqual(ada.heard("answer").length, 1)
      assert.strictEqual(cyd.heard("offer").length, 1)
      assert.strictEqual(pick(guests, 1).heard("offer").length, 0)
    })))

  it.live("keeps networks apart across hubs", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const [ada, bob] = [pick(one(place, 1), 0), pick(one(place, 1), 1)]
      join(ada, "chess")
      join(bob, "draughts")
      yield* place.elapse(0.5)
      ada.say(signal("offer", bob.peerId, {}, "draughts"))
      ada.say(signal("offer", bob.peerId, {}, "chess"))
      yield* place.elapse(1)
      assert.strictEqual(bob.heard("offer").length, 0)
      assert.strictEqual(bob.heard("peer-discovered").length, 0)
      assert.strictEqual(errors(ada).length, 2)
    })))

  it.live("says at once that a signal goes nowhere, when nobody holds its target", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const guests = one(place, 1, "chess")
      const [ada, bob] = [pick(guests, 0), pick(guests, 1)]
      yield* until("they know each other", () => ada.heard("peer-discovered", bob.peerId).length > 0)
      ada.say(signal("offer", peer(77), {}))
      assert.strictEqual(errors(ada).length, 1)
      bob.leave()
      yield* until("ada hears of it", () => ada.heard("peer-disconnected", bob.peerId).length > 0)
      ada.say(signal("offer", bob.peerId, {}))
      assert.strictEqual(errors(ada).length, 2)
      assert.include(errors(ada)[1], "went nowhere")
    })))

  it.live("tells those who know a peer that it left or said goodbye, and nobody else", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const strangers = one(place, 50, "draughts")
      const guests = one(place, 1, "chess")
      const [ada, bob, cyd] = [pick(guests, 0), pick(guests, 1), pick(guests, 2)]
      yield* until("they know each other", () => guests.every((guest) => guest.heard("peer-discovered").length >= 2))
      bob.say({ type: "goodbye", networkName: "chess" })
      yield* until(
        "they hear the goodbye",
        () =>
          [ada, cyd].every((guest) =>
            guest.heard("goodbye", bob.peerId).length === 1 && guest.heard("peer-disconnected", bob.peerId).length === 1
          )
      )
      cyd.leave()
      yield* until("ada hears of the loss", () => ada.heard("peer-disconnected", cyd.peerId).length === 1)
      assert.strictEqual(ada.heard("goodbye", cyd.peerId).length, 0)
      for (const stranger of strangers) assert.strictEqual(stranger.heard("peer-disconnected").length, 0)
    })))

  it.live("tells at once whoever makes an offer to a peer that is just gone", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const guests = one(place, 1, "chess")
      const [ada, bob] = [pick(guests, 0), pick(guests, 1)]
      yield* until("they know each other", () => ada.heard("peer-discovered", bob.peerId).length > 0)
      // Where ada is, nobody has heard of it yet, and the offer sets out.
      bob.leave()
      ada.say(signal("offer", bob.peerId, { type: "offer", sdp: "v=0 ada" }))
      assert.strictEqual(errors(ada).length, 0)
      yield* until("ada hears that bob is gone", () => ada.heard("peer-disconnected", bob.peerId).length === 1, 0.5)
      assert.strictEqual(bob.heard("offer").length, 0)
      ada.say(signal("offer", bob.peerId, { type: "offer", sdp: "v=0 ada" }))
      assert.strictEqual(errors(ada).filter((error) => error.includes("no peer")).length, 1)
    })))

  it.live("counts members and those who wait over all hubs, and lists networks", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const [watcher, waiter, member] = [pick(one(place, 1), 0), pick(one(place, 1), 1), pick(one(place, 1), 2)]
      watcher.say({ type: "watch", networkName: "chess", data: { waiting: true } })
      yield* until("nobody is there", () => countsOf(watcher, 0, 0))
      waiter.say({ type: "watch", networkName: "chess", data: { waiting: true } })
      yield* until("another waits", () => countsOf(watcher, 0, 1) && countsOf(waiter, 0, 1))
      join(member, "chess")
      yield* until("one is there", () => countsOf(watcher, 1, 1) && countsOf(waiter, 1, 1))
      join(waiter, "chess")
      yield* until("two are there", () => countsOf(watcher, 2, 0))
      watcher.say({ type: "networks" })
      assert.deepStrictEqual(last(watcher, "networks"), { networks: [{ name: "chess", present: 2, waiting: 1 }] })
      member.leave()
      waiter.leave()
      yield* until("they are gone", () => countsOf(watcher, 0, 0))
      // A list may be a moment old.
      yield* place.elapse(Duration.toSeconds(Limits.listPeriod))
      watcher.say({ type: "networks" })
      assert.deepStrictEqual(last(watcher, "networks"), { networks: [] })
    })))

  it.live("leaves out of its lists what a member elsewhere wants hidden", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const [ada, bob] = [pick(one(place, 1), 0), pick(one(place, 1), 1)]
      join(ada, "chess")
      join(bob, "chess", { discoverable: false })
      yield* until("they know each other", () => ada.heard("peer-discovered", bob.peerId).length > 0)
      ada.say({ type: "networks" })
      assert.deepStrictEqual(last(ada, "networks"), { networks: [] })
    })))

  it.live("introduces a newcomer to few, however many there are, and all newcomers of one moment to somebody", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const guests = Array.from({ length: 40 }, (_, index) => one(place, 100 + 3 * index, "chess")).flat()
      yield* until(
        "everybody was introduced",
        () => guests.every((guest) => guest.heard("peer-discovered").length >= 10)
      )
      const told = () => guests.reduce((sum, guest) => sum + guest.heard("peer-discovered").length, 0)
      let before = -1
      while (before !== told()) {
        before = told()
        yield* place.elapse(1)
      }
      const newcomer = pick(one(place, 1), 0)
      join(newcomer, "chess")
      yield* place.elapse(2)
      // 20 out of all, and what chance adds where each of three hubs draws its own.
      assert.isAtMost(told() - before, 30)
      assert.isAtLeast(newcomer.heard("peer-discovered").length, 10)
      assert.isAtMost(newcomer.heard("peer-discovered").length, 30)
    })))

  it.live("forgets a hub that was killed, with its peers, and knows them again when it is back", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const guests = one(place, 1, "chess")
      const [ada, , cyd] = [pick(guests, 0), pick(guests, 1), pick(guests, 2)]
      ada.say({ type: "watch", networkName: "chess" })
      yield* until("all are counted", () => countsOf(ada, 3, 0))
      const [, , hub] = place.hubs
      if (hub === undefined) throw new Error("there are three hubs")
      yield* hub.kill
      cyd.leave()
      yield* until(
        "it is forgotten",
        () => countsOf(ada, 2, 0) && ada.heard("peer-disconnected", cyd.peerId).length === 1,
        15
      )
      yield* hub.start
      const again = hub.running.arrive(cyd.peerId)
      join(again, "chess")
      yield* until("it is back", () => countsOf(ada, 3, 0) && again.heard("peer-discovered").length >= 2, 15)
      ada.say(signal("offer", cyd.peerId, { type: "offer", sdp: "v=0 again" }))
      yield* until("it can be reached", () => again.heard("offer", ada.peerId).length === 1)
    })))

  it.live("hears at once when a hub takes leave", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const guests = one(place, 1, "chess")
      const ada = pick(guests, 0)
      ada.say({ type: "watch", networkName: "chess" })
      yield* until("all are counted", () => countsOf(ada, 3, 0))
      const [, , hub] = place.hubs
      if (hub === undefined) throw new Error("there are three hubs")
      yield* hub.stop
      yield* until("it is forgotten", () => countsOf(ada, 2, 0), 2)
    })))

  /** A peer that is in a network at a hub, and known to all of them. */
  const settled = Effect.fnUntraced(function*(place: Town, index: number, peerId: PeerId, how?: Knock) {
    const guest = yield* hubOf(place, index).knock(peerId, how)
    join(guest, "chess")
    yield* until("it is known", () => place.hubs.every(({ running }) => running.exchange.registry.present(chess) === 1))
    return guest
  })
  const reasonOf = (refused: Effect.Effect<unknown, Refused>) =>
    Effect.map(Effect.flip(refused), ({ reason }) => reason)
  const millisOf = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.map(Effect.timed(effect), ([took, made]) => [Duration.toMillis(took), made] as const)
  const present = ({ hubs }: Town) => hubs.map(({ running }) => running.exchange.registry.present(chess))

  it.live("refuses a peer's id to a stranger at another hub, as long as the peer lives", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const ada = yield* settled(place, 0, peer(1))
      for (const index of [0, 1, 2]) {
        assert.strictEqual(yield* reasonOf(hubOf(place, index).knock(peer(1))), "Peer already connected")
      }
      const capital = PeerId.make(peer(1).toUpperCase())
      assert.strictEqual(yield* reasonOf(hubOf(place, 2).knock(capital)), "Peer already connected")
      assert.isUndefined(ada.closing)
      assert.deepStrictEqual(present(place), [1, 1, 1])
      // Nobody else has to wait for that.
      const [took] = yield* millisOf(hubOf(place, 1).knock(peer(2)))
      assert.isAtMost(took, 20)
    })))

  it.live("lets a peer in at another hub when its old connection is silent, and drops that", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const old = yield* settled(place, 0, peer(1))
      old.fallSilent()
      const back = yield* hubOf(place, 2).knock(peer(1))
      join(back, "chess")
      yield* until("the old one is dropped", () => old.closing?.code === 1006)
      yield* place.elapse(1)
      assert.isUndefined(back.closing)
      assert.deepStrictEqual(present(place), [1, 1, 1])
    })))

  it.live("lets a peer in at another hub at once that proves its key, and closes its old connection", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      const old = yield* settled(place, 0, peer(1), { proves: true })
      old.fallSilent()
      const [took, back] = yield* millisOf(hubOf(place, 2).knock(peer(1), { proves: true }))
      assert.isAtMost(took, 200)
      join(back, "chess")
      yield* until("the old one is closed", () => old.closing !== undefined, 1)
      assert.deepStrictEqual(old.closing, { code: 4001, reason: "Taken over by a newer connection of the same peer" })
      yield* place.elapse(3)
      assert.isUndefined(back.closing)
      assert.deepStrictEqual(present(place), [1, 1, 1])
    })))

  it.live("keeps an id that was proved from those that prove nothing at another hub, even while its peer is silent", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const ada = yield* settled(place, 0, peer(1), { proves: true })
      ada.fallSilent()
      assert.strictEqual(yield* reasonOf(hubOf(place, 1).knock(peer(1))), "Peer already connected")
      assert.isUndefined(ada.closing)
    })))

  it.live("does not keep a peer out for a hub that is gone", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(3)
      yield* settled(place, 0, peer(1))
      const [hub] = place.hubs
      yield* hub?.kill ?? Effect.void
      const [took, back] = yield* millisOf(hubOf(place, 1).knock(peer(1)))
      assert.isAtMost(took, Duration.toMillis(takeoverPatience) + 200)
      join(back, "chess")
      yield* place.elapse(1)
      assert.isUndefined(back.closing)
    })))

  for (const proves of [false, true]) {
    it.live(`leaves a peer at one hub that comes to two at the same moment, ${proves ? "with" : "without"} proof`, () =>
      simulate(Effect.gen(function*() {
        const place = yield* town(3)
        const both = yield* Effect.forEach([0, 2], (index) => hubOf(place, index).knock(peer(1), { proves }), {
          concurrency: 2
        })
        for (const guest of both) join(guest, "chess")
        yield* until("one of them is closed", () => both.filter(({ closing }) => closing !== undefined).length === 1)
        yield* place.elapse(5)
        assert.strictEqual(both.filter(({ closing }) => closing !== undefined).length, 1)
        assert.deepStrictEqual(present(place), [1, 1, 1])
      })))
  }

  it.live("leaves a peer that proved its key, and not one that did not, when it turns out to be at two hubs", () =>
    simulate(Effect.gen(function*() {
      const place = yield* town(2)
      const [squatter, owner] = yield* Effect.all([
        hubOf(place, 0).knock(peer(1)),
        hubOf(place, 1).knock(peer(1), { proves: true })
      ], { concurrency: 2 })
      for (const guest of [squatter, owner]) join(guest, "chess")
      yield* until("the other is closed", () => squatter.closing !== undefined)
      yield* place.elapse(5)
      assert.isUndefined(owner.closing)
    })))
}
