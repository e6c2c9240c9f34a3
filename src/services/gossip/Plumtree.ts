/**
 * Who brings a message to whom (Plumtree; Leitão, Pereira, Rodrigues 2007): events in, commands out. No I/O, no clock, no
 * randomness.
 *
 * - A message goes eagerly over the links of a spanning tree; over the others goes word that it is held, in batches.
 * - The tree makes itself: whoever gets a message twice asks the second neighbour to be lazy from then on, and whoever
 *   hears of a message that does not come asks for it, and that link is eager again.
 * - What is small goes over every link: that is faster, and costs hardly more than word of it would.
 * - Two neighbours that link tell each other what they hold of the last minute, so that a peer that lost its links for a
 *   while misses nothing. What was said before a peer came to the network is not for it.
 * - A neighbour with no room for more is told what came when it has room again, instead of being waited for.
 * - What was announced and cannot be had any more, since nobody keeps it, is counted as missed.
 * - PeerPigeon peers know nothing of all this, and get every message.
 *
 * Each rule has a file of its own beside this one; here they are put together, and events are handed to them.
 */
import type { PeerId } from "../../domain/PeerId.ts"
import * as Announcing from "./Announcing.ts"
import * as Digests from "./Digests.ts"
import * as Grafting from "./Grafting.ts"
import type { Command, Event } from "./PlumtreeEvent.ts"
import { defaults, type Settings } from "./PlumtreeSettings.ts"
import * as Pruning from "./Pruning.ts"
import * as Spreading from "./Spreading.ts"
import * as Tree from "./Tree.ts"

export { type Command, defaults, type Event, type Settings }

/** How exact the end of a message's keeping is. */
const expireEvery = 10_000

/** What a core holds, by number. @category models */
export interface Sizes {
  readonly held: number
  readonly heldBytes: number
  readonly wanted: number
  /** Names that wait to be announced. */
  readonly waiting: number
}

/** @category models */
export interface Plumtree {
  /** `now` is in milliseconds and never goes back. */
  handle(event: Event, now: number): ReadonlyArray<Command>
  /** When to come with `Due`; `Infinity` when there is nothing to wait for. */
  wakeAt(): number
  /** Messages that were announced and have not come. */
  wanted(): number
  /** Neighbours that get messages without asking. */
  eager(): ReadonlyArray<PeerId>
  sizes(): Sizes
}

/** A peer without neighbours. @category constructors */
export const make = (options: Tree.Options): Plumtree => {
  const tree = Tree.make(options)
  const { held, neighbours, wanted } = tree
  const announcing = Announcing.make(tree)
  const pruning = Pruning.make(tree)
  const spreading = Spreading.make(tree, announcing, pruning)
  const grafting = Grafting.make(tree)
  const digests = Digests.make(tree, grafting)

  const handle = (event: Event, now: number): ReadonlyArray<Command> => {
    switch (event._tag) {
      case "Published":
        return spreading.publish(event.message, event.bytes, now)
      case "Withdrawn":
        held.drop(event.id)
        for (const { waiting } of neighbours.values()) waiting.delete(event.id)
        return nothing
      case "Received":
        return spreading.receive(event.message, event.from, event.bytes, now)
      case "Announced":
        grafting.announced(event, now)
        return nothing
      case "Grafted":
        return grafting.grafted(event.from, event.ids)
      case "Pruned":
        pruning.pruned(event.from)
        return nothing
      case "Digested":
        return digests.digested(event, now)
      case "Up":
        neighbours.set(event.peerId, Tree.newNeighbour(event.dialect))
        return event.dialect === "pigeon" ? nothing : digests.greet(event.peerId, now)
      case "Down": {
        const gone = neighbours.get(event.peerId)
        neighbours.delete(event.peerId)
        wanted.forget(event.peerId)
        return gone?.eager === true ? grafting.stepIn() : nothing
      }
      case "Full": {
        const neighbour = neighbours.get(event.peerId)
        if (neighbour === undefined) return nothing
        neighbour.full = true
        announcing.queue(neighbour.waiting, event.id, now)
        return nothing
      }
      case "Relieved": {
        const neighbour = neighbours.get(event.peerId)
        if (neighbour === undefined) return nothing
        neighbour.full = false
        return announcing.announce(event.peerId, neighbour, now)
      }
      case "Counted":
        tree.peers = event.peers
        return nothing
      case "Due":
        held.expire(now)
        return [...announcing.due(now), ...grafting.due(now)]
    }
  }

  return {
    handle,
    wakeAt: () =>
      Math.min(
        announcing.wakeAt(),
        grafting.wakeAt(),
        Math.ceil(held.nextExpiry() / expireEvery) * expireEvery
      ),
    wanted: wanted.size,
    eager: () => Array.from(neighbours).flatMap(([peerId, { eager }]) => eager ? [peerId] : []),
    sizes: () => {
      let waiting = 0
      for (const neighbour of neighbours.values()) waiting += neighbour.waiting.size + neighbour.late.size
      return { held: held.size(), heldBytes: held.bytes(), wanted: wanted.size(), waiting }
    }
  }
}

const nothing: ReadonlyArray<Command> = []
