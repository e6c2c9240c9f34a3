/**
 * A whole mesh of real processes on one hub: everything said arrives and every record is found, also right after a third of
 * the peers were killed at once and the rest has closed ranks.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Random } from "effect"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { hub, type Peer, peer } from "../support/processes.ts"

/** Peers, each a process of its own. */
const size = 24

/** How many of them are killed. */
const victims = 8

/** Peers that start at a time: each takes a core for a second, and where many others want it too, many times as long. */
const startingAtOnce = 2

const messages = 500
const reads = 500
const keys = 50

/** Ops under way at a time. */
const atOnce = 16

/** How long the rest may take to be one piece again, in milliseconds. */
const healsWithin = 30_000

/** How long to wait for that before giving up, in milliseconds: what is too late is worth a figure too. */
const patience = 90_000

const each = <A, B, E>(all: ReadonlyArray<A>, f: (one: A, n: number) => Effect.Effect<B, E>) =>
  Effect.forEach(all, f, { concurrency: atOnce })

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

const pick = Effect.fnUntraced(function*<A>(from: ReadonlyArray<A>) {
  const found = from[yield* Random.nextIntBetween(0, from.length, { halfOpen: true })]
  assert.isDefined(found)
  return found
})

/** How a mesh is linked, as its peers tell. */
interface Picture {
  /** The sizes of its pieces, as far as links go that both ends know. */
  readonly pieces: ReadonlyArray<number>
  /** Links to peers that are none of these. */
  readonly dead: number
  /** Links of a peer on average. */
  readonly links: number
}

const look = Effect.fnUntraced(function*(peers: ReadonlyArray<Peer>) {
  const linked = new Map<PeerId, ReadonlySet<PeerId>>()
  yield* each(peers, (one) =>
    Effect.map(one.ask({ op: "peers" }), (reply) => {
      assert(reply.ok && Array.isArray(reply.result))
      const open = reply.result.flatMap((link) => "peerId" in link && link.state === "open" ? [link.peerId] : [])
      linked.set(one.peerId, new Set(open))
    }))
  const pieces: Array<number> = []
  const left = new Set(linked.keys())
  for (const start of left) {
    const piece = new Set<PeerId>([start])
    for (const one of piece) {
      left.delete(one)
      for (const other of linked.get(one) ?? []) if (linked.get(other)?.has(one) === true) piece.add(other)
    }
    pieces.push(piece.size)
  }
  const ends = Array.from(linked.values()).flatMap((others) => Array.from(others))
  return {
    pieces,
    dead: ends.filter((other) => !linked.has(other)).length,
    links: ends.length / peers.length
  } satisfies Picture as Picture
})

/** Looks until all peers are one piece that has forgotten the dead, and says how it looks then, and how long it took. */
const whole = Effect.fnUntraced(function*(peers: ReadonlyArray<Peer>) {
  const start = yield* Clock.currentTimeMillis
  while (true) {
    const picture = yield* look(peers)
    const took = (yield* Clock.currentTimeMillis) - start
    if (picture.pieces.length === 1 && picture.dead === 0) return { picture, took }
    if (took > patience) return yield* Effect.die(new Error(`not whole after ${took} ms: ${JSON.stringify(picture)}`))
    yield* Effect.sleep("250 millis")
  }
})

/** What of a kind a peer heard that begins with a name, in a settled order. */
const heard = (one: Peer, kind: "broadcast" | "direct", name: string) =>
  one.heard().flatMap((message) =>
    message.kind === kind && typeof message.content === "string" && message.content.startsWith(name)
      ? [message.content]
      : []
  ).toSorted()

/** Every peer says something to all; everyone hears everybody else, once. */
const broadcasts = Effect.fnUntraced(function*(name: string, peers: ReadonlyArray<Peer>) {
  const saying = (one: Peer) => `${name} ${one.peerId}`
  yield* each(
    peers,
    (one) => Effect.map(one.ask({ op: "broadcast", content: saying(one) }), (reply) => assert.isTrue(reply.ok))
  )
  yield* each(peers, (one) =>
    Effect.gen(function*() {
      const expected = peers.filter((other) => other !== one).map(saying)
      for (const content of expected) yield* one.event("message", (message) => message.content === content)
      assert.deepStrictEqual(heard(one, "broadcast", name), expected.toSorted())
    }))
})

