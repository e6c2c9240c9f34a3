/**
 * The hash table's core at many peers, over links that somebody else made: a ring with long links as it should be, with
 * everyone who is alive where it belongs. Pure: an agenda of events, and nothing that takes time of ours.
 */
import type { DhtFrame } from "../../../src/domain/DhtFrame.ts"
import type { Answer } from "../../../src/domain/DhtFrame.ts"
import { NetworkName } from "../../../src/domain/NetworkName.ts"
import { PeerId } from "../../../src/domain/PeerId.ts"
import * as Circle from "../../../src/services/dht/Circle.ts"
import { type Command, Event, make as makeNode, type Node, type Wanted } from "../../../src/services/dht/Node.ts"
import type { Ways } from "../../../src/services/Routing.ts"

const networkName = NetworkName.make("bench")

/** Ring neighbours on each side. */
const ringPerSide = 2
/** Long links that each draws, and takes. */
const longLinks = 2
/** Ids known on each side. */
const leavesPerSide = 8

/** Uniform numbers from a seed (mulberry32). */
export const generator = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** Things to do, by their times; those of one time in the order in which they came. */
const makeAgenda = () => {
  const heap: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = []
  let orders = 0
  const isBefore = (one: number, other: number) => {
    const [a, b] = [heap[one], heap[other]]
    if (a === undefined || b === undefined) return false
    return a.at < b.at || (a.at === b.at && a.order < b.order)
  }
  const swap = (one: number, other: number) => {
    const [a, b] = [heap[one], heap[other]]
    if (a !== undefined && b !== undefined) [heap[one], heap[other]] = [b, a]
  }
  return {
    add: (at: number, act: () => void) => {
      heap.push({ at, order: orders++, act })
      for (let index = heap.length - 1; index > 0;) {
        const parent = (index - 1) >> 1
        if (!isBefore(index, parent)) break
        swap(index, parent)
        index = parent
      }
    },
    next: () => heap[0]?.at,
    take: () => {
      const [first] = heap
      const last = heap.pop()
      if (first === undefined || last === undefined || heap.length === 0) return first
      heap[0] = last
      for (let index = 0;;) {
        let least = index
        for (const child of [2 * index + 1, 2 * index + 2]) if (isBefore(child, least)) least = child
        if (least === index) return first
        swap(index, least)
        index = least
      }
    }
  }
}

/** A peer of the model. */
export interface Member {
  readonly position: Circle.Position
  readonly node: Node
  alive: boolean
  links: Set<Member>
  /** What it knows of each neighbour's links. */
  told: Map<Member, ReadonlyArray<Member>>
  leaves: ReadonlyArray<Member>
  readonly dead: Set<Member>
  dueAt: number
}

export interface Model {
  readonly members: ReadonlyArray<Member>
  readonly random: () => number
  now(): number
  /** Lets time pass. */
  run(millis: number): void
  /** Asks at a peer, and runs until the answer is there. */
  ask(at: Member, key: string, wanted: Wanted): Answer | undefined
  /** Asks without waiting for the answer. */
  start(at: Member, key: string, wanted: Wanted): number
  /** What was answered. */
  answer(token: number): Answer | undefined
  /** Subscribes to a key; the versions that are heard come to be in the array. */
  subscribe(at: Member, key: string): ReadonlyArray<number>
  /** Loses the frames that fit, from now on. */
  lose(fits: (frame: DhtFrame, to: Member, from: Member) => boolean): void
  /** Ends peers at once. Their neighbours notice; nobody else does. */
  kill(members: ReadonlyArray<Member>): void
  /** Makes links and leaf sets what they should be among those who are alive. */
  repair(): void
  /** Frames sent so far, by type. */
  readonly sent: Map<DhtFrame["type"], number>
}

