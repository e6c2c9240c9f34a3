/**
 * Requests on their way: each goes to the neighbour that is nearest to its key's place, until it comes to a peer that can
 * answer. A hop that fails or leads nowhere is gone around; the answer comes back along the path, or straight to the
 * origin where there is a link to it.
 */
import { type Answer, type Ask, maxHops, maxVisited, type Reply, type Request } from "../../domain/DhtFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { freshId, type Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"

/** What this peer can say itself. @category models */
export interface Desk {
  /** What can be answered at once, wherever on the way we are. `isLast`: the nearest peer has nothing, so any copy will do. */
  known(key: string, ask: Ask, isLast: boolean): Answer | undefined
  /**
   * What the peer nearest to a key has to say, now or later. `false`: nothing, since it does not have what is asked for;
   * somebody else may.
   */
  decide(key: string, position: PeerId, origin: PeerId, ask: Ask, answer: (answer: Answer) => void): boolean
  /** What keeps an answer to a request for this key from being true, if anything does. */
  problemWith(key: string, ask: Ask, answer: Answer): string | undefined
  /** The answer as it is with what we know: where we have something newer, that. */
  mend(key: string, ask: Ask, answer: Answer): Answer
  /** An answer to somebody else's request comes by. */
  passing(key: string, ask: Ask, answer: Answer): void
}

/** Hears the answer, or `undefined` when none came in time. @category models */
export type Answered = (answer: Answer | undefined) => void

/** @category models */
export interface Requests {
  /** Asks on our own behalf. */
  ask(key: string, ask: Ask, answered: Answered): void
  onRequest(from: PeerId, frame: Request): void
  onTaken(from: PeerId, id: string): void
  onReply(from: PeerId, frame: Reply): void
  /** A neighbour is gone, or took nothing. */
  unlinked(peer: PeerId): void
  /** Time has passed. */
  tick(): void
  readonly size: number
}

interface Transit {
  readonly key: string
  readonly position: PeerId
  readonly ask: Ask
  readonly origin: PeerId
  /** Who passed it on to us, or how to answer our own application. */
  readonly back: { readonly _tag: "Peer"; readonly peer: PeerId } | {
    readonly _tag: "Own"
    readonly answered: Answered
  }
  readonly deadline: number
  /** Its names, the one in use last: what is tried anew has a new one, and the answer to an old one is as good. */
  readonly ids: Array<string>
  /** Neighbours from whom, over others, no answer came. */
  readonly avoided: Set<PeerId>
  visited: Array<PeerId>
  ttl: number
  minima: number
  /** Who has it now; absent while the answer is up to us. */
  next: PeerId | undefined
  taken: boolean
  hopUntil: number
  /** When to say that we have it, unless the answer has been given by then. */
  sayTakenAt: number
  /** Our own: when to try anew. */
  anewAt: number
}