/** Peers at random say something to others at random; each is confirmed, and has come once. */
const directs = Effect.fnUntraced(function*(name: string, peers: ReadonlyArray<Peer>) {
  const pairs = yield* Effect.forEach(upTo(messages), () =>
    Effect.gen(function*() {
      const from = yield* pick(peers)
      return { from, to: yield* pick(peers.filter((other) => other !== from)) }
    }))
  const replies = yield* each(
    pairs,
    ({ from, to }, n) => from.ask({ op: "send", to: to.peerId, content: `${name} ${n}` })
  )
  assert.deepStrictEqual(replies.filter(({ ok }) => !ok), [])
  for (const one of peers) {
    const expected = pairs.flatMap(({ to }, n) => to === one ? [`${name} ${n}`] : [])
    // Its sender can be told that it was taken before the line that says so is read here.
    for (const content of expected) yield* one.event("message", (message) => message.content === content)
    assert.deepStrictEqual(heard(one, "direct", name), expected.toSorted())
  }
})

/** Peers at random write records twice; then peers at random read them, and find what was written last. */
const records = Effect.fnUntraced(function*(name: string, peers: ReadonlyArray<Peer>) {
  for (const value of ["first", `last of ${name}`]) {
    const writers = yield* Effect.forEach(upTo(keys), () => pick(peers))
    const replies = yield* each(writers, (writer, n) => writer.ask({ op: "put", key: `key ${n}`, content: value }))
    assert.deepStrictEqual(replies.filter(({ ok }) => !ok), [])
  }
  const questions = yield* Effect.forEach(
    upTo(reads),
    (n) => Effect.map(pick(peers), (reader) => ({ reader, key: `key ${n % keys}` }))
  )
  yield* each(
    questions,
    ({ key, reader }) =>
      Effect.map(
        reader.ask({ op: "get", key }),
        (reply) => assert.deepNestedInclude(reply, { ok: true, "result.content": `last of ${name}` }, key)
      )
  )
})

const say = (text: string) => Effect.sync(() => console.log(`      ${text}`))

/** Does something and says how long it took. */
const timed = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const result = yield* effect
    yield* say(`${what}: ${(((yield* Clock.currentTimeMillis) - start) / 1000).toFixed(1)} s`)
    return result
  })

const checks = Effect.fnUntraced(function*(name: string, peers: ReadonlyArray<Peer>) {
  yield* timed(`${name}: ${peers.length} broadcasts to ${peers.length - 1}`, broadcasts(name, peers))
  yield* timed(`${name}: ${messages} direct messages`, directs(name, peers))
  yield* timed(`${name}: ${2 * keys} records written, ${reads} read`, records(name, peers))
})

describe(`a mesh of ${size} processes`, () => {
  it.live(
    `carries everything, and does so again after ${victims} were killed`,
    () =>
      Effect.gen(function*() {
        const { url } = yield* hub()
        const peers = yield* timed(
          `${size} peers start`,
          Effect.forEach(upTo(size), () => peer(url, "proof", "--no-fallback"), { concurrency: startingAtOnce })
        )
        const grown = yield* whole(peers)
        yield* say(`one piece after another ${grown.took} ms, ${grown.picture.links.toFixed(1)} links a peer`)
        yield* checks("all", peers)

        const order = yield* Random.shuffle(peers)
        const [dead, rest] = [order.slice(0, victims), order.slice(victims)]
        for (const { kill } of dead) kill("SIGKILL")
        const healed = yield* whole(rest)
        yield* say(`${victims} killed; the rest is one piece and has forgotten them after ${healed.took} ms`)
        assert.isAtMost(healed.took, healsWithin)
        yield* checks("rest", rest)
        yield* timed("all leave", each(rest, (one) => one.ask({ op: "leave" })))
      }).pipe(Random.withSeed("proof")),
    600_000
  )
})