/** A ring of `count` peers. */
export const make = (count: number, seed: number): Model => {
  const random = generator(seed)
  const agenda = makeAgenda()
  const sent = new Map<DhtFrame["type"], number>()
  const byId = new Map<PeerId, Member>()
  const answers = new Map<number, Answer | undefined>()
  const heard = new Map<number, Array<number>>()
  let now = 0
  let tokens = 0
  let isLost: (frame: DhtFrame, to: Member, from: Member) => boolean = () => false

  const delay = (one: Member, other: Member) => {
    const [a, b] = one.position.high < other.position.high ? [one, other] : [other, one]
    return 20 + generator((a.position.high ^ (b.position.high >>> 3)) | 0)() * 100
  }

  const feed = (member: Member, event: Event) => {
    if (!member.alive) return
    for (const command of member.node.handle(event, now)) carryOut(member, command)
    const dueAt = Math.ceil(member.node.dueAt)
    if (dueAt < member.dueAt || member.dueAt <= now) {
      member.dueAt = dueAt
      if (Number.isFinite(dueAt)) {
        agenda.add(Math.max(dueAt, now), () => {
          if (member.dueAt !== dueAt) return
          member.dueAt = Number.POSITIVE_INFINITY
          feed(member, Event.Due())
        })
      }
    }
  }

  const carryOut = (from: Member, command: Command) => {
    if (command._tag === "Changed") heard.get(command.token)?.push(command.record.version)
    if (command._tag === "Answered") answers.set(command.token, command.answer)
    if (command._tag !== "Send") return
    const { frame } = command
    const to = byId.get(command.to)
    if (to === undefined || !from.links.has(to)) {
      return agenda.add(now, () => feed(from, Event.Unreached({ peer: command.to })))
    }
    sent.set(frame.type, (sent.get(frame.type) ?? 0) + 1)
    if (isLost(frame, to, from)) return
    agenda.add(now + delay(from, to), () => {
      if (to.links.has(from)) feed(to, Event.Came({ from: from.position.id, frame }))
    })
  }

  const waysOf = (self: () => Member): Ways => {
    /** The best neighbour, itself or by one of its neighbours; of two equally near, the one that is there itself. */
    const best = (target: Circle.Position, except: (peer: PeerId) => boolean) => {
      let found: { readonly via: Member; readonly reaches: Member } | undefined
      const consider = (via: Member, reaches: Member) => {
        if (found === undefined || Circle.compareDistance(target, reaches.position, found.reaches.position) < 0) {
          found = { via, reaches }
        }
      }
      const { dead, links, told } = self()
      for (const via of links) {
        if (except(via.position.id)) continue
        consider(via, via)
      }
      for (const via of links) {
        if (except(via.position.id)) continue
        for (const reaches of told.get(via) ?? []) {
          if (reaches !== self() && !dead.has(reaches) && !except(reaches.position.id)) consider(via, reaches)
        }
      }
      return found
    }
    return {
      nextHop: (id, except) => {
        const target = Circle.position(id)
        const found = best(target, except)
        return found !== undefined && Circle.compareDistance(target, found.reaches.position, self().position) < 0
          ? found.via.position.id
          : undefined
      },
      detour: (id, except) => best(Circle.position(id), except)?.via.position.id,
      nearest: (id, most) => {
        const { dead, leaves, links } = self()
        const known = new Set([self(), ...links, ...leaves].filter((member) => !dead.has(member)))
        const target = Circle.position(id)
        return Array.from(known, ({ position }) => position)
          .toSorted((one, other) => Circle.compareDistance(target, one, other))
          .slice(0, most)
          .map((position) => position.id)
      }
    }
  }

  const newId = () => PeerId.make(Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16)).join(""))

  const members = Array.from({ length: count }, (): Member => {
    const position = Circle.position(newId())
    const member: Member = {
      position,
      node: makeNode({ self: position.id, networkName, ways: waysOf(() => member), random }),
      alive: true,
      links: new Set(),
      told: new Map(),
      leaves: [],
      dead: new Set(),
      dueAt: Number.POSITIVE_INFINITY
    }
    byId.set(position.id, member)
    return member
  }).toSorted((one, other) => one.position.high - other.position.high)

  const weave = () => {
    const ring = members.filter(({ alive }) => alive)
    const at = (index: number) => ring[((index % ring.length) + ring.length) % ring.length]
    const links = new Map(ring.map((member) => [member, new Set<Member>()]))
    const link = (one: Member, other: Member | undefined) => {
      if (other === undefined || one === other) return false
      links.get(one)?.add(other)
      links.get(other)?.add(one)
      return true
    }
    const around = (index: number, perSide: number) =>
      Array.from({ length: perSide }, (_, way) => [at(index + way + 1), at(index - way - 1)]).flat()
    for (const [index, member] of ring.entries()) {
      for (const other of around(index, ringPerSide)) link(member, other)
      const leaves = new Set(around(index, leavesPerSide).filter((leaf) => leaf !== undefined && leaf !== member))
      member.leaves = Array.from(leaves).filter((leaf) => leaf !== undefined)
    }
    const taken = new Map<Member, number>()
    for (const [index, member] of ring.entries()) {
      // Standing long links are kept.
      let own = 0
      for (const other of member.links) {
        if (other.alive && links.get(member)?.has(other) === false && own < longLinks) {
          link(member, other)
          own++
        }
      }
      for (let draw = 0; own < longLinks && draw < 8; draw++) {
        const way = Math.max(1, Math.round(ring.length ** (random() - 1) * ring.length / 2))
        const other = at(index + (random() < 0.5 ? way : -way))
        const isFull = other === undefined || (taken.get(other) ?? 0) >= longLinks
        if (isFull || links.get(member)?.has(other) === true || !link(member, other)) continue
        taken.set(other, (taken.get(other) ?? 0) + 1)
        own++
      }
    }
    for (const member of ring) {
      const before = member.links
      member.links = links.get(member) ?? new Set()
      member.dead.clear()
      for (const other of before) {
        if (!member.links.has(other)) feed(member, Event.Unlinked({ peer: other.position.id }))
      }
    }
    for (const member of ring) member.told = new Map(Array.from(member.links, (other) => [other, [...other.links]]))
    for (const member of ring) {
      for (const other of member.links) {
        if (!known.has(member) || known.get(member)?.has(other) === false) {
          feed(member, Event.Linked({ peer: other.position.id }))
        }
      }
      known.set(member, new Set(member.links))
      feed(member, Event.Moved())
    }
  }
  const known = new Map<Member, Set<Member>>()
  weave()

  const step = (until: number) => {
    const at = agenda.next()
    if (at === undefined || at > until) {
      now = until
      return false
    }
    now = Math.max(now, at)
    agenda.take()?.act()
    return true
  }

  const start = (at: Member, key: string, wanted: Wanted) => {
    const token = ++tokens
    feed(at, Event.Asked({ token, key, ask: wanted }))
    return token
  }

  return {
    members,
    random,
    start,
    answer: (token) => answers.get(token),
    subscribe: (at, key) => {
      const token = ++tokens
      const versions: Array<number> = []
      heard.set(token, versions)
      feed(at, Event.Subscribed({ token, key }))
      return versions
    },
    lose: (fits) => void (isLost = fits),
    now: () => now,
    run: (millis) => {
      const until = now + millis
      while (step(until));
    },
    ask: (at, key, wanted) => {
      const token = start(at, key, wanted)
      const until = now + 20_000
      while (!answers.has(token) && step(until));
      const answer = answers.get(token)
      answers.delete(token)
      return answer
    },
    kill: (gone) => {
      for (const member of gone) member.alive = false
      for (const member of gone) {
        for (const neighbour of member.links) {
          neighbour.links.delete(member)
          neighbour.told.delete(member)
          neighbour.dead.add(member)
          known.get(neighbour)?.delete(member)
          feed(neighbour, Event.Unlinked({ peer: member.position.id }))
        }
      }
    },
    repair: weave,
    sent
  }
}

/** Some of the members, at random. */
export const some = <A>(random: () => number, from: ReadonlyArray<A>, count: number): ReadonlyArray<A> => {
  const rest = [...from]
  return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(Math.floor(random() * rest.length), 1))
    .flat()
}
