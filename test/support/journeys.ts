/**
 * What is promised of home and away, as stories that any seed can tell. Each fails with what went wrong, and otherwise
 * says how long it took; `test/runtime/Journeys.test.ts` and `bench/home.ts` run them over many seeds.
 */
import { Effect, Random, Stream } from "effect"
import * as Clock from "effect/Clock"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { defaultSettings, graceAfter } from "../../src/domain/NetworkHealth.ts"
import type { Mesh } from "../../src/runtime/Mesh.ts"
import { World, type WorldOptions } from "../../src/testing/World.ts"

type Peer = Mesh["Service"]

/** Weather in which much goes wrong, and nothing for good. */
const rough = { signalLoss: 0.05, slowSetups: 0.1, failingSetups: 0.05, jitter: "40 millis" } as const

/** A story, and in what it measures itself. */
export interface Journey {
  readonly name: string
  readonly unit: "ms" | "moves" | "messages"
  /** What it may take at most, and why. */
  readonly promise: string
  readonly options: WorldOptions
  readonly tell: Effect.Effect<number, unknown, World>
}

/** Runs a journey in a world of its own. */
export const travel = ({ options, tell }: Journey, seed: number | string) =>
  World.use((world) => world.run(tell)).pipe(Effect.provide(World.layer({ ...options, seed })), Effect.scoped)

const gaming = { networkName: "gaming" }

const ensure = (what: string, holds: boolean) => holds ? Effect.void : Effect.fail(what)

/** Lets time pass until something holds, and says how long that took; fails when it takes longer than `atMost`. */
const until = Effect.fnUntraced(function*(what: string, atMost: number, holds: Effect.Effect<boolean>) {
  const start = yield* Clock.currentTimeMillis
  while (true) {
    const took = (yield* Clock.currentTimeMillis) - start
    if (yield* holds) return took
    if (took > atMost) return yield* Effect.fail(`after ${atMost} ms still not: ${what}`)
    yield* Effect.sleep("50 millis")
  }
})

const isIn = (networkName: string, ...peers: ReadonlyArray<Peer>) =>
  Effect.map(
    Effect.forEach(peers, (peer) => peer.networkName),
    (names) => names.every((name) => name === networkName)
  )

const areLinked = (...peers: ReadonlyArray<Peer>) =>
  Effect.map(Effect.forEach(peers, (peer) => peer.peers), (links) => links.every((link) => link.length > 0))

/** What a peer hears, from now on. */
const listen = Effect.fnUntraced(function*(peer: Peer) {
  const heard: Array<MeshEvent> = []
  yield* peer.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => void heard.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  return heard
})

const saying = (heard: ReadonlyArray<MeshEvent>, content: string) =>
  heard.some((event) => event._tag === "Message" && event.content === content)

const failed = (doing: string) => (error: { readonly message: string }) => `${doing}: ${error.message}`

const join = (peer: Peer) => Effect.mapError(peer.join, failed("join"))

/** The longest that an empty network is left after: the grace, a check at its end, and joining the other. */
const fallsBackWithin = 10_000 + 6_000 + 1_000

const returns: Journey = {
  unit: "ms",
  name: "alone, away, and home again when somebody is there",
  promise: "home within 2 s of the news",
  options: rough,
  tell: Effect.gen(function*() {
    const world = yield* World
    const ada = yield* world.peer("ada", gaming)
    const guest = yield* world.peer("guest")
    const bob = yield* world.peer("bob", gaming)
    yield* join(guest)
    yield* join(ada)
    yield* Effect.sleep("9 seconds")
    yield* ensure("at home for the grace period", yield* isIn("gaming", ada))
    yield* until("ada is in global", fallsBackWithin - 9000, isIn("global", ada))
    yield* until("ada is linked in global", 30_000, areLinked(ada))
    const heard = yield* listen(guest)
    yield* Effect.mapError(ada.broadcast("hello from away"), failed("broadcast"))
    yield* until("the guest hears ada", 5000, Effect.sync(() => saying(heard, "hello from away")))
    const refused = yield* Effect.flip(ada.broadcast("for gamers", { audience: "home" })).pipe(
      Effect.mapError(() => "a message for home was sent while away")
    )
    yield* ensure(`AwayFromHome rather than ${refused._tag}`, refused._tag === "AwayFromHome")
    yield* join(bob)
    const took = yield* until("ada is home", 2000, isIn("gaming", ada))
    yield* until("ada and bob are linked", 30_000, areLinked(ada, bob))
    yield* Effect.sleep("60 seconds")
    yield* ensure("both stay", yield* isIn("gaming", ada, bob))
    yield* ensure("nothing for gamers reached a guest", !saying(heard, "for gamers"))
    return took
  }).pipe(Effect.scoped)
}

