/**
 * Many cores of gossip and the links between them, without anything else: an agenda of what happens when, links of 20 to
 * 120 ms that keep the order, and counts of what was sent.
 */
import type { Gossip as Message } from "../../../src/domain/Frame.ts"
import { initialTtl } from "../../../src/domain/Frame.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Plumtree from "../../../src/services/gossip/Plumtree.ts"
import * as SeenSet from "../../../src/services/gossip/SeenSet.ts"

/** A sequence of numbers in [0, 1) that a seed determines (mulberry32). */
export const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Pairs of peers, by number. */
export type Graph = ReadonlyArray<readonly [number, number]>

/** A ring with two neighbours on each side, and long links that are drawn from the harmonic distribution: degree 8. */
export const ringWithLongLinks = (count: number, draw: () => number): Graph => {
  const degree = Array.from({ length: count }, () => 0)
  const pairs = new Map<string, readonly [number, number]>()
  const link = (a: number, b: number): boolean => {
    const name = a < b ? `${a} ${b}` : `${b} ${a}`
    if (a === b || pairs.has(name)) return false
    pairs.set(name, [a, b])
    degree[a] = (degree[a] ?? 0) + 1
    degree[b] = (degree[b] ?? 0) + 1
    return true
  }
  for (let n = 0; n < count; n++) {
    link(n, (n + 1) % count)
    link(n, (n + 2) % count)
  }
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < count; n++) {
      for (let tries = 0; tries < 8; tries++) {
        const distance = Math.max(1, Math.round(count / 2 * count ** (draw() - 1)))
        const other = (n + (draw() < 0.5 ? distance : count - distance)) % count
        if ((degree[other] ?? 0) < 8 && (degree[n] ?? 0) < 8 && link(n, other)) break
      }
    }
  }
  return Array.from(pairs.values())
}

/** What was sent over all links. */
export interface Counts {
  payloads: number
  announcements: number
  controls: number
  duplicates: number
}

/** What a model is made with. */
export interface ModelOptions {
  readonly count: number
  readonly seed: number
  readonly settings?: Partial<Plumtree.Settings>
  /** How large messages are; default: 2048 bytes. */
  readonly bytes?: number
  /** How large each peer takes the network to be; default: as large as it is. */
  readonly population?: number
  /** Peers who speak as PeerPigeon. */
  readonly pigeons?: ReadonlySet<number>
}

interface Peer {
  readonly id: PeerId
  core: Plumtree.Plumtree
  alive: boolean
  wake: number
}

const idOf = (n: number) => PeerId.make(n.toString(16).padStart(40, "0"))

