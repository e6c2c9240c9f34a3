/**
 * Word of messages, for those whom they do not go to at once: names wait a moment for others to go along, and for as long as
 * a neighbour has no room.
 */
import { maxIds } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { digestOf } from "./Digests.ts"
import type { Command } from "./PlumtreeEvent.ts"
import type { Neighbour, Tree } from "./Tree.ts"

/** Word of messages above this size says how large they are. */
const largeBytes = 64 * 1024

/** Names of messages that wait for a neighbour's room, at most; the oldest give way, and are counted. @category constants */
export const maxWaiting = 4096

/** @category models */
export interface Announcing {
  /** Puts a name among those that wait, `waiting` or `late`, for a neighbour. */
  queue(names: Set<string>, id: string, now: number): void
  /** Word of what waits to be announced to a neighbour: of what is not held any more, too, for it may be missing there. */
  announce(to: PeerId, neighbour: Neighbour, now: number): ReadonlyArray<Command>
  /** Word for all, once they have waited long enough. */
  due(now: number): ReadonlyArray<Command>
  /** When names that wait are to go. */
  wakeAt(): number
}

/** Nothing to announce. @category constructors */
export const make = ({ held, neighbours, settings }: Tree): Announcing => {
  let announceAt = Number.POSITIVE_INFINITY
  /** Names that gave way since that was said last. */
  let unannounced = 0

  const announce = (to: PeerId, neighbour: Neighbour, now: number): ReadonlyArray<Command> => {
    const commands: Array<Command> = []
    const names = Array.from(neighbour.waiting)
    neighbour.waiting.clear()
    for (let at = 0; at < names.length; at += maxIds) {
      const ids = names.slice(at, at + maxIds)
      const sizes = ids.map((id) => held.get(id)?.bytes ?? 0)
      commands.push({
        _tag: "Announce",
        to,
        ids,
        ...(sizes.some((bytes) => bytes > largeBytes) ? { bytes: sizes } : {})
      })
    }
    const late = Array.from(neighbour.late).flatMap((id) => held.get(id) ?? [])
    neighbour.late.clear()
    for (let at = 0; at < late.length; at += maxIds) commands.push(...digestOf(to, late.slice(at, at + maxIds), now))
    return commands
  }

  return {
    queue: (names, id, now) => {
      names.add(id)
      for (const oldest of names) {
        if (names.size <= maxWaiting) break
        names.delete(oldest)
        unannounced++
      }
      announceAt = Math.min(announceAt, now + settings.announceAfter)
    },
    announce,
    due: (now) => {
      if (announceAt > now) return []
      announceAt = Number.POSITIVE_INFINITY
      const commands: Array<Command> = []
      if (unannounced > 0) commands.push({ _tag: "Unannounced", count: unannounced })
      unannounced = 0
      for (const [peerId, neighbour] of neighbours) {
        if (!neighbour.full) commands.push(...announce(peerId, neighbour, now))
      }
      return commands
    },
    wakeAt: () => announceAt
  }
}
