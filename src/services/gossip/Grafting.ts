/**
 * What was announced and does not come is asked for, and the link over which it then comes is one of the tree again; so the
 * tree mends itself. What nobody gives any more is missed.
 */
import { maxIds } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Command, Event } from "./PlumtreeEvent.ts"
import type { Tree } from "./Tree.ts"

/** Lazy neighbours that step in for an eager one that is gone: one mends the tree in time, two would double the copies. */
const stepIns = 1

/** @category models */
export interface Grafting {
  /** A neighbour holds messages that are on their way to us, as far as we see. */
  announced(event: Extract<Event, { readonly _tag: "Announced" }>, now: number): void
  /** A neighbour asks for messages. */
  grafted(from: PeerId, ids: ReadonlyArray<string>): ReadonlyArray<Command>
  /** Asks for what has not come. */
  ask(now: number): ReadonlyArray<Command>
  /** As `ask`, unless that was a moment ago. */
  due(now: number): ReadonlyArray<Command>
  /** Closes the gap that a neighbour leaves in the tree, before the next message has to be asked for. */
  stepIn(): ReadonlyArray<Command>
  /** When to come with `due`. */
  wakeAt(): number
}

/** Nothing asked for yet. @category constructors */
export const make = ({ held, neighbours, seen, settings, wanted }: Tree): Grafting => {
  let askedAt = Number.NEGATIVE_INFINITY

  const ask = (now: number): ReadonlyArray<Command> => {
    const commands: Array<Command> = []
    for (const [to, ids] of wanted.ask(now)) {
      const neighbour = neighbours.get(to)
      if (neighbour !== undefined) neighbour.eager = true
      for (let at = 0; at < ids.length; at += maxIds) {
        commands.push({ _tag: "Graft", to, ids: ids.slice(at, at + maxIds) })
      }
    }
    const count = wanted.givenUp()
    if (count > 0) commands.push({ _tag: "Missed", count })
    return commands
  }

  return {
    announced: ({ bytes, from, ids }, now) => {
      for (const [at, id] of ids.entries()) {
        if (seen.has(id)) continue
        const longer = (bytes?.[at] ?? 0) / settings.pace
        wanted.announce({
          id,
          from,
          due: now + settings.graftAfter + longer,
          patience: settings.graftAgainAfter + longer,
          lateSince: undefined
        })
      }
    },
    grafted: (from, ids) => {
      const neighbour = neighbours.get(from)
      if (neighbour !== undefined) neighbour.eager = true
      return ids.flatMap((id) => {
        const entry = held.get(id)
        neighbour?.waiting.delete(id)
        neighbour?.late.delete(id)
        return entry === undefined ? [] : [{ _tag: "Serve", message: entry.message, to: from } satisfies Command]
      })
    },
    ask,
    due: (now) => {
      if (askedAt + settings.askEvery > now) return []
      askedAt = now
      return ask(now)
    },
    stepIn: () => {
      const commands: Array<Command> = []
      for (const [to, neighbour] of neighbours) {
        if (neighbour.eager || commands.length === stepIns) continue
        neighbour.eager = true
        commands.push({ _tag: "Graft", to, ids: [] })
      }
      return commands
    },
    wakeAt: () => Math.max(wanted.nextDue(), askedAt + settings.askEvery)
  }
}
