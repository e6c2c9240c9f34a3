/** The tree makes itself: the neighbour that brings a message first is eager, and one that brings it again is asked to be lazy. */
import type { PeerId } from "../../domain/PeerId.ts"
import type { Command } from "./PlumtreeEvent.ts"
import { isFlooded, type Tree } from "./Tree.ts"

/** The least time between two requests to the same neighbour to be lazy: what it sent before the first came is no news. */
const pruneEvery = 1000

/** @category models */
export interface Pruning {
  /** A neighbour brought a message before all others. */
  first(from: PeerId, bytes: number): void
  /** A neighbour brought a message that has come already. */
  duplicate(from: PeerId, bytes: number, now: number): ReadonlyArray<Command>
  /** A neighbour asks us to be lazy. */
  pruned(from: PeerId): void
}

/** @category constructors */
export const make = (tree: Tree): Pruning => {
  const { neighbours } = tree
  return {
    first: (from, bytes) => {
      if (isFlooded(tree, bytes)) return
      const neighbour = neighbours.get(from)
      if (neighbour !== undefined) neighbour.eager = true
    },
    duplicate: (from, bytes, now) => {
      const neighbour = neighbours.get(from)
      if (neighbour === undefined || neighbour.dialect === "pigeon" || isFlooded(tree, bytes)) {
        return [{ _tag: "Duplicate" }]
      }
      neighbour.eager = false
      if (now - neighbour.prunedAt < pruneEvery) return [{ _tag: "Duplicate" }]
      neighbour.prunedAt = now
      return [{ _tag: "Duplicate" }, { _tag: "Prune", to: from }]
    },
    pruned: (from) => {
      const neighbour = neighbours.get(from)
      if (neighbour !== undefined) neighbour.eager = false
    }
  }
}
