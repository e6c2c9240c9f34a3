/**
 * Where a message goes on to: over the links of the tree, or over every link if it is small, and word of it over the others.
 * One that comes late goes to those who lack it, and they say so when asked.
 */
import type { Gossip as Message } from "../../domain/Frame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Announcing } from "./Announcing.ts"
import type { Entry } from "./Held.ts"
import type { Command } from "./PlumtreeEvent.ts"
import type { Pruning } from "./Pruning.ts"
import { isFlooded, type Tree } from "./Tree.ts"

/** @category models */
export interface Spreading {
  /** We have something to say. */
  publish(message: Message, bytes: number, now: number): ReadonlyArray<Command>
  /** A neighbour brought a message. */
  receive(message: Message, from: PeerId, bytes: number, now: number): ReadonlyArray<Command>
}

const nothing: ReadonlyArray<Command> = []

const pushTo = (message: Message, to: ReadonlyArray<PeerId>): ReadonlyArray<Command> =>
  to.length === 0 ? nothing : [{ _tag: "Push", message, to }]

/** @category constructors */
export const make = (tree: Tree, { queue }: Announcing, pruning: Pruning): Spreading => {
  const { held, nameOf, neighbours, seen, self, wanted } = tree

  const spread = (entry: Entry, from: PeerId | undefined, late: boolean, now: number): ReadonlyArray<Command> => {
    const { bytes, message } = entry
    const everyone = isFlooded(tree, bytes)
    const push: Array<PeerId> = []
    const lazy: Array<PeerId> = []
    for (const [peerId, neighbour] of neighbours) {
      if (peerId === from || message.path.includes(peerId)) continue
      if (neighbour.dialect === "pigeon") push.push(peerId)
      else if (late) {
        if (entry.born >= neighbour.memberSince) queue(neighbour.late, entry.name, now)
      } else if (!neighbour.full && (everyone || neighbour.eager)) push.push(peerId)
      else lazy.push(peerId)
    }
    // Our own word must not wait to be asked for.
    if (from === undefined && push.length === 0) {
      return pushTo(message, lazy)
    }
    for (const peerId of lazy) {
      const neighbour = neighbours.get(peerId)
      if (neighbour !== undefined) queue(neighbour.waiting, entry.name, now)
    }
    return pushTo(message, push)
  }

  return {
    publish: (message, bytes, now) => {
      const name = nameOf(message)
      seen.add(name, now)
      const entry = { name, message, bytes, born: now }
      held.put(entry, now)
      return spread(entry, undefined, false, now)
    },
    receive: (message, from, bytes, now) => {
      const name = nameOf(message)
      if (!seen.add(name, now)) return pruning.duplicate(from, bytes, now)
      const lateSince = wanted.arrived(name)?.lateSince
      const deliver: Command = { _tag: "Deliver", message }
      if (lateSince === undefined) pruning.first(from, bytes)
      if (message.ttl <= 1) return [deliver]
      const onward: Message = { ...message, ttl: message.ttl - 1, path: [...message.path, self] }
      const entry = { name, message: onward, bytes, born: lateSince ?? now }
      held.put(entry, now)
      return [...spread(entry, from, lateSince !== undefined, now), deliver]
    }
  }
}
