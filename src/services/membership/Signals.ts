/** Messages of signaling that go over the mesh: each goes nearer to its peer, and back to try another way where it ends. */
import type { Signal, Signaled, Unreached } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Hearsay } from "./Hearsay.ts"
import type { Links } from "./Links.ts"
import { Command } from "./OverlayEvent.ts"
import * as Rules from "./Rules.ts"
import { newId, type State } from "./State.ts"
import type { Ways } from "./Ways.ts"

/** @category models */
export interface Signals {
  /** Sends one of ours. */
  send(to: PeerId, signal: Signaled): void
  /** Takes one, brings it a hop nearer to its peer, or back. */
  take(frame: Signal): void
  /** Brings word that one found no way back to who sent it. */
  unreached(frame: Unreached): void
}

/** @category constructors */
export const make = (state: State, links: Links, hearsay: Hearsay, ways: Ways): Signals => {
  const { self } = state
  const send = (to: PeerId, frame: Signal | Unreached) => void state.commands.push(Command.Send({ to, frame }))

  const unreached = (frame: Unreached) => {
    if (frame.path.length === 0) {
      state.commands.push(Command.Unreached({ peer: frame.to }))
      return
    }
    const way = ways.back(frame.path)
    if (way !== undefined) send(way.to, { ...frame, path: way.path })
  }

  const take = (frame: Signal) => {
    if (frame.to === self) {
      hearsay.hear(frame.from, state.now)
      state.commands.push(Command.Signaled({ from: frame.from, signal: frame.signal }))
      return
    }
    const visited = frame.visited.includes(self) ? frame.visited : [...frame.visited, self]
    const via = frame.ttl > 0 ? ways.wayTo(frame.to, visited) : undefined
    const ttl = Math.max(0, frame.ttl - 1)
    if (via !== undefined) return send(via, { ...frame, ttl, visited, path: [...frame.path, self] })
    const previous = frame.path.at(-1)
    if (frame.ttl > 0 && previous !== undefined && links.open.has(previous)) {
      return send(previous, { ...frame, ttl, visited, path: frame.path.slice(0, -1) })
    }
    unreached({ type: "unreached", id: frame.id, to: frame.to, path: frame.path })
  }

  return {
    send: (to, signal) =>
      take({
        type: "signal",
        id: newId(state),
        from: self,
        to,
        signal,
        ttl: Rules.ttl,
        path: [],
        visited: []
      }),
    take,
    unreached
  }
}
