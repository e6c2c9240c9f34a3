/**
 * Which neighbour leads to whom, learned as a switch learns: a message from a peer shows the way back to it. Bounded in
 * number; the least recently confirmed give way.
 */
import type { PeerId } from "../../domain/PeerId.ts"

/** @category models */
export interface Routes {
  learn(origin: PeerId, via: PeerId): void
  /** The neighbour through whom the peer was heard last. */
  via(peerId: PeerId): PeerId | undefined
  /** Forgets every route through a neighbour that is gone. */
  forget(neighbour: PeerId): void
}

/** An empty table for at most `capacity` peers. @category constructors */
export const make = (capacity: number): Routes => {
  const table = new Map<PeerId, PeerId>()
  return {
    learn: (origin, via) => {
      table.delete(origin)
      table.set(origin, via)
      for (const oldest of table.keys()) {
        if (table.size <= capacity) break
        table.delete(oldest)
      }
    },
    via: (peerId) => table.get(peerId),
    forget: (neighbour) => {
      for (const [origin, via] of table) if (via === neighbour) table.delete(origin)
    }
  }
}