/** Peers who are each alone at a hub of their own, until all these hubs die and one is left. */
const reunion = (count: number): Journey => {
  const hubs = Array.from({ length: count }, (_, n) => `ws://hub-${n}.test`)
  return {
    unit: "ms",
    name: `${count} who were each alone, and all away`,
    promise: "all home within 2 s of the news, which is when the last of them has found the hub that is left",
    options: { ...rough, hubs: ["ws://hub-0.test", ...hubs.slice(1)] },
    tell: Effect.gen(function*() {
      const world = yield* World
      const peers = yield* Effect.forEach(
        hubs,
        (hub, n) => world.peer(`peer-${n}`, { ...gaming, hubs: n === 0 ? [hub] : [hub, "ws://hub-0.test"] })
      )
      yield* Effect.forEach(peers, join, { concurrency: "unbounded", discard: true })
      yield* until("all are away", fallsBackWithin, isIn("global", ...peers))
      for (const hub of world.hubs.slice(1)) yield* hub.stop
      yield* until(
        "all have found the last hub",
        30_000,
        Effect.map(
          Effect.forEach(peers, (peer) => peer.status),
          (all) => all.every(({ hub }) => hub._tag === "Connected" && hub.url === "ws://hub-0.test")
        )
      )
      const took = yield* until("all are home", 2000, isIn("gaming", ...peers))
      yield* until("all are linked", 60_000, areLinked(...peers))
      yield* ensure("all stay", yield* isIn("gaming", ...peers))
      return took
    }).pipe(Effect.scoped)
  }
}

const outage: Journey = {
  unit: "ms",
  name: "a hub that is away for five minutes",
  promise: "nobody moves, no link is lost",
  options: rough,
  tell: Effect.gen(function*() {
    const world = yield* World
    const [lonely, ...friends] = yield* Effect.all([
      world.peer("lonely", { networkName: "work" }),
      world.peer("ada", gaming),
      world.peer("bob", gaming),
      world.peer("eve", gaming)
    ])
    yield* Effect.forEach(friends, join, { discard: true })
    yield* until("friends are linked", 60_000, areLinked(...friends))
    yield* Effect.sleep("20 seconds")
    yield* join(lonely)
    const heard = yield* Effect.forEach(friends, listen)
    yield* world.hub.stop
    yield* Effect.sleep("5 minutes")
    yield* ensure("the lonely one stays, for a hub that is away says nothing", yield* isIn("work", lonely))
    yield* ensure("friends stay", yield* isIn("gaming", ...friends))
    yield* ensure("no link is lost", !heard.flat().some((event) => event._tag === "PeerDisconnected"))
    yield* world.hub.start
    return yield* until("the lonely one falls back once the hub is there", 60_000, isIn("global", lonely))
  }).pipe(Effect.scoped)
}

