/** Whether the peers around us on the ring are others than they were, looked at only when something may have changed. */
import type { PeerId } from "../../domain/PeerId.ts"
import type { State } from "./State.ts"

/** @category models */
export interface LeafSet {
  /** Another number whenever the leaf set is another. */
  readonly revision: number
  /** Whether a peer was in it when it was looked at last. */
  has(peer: PeerId): boolean
  /** Something happened that may have changed it. */
  touch(): void
  /** Looks at it anew; says whether the nearest in it, who may be the next to be linked, are others. */
  review(): boolean
}

/** Empty. @category constructors */
export const make = (state: State): LeafSet => {
  const nearby = 2 * state.shape.ringPerSide
  let revision = 0
  let isTouched = false
  let all: ReadonlySet<PeerId> = new Set()
  let nearest: ReadonlyArray<PeerId> = []

  return {
    get revision() {
      return revision
    },
    has: (peer) => all.has(peer),
    touch() {
      isTouched = true
    },
    review() {
      if (!isTouched) return false
      isTouched = false
      const { clockwise, counter } = state.peers.leaves(state.now)
      const ids = new Set([...clockwise, ...counter].map(({ position }) => position.id))
      if (ids.size !== all.size || Array.from(ids).some((id) => !all.has(id))) revision++
      all = ids
      const near = [...clockwise.slice(0, nearby), ...counter.slice(0, nearby)].map(({ position }) => position.id)
      if (near.length === nearest.length && near.every((id, index) => id === nearest[index])) return false
      nearest = near
      return true
    }
  }
}
