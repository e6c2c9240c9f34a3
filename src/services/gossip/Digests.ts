/**
 * Two neighbours that link tell each other what they hold of the last minute, so that a peer that lost its links for a while
 * misses nothing. What was said before a peer came to the network is not for it.
 */
import { maxIds } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Grafting } from "./Grafting.ts"
import type { Entry } from "./Held.ts"
import type { Command, Event } from "./PlumtreeEvent.ts"
import type { Tree } from "./Tree.ts"

/** @category models */
export interface Digests {
  /** Says to a new neighbour since when we are here, which asks it for its digest. */
  greet(to: PeerId, now: number): ReadonlyArray<Command>
  /** A neighbour says what it holds, or since when it is here, or both. */
  digested(event: Extract<Event, { readonly _tag: "Digested" }>, now: number): ReadonlyArray<Command>
}

/** Word of messages with their ages, for somebody who may lack them. @category constructors */
export const digestOf = (to: PeerId, entries: ReadonlyArray<Entry>, now: number): ReadonlyArray<Command> =>
  entries.length === 0 ? [] : [{
    _tag: "Digest",
    to,
    ids: entries.map(({ name }) => name),
    ages: entries.map(({ born }) => Math.max(0, Math.round(now - born)))
  }]

/** @category constructors */
export const make = ({ held, joinedAt, neighbours, seen, settings, wanted }: Tree, { ask }: Grafting): Digests => ({
  greet: (to, now) => [{ _tag: "Digest", to, ids: [], ages: [], since: Math.max(0, Math.round(now - joinedAt)) }],
  digested: ({ ages, from, ids, since }, now) => {
    for (const [at, id] of ids.entries()) {
      const age = ages[at] ?? Number.POSITIVE_INFINITY
      const born = now - age
      if (born < joinedAt || seen.has(id)) continue
      // What is young is still on its way to us.
      const isLate = age >= settings.graftAfter
      wanted.announce({
        id,
        from,
        due: isLate ? now : now + settings.graftAfter,
        patience: settings.graftAgainAfter,
        lateSince: isLate ? born : undefined
      })
    }
    const asks = ask(now)
    const neighbour = neighbours.get(from)
    if (since === undefined || neighbour === undefined) return asks
    neighbour.memberSince = now - since
    const oldest = Math.max(neighbour.memberSince, now - settings.keepFor)
    const entries = held.since(oldest, maxIds).filter(({ message }) => !message.path.includes(from))
    return [...digestOf(from, entries, now), ...asks]
  }
})