const strict: Journey = {
  unit: "ms",
  name: "strict isolation",
  promise: "never leaves, and goes home at once when leaving is forbidden",
  options: rough,
  tell: Effect.gen(function*() {
    const world = yield* World
    const hermit = yield* world.peer("hermit", { ...gaming, allowGlobalFallback: false })
    const ada = yield* world.peer("ada", { networkName: "work" })
    yield* join(hermit)
    yield* join(ada)
    yield* until("ada is away", fallsBackWithin, isIn("global", ada))
    yield* ada.setAllowGlobalFallback(false)
    const took = yield* until("ada is home", 2000, isIn("work", ada))
    yield* Effect.sleep("2 minutes")
    yield* ensure("the hermit never left", yield* isIn("gaming", hermit))
    yield* ensure("ada stays", yield* isIn("work", ada))
    return took
  }).pipe(Effect.scoped)
}

/** When a peer went where. */
interface Move {
  readonly at: number
  readonly away: boolean
}

/**
 * Checks the damping on a peer's moves, from which a bound on their number follows: who comes home and is soon away
 * again stays longer the next time before it leaves, even if alone.
 */
const damped = (moves: ReadonlyArray<Move>): string | undefined => {
  let returnedAt: number | undefined
  let failures = 0
  for (const { at, away } of moves) {
    if (!away) {
      returnedAt = at
    } else if (returnedAt !== undefined) {
      const stayed = at - returnedAt
      const due = graceAfter(failures, defaultSettings)
      if (stayed < due) return `left after ${stayed} ms at home, where ${due} were due`
      // After two minutes it may have settled, so nothing is due for sure.
      failures = stayed < 120_000 ? failures + 1 : 0
    }
  }
  return undefined
}

/**
 * The most moves in an hour. A round trip ends with the grace, which is 10 s, then 20 s, 40 s and so on when returns
 * fail, and two minutes of company before it start it anew. Quickest is to fail twice and settle once: three round
 * trips in 10 + 20 + (120 + 40) s, which is less than 57 in an hour, and twice as many moves.
 */
export const mostMoves = 114

/** Peers that come and go at random, and one that is always there; says how often the most restless of them moved. */
const flapping = (count: number, minutes: number): Journey => ({
  unit: "moves",
  name: `${count} peers that come and go for ${minutes} minutes`,
  promise: `each moves ${Math.ceil((mostMoves * minutes) / 60)} times at most`,
  options: rough,
  tell: Effect.gen(function*() {
    const world = yield* World
    const peers = yield* Effect.forEach(
      Array.from({ length: count }, (_, n) => n),
      (n) => world.peer(`peer-${n}`, gaming)
    )
    // One is always there, and is mostly alone but for short visits.
    const resident = peers[0]
    const end = minutes * 60_000
    const restless = Effect.fnUntraced(function*(peer: Peer) {
      const moves: Array<Move> = []
      yield* peer.events.pipe(
        Stream.runForEach((event) =>
          Effect.gen(function*() {
            if (event._tag !== "StatusChanged" || event.type !== "network") return
            if (event.message.startsWith("moved")) {
              moves.push({ at: yield* Clock.currentTimeMillis, away: event.fallbackMode === true })
            }
          })
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      if (peer === resident) {
        yield* join(peer)
        yield* Effect.sleep(end)
      }
      while ((yield* Clock.currentTimeMillis) < end) {
        yield* Effect.sleep((yield* Random.nextBetween(10, 2400)) * 1000)
        yield* join(peer)
        yield* Effect.sleep((yield* Random.nextBetween(5, 60)) * 1000)
        yield* peer.leave
      }
      return moves
    })
    const all = yield* Effect.forEach(peers, restless, { concurrency: "unbounded" })
    for (const moves of all) {
      const problem = damped(moves)
      if (problem !== undefined) return yield* Effect.fail(problem)
    }
    const most = Math.max(...all.map((moves) => moves.length))
    yield* ensure(`${most} moves are within the bound`, most <= (mostMoves * minutes) / 60)
    return most
  }).pipe(Effect.scoped)
})

/** Everything that is promised, small enough for a test. */
export const journeys = [returns, reunion(2), outage, strict] as const

/** The same with many peers or for long. */
export const long = [reunion(50), flapping(20, 60)] as const