/** Peers without links, at time 0. */
export const make = (options: ModelOptions) => {
  const draw = random(options.seed)
  const bytes = options.bytes ?? 2048
  const agenda = new Heap()
  const counts: Counts = { payloads: 0, announcements: 0, controls: 0, duplicates: 0 }
  /** How often and when each message was delivered, by its id. */
  const delivered = new Map<string, Map<number, Array<number>>>()
  const latencies = new Map<string, number>()
  const arrivals = new Map<string, number>()
  const linked = new Map<number, Set<number>>()
  let now = 0
  let said = 0
  /** Whether what is sent over a link arrives. */
  let carries = (_from: number, _to: number): boolean => true

  const core = (n: number, joinedAt: number) =>
    Plumtree.make({
      self: idOf(n),
      joinedAt,
      nameOf: ({ id }) => id,
      seen: SeenSet.make(100_000, 300_000),
      ...(options.settings === undefined ? {} : { settings: options.settings })
    })
  const peers = Array.from({ length: options.count }, (_, n): Peer => ({
    id: idOf(n),
    core: core(n, 0),
    alive: true,
    wake: Number.POSITIVE_INFINITY
  }))
  const numbers = new Map(peers.map(({ id }, n) => [id, n]))

  const isPigeon = (n: number) => options.pigeons?.has(n) === true

  const latency = (a: number, b: number): number => {
    const name = a < b ? `${a} ${b}` : `${b} ${a}`
    const known = latencies.get(name) ?? 20 + draw() * 100
    latencies.set(name, known)
    return known
  }

  const happen = (n: number, event: Plumtree.Event) => {
    const peer = peers[n]
    if (peer === undefined || !peer.alive) return
    const commands = peer.core.handle(event, now)
    for (const command of commands) carryOut(n, command)
    const at = peer.core.wakeAt()
    if (at < peer.wake) {
      peer.wake = at
      agenda.add(at, () => {
        if (peer.wake !== at) return
        peer.wake = Number.POSITIVE_INFINITY
        happen(n, { _tag: "Due" })
        rouse(n)
      })
    }
  }

  /** Makes sure that a peer wakes when it wants to. */
  const rouse = (n: number) => happen(n, { _tag: "Counted", peers: options.population ?? options.count })

  const send = (from: number, to: PeerId, event: Plumtree.Event) => {
    const n = numbers.get(to)
    if (n === undefined || linked.get(from)?.has(n) !== true || !carries(from, n)) return
    const way = `${from} ${n}`
    const at = Math.max(arrivals.get(way) ?? 0, now + latency(from, n))
    arrivals.set(way, at)
    agenda.add(at, () => {
      if (linked.get(n)?.has(from) === true) happen(n, event)
    })
  }

  const deliver = (n: number, id: string) => {
    const all = delivered.get(id) ?? new Map<number, Array<number>>()
    delivered.set(id, all)
    all.set(n, [...all.get(n) ?? [], now])
  }

  const carryOut = (n: number, command: Plumtree.Command) => {
    const from = idOf(n)
    switch (command._tag) {
      case "Deliver":
        return deliver(n, command.message.id)
      case "Duplicate":
        return void counts.duplicates++
      case "Push":
      case "Serve":
        for (const to of typeof command.to === "string" ? [command.to] : command.to) {
          counts.payloads++
          send(n, to, { _tag: "Received", from, message: command.message, bytes })
        }
        return
      case "Missed":
      case "Unannounced":
        return
      default: {
        const to = numbers.get(command.to)
        if (isPigeon(n) || (to !== undefined && isPigeon(to))) return
        if (command._tag === "Announce") {
          counts.announcements++
          const { to, _tag, ...facts } = command
          return send(n, to, { _tag: "Announced", from, ...facts })
        }
        counts.controls++
        if (command._tag === "Graft") return send(n, command.to, { _tag: "Grafted", from, ids: command.ids })
        if (command._tag === "Prune") return send(n, command.to, { _tag: "Pruned", from })
        const { to: _to, _tag, ...facts } = command
        return send(n, command.to, { _tag: "Digested", from, ...facts })
      }
    }
  }

  const neighboursOf = (n: number) => linked.get(n) ?? new Set<number>()

  const link = (a: number, b: number) => {
    linked.set(a, neighboursOf(a).add(b))
    linked.set(b, neighboursOf(b).add(a))
    happen(a, { _tag: "Up", peerId: idOf(b), dialect: isPigeon(b) ? "pigeon" : "homing" })
    happen(b, { _tag: "Up", peerId: idOf(a), dialect: isPigeon(a) ? "pigeon" : "homing" })
  }

  const cut = (a: number, b: number) => {
    if (!neighboursOf(a).delete(b)) return
    neighboursOf(b).delete(a)
    happen(a, { _tag: "Down", peerId: idOf(b) })
    happen(b, { _tag: "Down", peerId: idOf(a) })
  }

  const run = (until: number) => {
    for (;;) {
      const next = agenda.peek()
      if (next === undefined || next > until) break
      now = next
      agenda.pop()()
    }
    now = until
  }

  for (let n = 0; n < options.count; n++) rouse(n)

  return {
    counts,
    draw,
    now: () => now,
    link,
    cut,
    links: (): Graph => Array.from(linked).flatMap(([a, all]) => Array.from(all).flatMap((b) => a < b ? [[a, b]] : [])),
    /** Takes a peer from the network; its links are gone at once. */
    vanish: (n: number) => {
      for (const other of Array.from(neighboursOf(n))) cut(n, other)
      const peer = peers[n]
      if (peer !== undefined) peer.alive = false
    },
    /** A peer that comes anew, and knows nothing. */
    join: (n: number) => {
      const peer = peers[n]
      if (peer === undefined) return
      peer.core = core(n, now)
      peer.alive = true
      rouse(n)
    },
    lose: (when: (from: number, to: number) => boolean) => {
      carries = (from, to) => !when(from, to)
    },
    isAlive: (n: number) => peers[n]?.alive === true,
    sizes: (n: number) => peers[n]?.core.sizes(),
    happen,
    /** Says something to everyone; gives the message's id. */
    say: (n: number): string => {
      const id = `message-${said++}`
      const message: Message = {
        type: "gossip",
        id,
        subtype: "chat",
        content: null,
        from: idOf(n),
        timestamp: now,
        ttl: initialTtl,
        path: [idOf(n)]
      }
      deliver(n, id)
      happen(n, { _tag: "Published", message, bytes })
      return id
    },
    /** Lets time pass, in milliseconds. */
    elapse: (millis: number) => run(now + millis),
    /** Who has a message, and when each got it. */
    reached: (id: string): ReadonlyMap<number, ReadonlyArray<number>> => delivered.get(id) ?? new Map(),
    /** Everyone that can be reached from a peer. */
    component: (n: number): ReadonlySet<number> => {
      const found = new Set([n])
      for (const member of found) for (const other of neighboursOf(member)) found.add(other)
      return found
    }
  }
}

/** A model as the tests hold it. */
export type Model = ReturnType<typeof make>

/** What happens when, the earliest first; of two at one time, the one that was added first. */
class Heap {
  readonly #items: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = []
  #order = 0

  #before(a: number, b: number): boolean {
    const [left, right] = [this.#items[a], this.#items[b]]
    if (left === undefined || right === undefined) return false
    return left.at < right.at || (left.at === right.at && left.order < right.order)
  }

  #swap(a: number, b: number) {
    const [left, right] = [this.#items[a], this.#items[b]]
    if (left === undefined || right === undefined) return
    this.#items[a] = right
    this.#items[b] = left
  }

  add(at: number, act: () => void) {
    this.#items.push({ at, order: this.#order++, act })
    let n = this.#items.length - 1
    while (n > 0 && this.#before(n, (n - 1) >> 1)) {
      this.#swap(n, (n - 1) >> 1)
      n = (n - 1) >> 1
    }
  }

  peek(): number | undefined {
    return this.#items[0]?.at
  }

  pop(): () => void {
    this.#swap(0, this.#items.length - 1)
    const top = this.#items.pop()
    for (let n = 0;;) {
      const [left, right] = [2 * n + 1, 2 * n + 2]
      const child = this.#before(right, left) ? right : left
      if (!this.#before(child, n)) break
      this.#swap(child, n)
      n = child
    }
    return top?.act ?? (() => undefined)
  }
}