/** Nothing on its way. @category constructors */
export const make = (ground: Ground, positionOf: (key: string) => PeerId, desk: Desk): Requests => {
  const { linked, networkName, self, ways } = ground
  const all = new Set<Transit>()
  const byId = new Map<string, Transit>()

  const nameOf = ({ ids }: Transit): string => ids.at(-1) ?? ""

  const visit = (transit: Transit, peers: ReadonlyArray<PeerId>) => {
    for (const peer of peers) if (!transit.visited.includes(peer)) transit.visited.push(peer)
    // The origin comes first, and the oldest go first.
    while (transit.visited.length > maxVisited) transit.visited.splice(1, 1)
  }

  const end = (transit: Transit) => {
    all.delete(transit)
    for (const id of transit.ids) byId.delete(id)
  }

  const sendAnswer = (id: string, origin: PeerId, from: PeerId, answer: Answer) => {
    // Who cannot answer leaves it to the one who asked, and that is not always the origin.
    // That there is nothing may be contradicted by those on the way.
    const isFinal = answer.is !== "lost" && answer.is !== "none" && !isBusy(answer)
    const to = linked.has(origin) && isFinal ? origin : from
    ground.send(to, { type: "dht-reply", networkName, id, answer })
  }

  const reply = (transit: Transit, given: Answer) => {
    end(transit)
    const answer = desk.mend(transit.key, transit.ask, given)
    if (transit.back._tag === "Own") transit.back.answered(answer)
    else sendAnswer(nameOf(transit), transit.origin, transit.back.peer, answer)
  }

  const stuck = (transit: Transit) => {
    transit.next = undefined
    if (transit.back._tag === "Peer") {
      const { minima, ttl, visited } = transit
      return reply(transit, { is: "lost", ttl: Math.max(0, ttl), visited, minima })
    }
    // All whom we can reach have been asked.
    if (transit.ask.op === "get" && transit.ttl > 0) return reply(transit, { is: "none" })
    transit.anewAt = ground.now() + Limits.wayPause
  }

  const forward = (transit: Transit, next: PeerId) => {
    const { ask, key, origin } = transit
    transit.next = next
    transit.taken = false
    transit.hopUntil = ground.now() + Limits.hopPatience
    transit.ttl--
    ground.send(next, {
      type: "dht-request",
      networkName,
      id: nameOf(transit),
      origin,
      key,
      ask,
      ttl: transit.ttl,
      visited: transit.visited,
      minima: transit.minima
    })
  }

  const route = (transit: Transit) => {
    const { ask, key, origin, position } = transit
    transit.next = undefined
    if (transit.ttl <= 0) return stuck(transit)
    const except = (peer: PeerId) => transit.visited.includes(peer)
    const next = ways.nextHop(position, except)
    if (next !== undefined) return forward(transit, next)
    transit.anewAt = Number.POSITIVE_INFINITY
    const answered = (answer: Answer) => {
      if (all.has(transit)) reply(transit, answer)
    }
    if (desk.decide(key, position, origin, ask, answered)) return
    transit.minima++
    if (transit.minima >= Limits.minima) return reply(transit, { is: "none" })
    const detour = ways.detour(position, except)
    if (detour === undefined) return stuck(transit)
    if (transit.back._tag === "Own") transit.anewAt = ground.now() + Limits.attemptLives
    forward(transit, detour)
  }

  const goAround = (transit: Transit, failed: PeerId) => {
    visit(transit, [failed])
    route(transit)
  }

  const start = (transit: Transit) => {
    all.add(transit)
    byId.set(nameOf(transit), transit)
    route(transit)
  }

  const anew = (transit: Transit) => {
    const id = freshId(ground)
    transit.ids.push(id)
    byId.set(id, transit)
    if (transit.next !== undefined) transit.avoided.add(transit.next)
    transit.visited = [self, ...transit.avoided]
    transit.ttl = maxHops
    transit.minima = 0
    transit.anewAt = ground.now() + Limits.attemptLives
    route(transit)
  }

  return {
    ask: (key, ask, answered) => {
      const known = desk.known(key, ask, false)
      if (known !== undefined) return answered(known)
      if (all.size >= Limits.maxTransits) return answered(busy)
      const now = ground.now()
      start({
        key,
        position: positionOf(key),
        ask,
        origin: self,
        back: { _tag: "Own", answered },
        deadline: now + Limits.requestLives,
        ids: [freshId(ground)],
        avoided: new Set(),
        visited: [self],
        ttl: maxHops,
        minima: 0,
        next: undefined,
        taken: false,
        hopUntil: 0,
        sayTakenAt: Number.POSITIVE_INFINITY,
        anewAt: now + Limits.attemptLives
      })
    },
    onRequest: (from, frame) => {
      const { ask, id, key, minima, origin, ttl, visited } = frame
      // The origin comes first, and the neighbour is among those who had it, or somebody lies about who it is.
      if (visited[0] !== origin || !visited.includes(from)) return ground.drop("malformed")
      if (origin === self || byId.has(id)) {
        return ground.send(from, {
          type: "dht-reply",
          networkName,
          id,
          answer: { is: "lost", ttl, visited: [...visited, self].slice(0, maxVisited), minima }
        })
      }
      const known = desk.known(key, ask, minima > 0)
      if (known !== undefined) return sendAnswer(id, origin, from, known)
      if (all.size >= Limits.maxTransits) return sendAnswer(id, origin, from, busy)
      const transit: Transit = {
        key,
        position: positionOf(key),
        ask,
        origin,
        back: { _tag: "Peer", peer: from },
        deadline: ground.now() + Limits.requestLives,
        ids: [id],
        avoided: new Set(),
        visited: [...visited],
        ttl,
        minima,
        next: undefined,
        taken: false,
        hopUntil: 0,
        sayTakenAt: ground.now() + Limits.takenDelay,
        anewAt: Number.POSITIVE_INFINITY
      }
      visit(transit, [self])
      start(transit)
    },
    onTaken: (from, id) => {
      const transit = byId.get(id)
      if (transit?.next === from) transit.taken = true
    },
    onReply: (from, { answer, id }) => {
      const transit = byId.get(id)
      if (transit === undefined) return ground.drop("duplicate")
      const isFalse = desk.problemWith(transit.key, transit.ask, answer) !== undefined
      if (isFalse) ground.drop("malformed")
      if (isFalse || answer.is === "lost" || isBusy(answer)) {
        if (transit.next !== from) return
        if (!isFalse && answer.is === "lost") {
          visit(transit, answer.visited)
          transit.ttl = Math.min(transit.ttl, answer.ttl)
          transit.minima = Math.max(transit.minima, answer.minima)
        }
        return goAround(transit, from)
      }
      if (transit.back._tag === "Peer") desk.passing(transit.key, transit.ask, answer)
      reply(transit, answer)
    },
    unlinked: (peer) => {
      for (const transit of all) if (transit.next === peer) goAround(transit, peer)
    },
    tick: () => {
      const now = ground.now()
      for (const transit of all) {
        if (transit.sayTakenAt <= now && transit.back._tag === "Peer") {
          transit.sayTakenAt = Number.POSITIVE_INFINITY
          ground.send(transit.back.peer, { type: "dht-taken", networkName, id: nameOf(transit) })
        }
        if (transit.deadline <= now) {
          end(transit)
          if (transit.back._tag === "Own") transit.back.answered(undefined)
        } else if (transit.anewAt <= now) {
          anew(transit)
        } else if (transit.next !== undefined && !transit.taken && transit.hopUntil <= now) {
          goAround(transit, transit.next)
        }
      }
    },
    get size() {
      return all.size
    }
  }
}

const busy: Answer = { is: "refused", why: "busy", problem: "too many requests at a time" }

const isBusy = (answer: Answer): boolean => answer.is === "refused" && answer.why === "busy"
