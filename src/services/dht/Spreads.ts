/**
 * Spreading a record among the peers that are to keep it: over the links to some of them, who pass it on to those whom
 * they reach better, in a tree. What came of it is summed up on the way back.
 */
import { maxTargets, type Spread, type Spreaded } from "../../domain/DhtFrame.ts"
import { compareAge, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Circle from "./Circle.ts"
import { freshId, type Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"

/** What came of a spread. @category models */
export interface Outcome {
  /** Targets that have the record. */
  readonly holders: number
  /** The newest record that stood against it. */
  readonly newer: StoredRecord | undefined
  /** The version that the write has had before, if somebody says that it was done, and others have written since. */
  readonly done: number | undefined
  /** Targets that could not be reached, and peers of whom somebody says that they should be targets. */
  readonly missing: ReadonlyArray<PeerId>
}

/** What came of a spread to nobody. @category constants */
export const nothing: Outcome = { holders: 0, newer: undefined, done: undefined, missing: [] }

/** What to spread. @category models */
export interface Order {
  readonly record: StoredRecord
  readonly targets: ReadonlyArray<PeerId>
  readonly exclusive: boolean
  /** Levels of the tree that are left. */
  readonly ttl: number
  /** Whom not to bother: who sent it. */
  readonly from: PeerId | undefined
  /** As it is in the frame. */
  readonly among: Spread["among"]
}

/** @category models */
export interface Spreads {
  /** Spreads a record, and says what came of it once that is known. */
  start(order: Order, done: (outcome: Outcome) => void): void
  onSpreaded(from: PeerId, frame: Spreaded): void
  /** A neighbour is gone. */
  unlinked(peer: PeerId): void
  /** Time has passed. */
  tick(): void
  readonly size: number
}

interface Spreading {
  readonly order: Order
  readonly done: (outcome: Outcome) => void
  readonly deadline: number
  /** Those who were asked and have not answered, by the names of what they were sent. */
  readonly children: Map<string, { readonly peer: PeerId; readonly targets: ReadonlyArray<PeerId> }>
  readonly failed: Set<PeerId>
  readonly missing: Set<PeerId>
  holders: number
  newer: StoredRecord | undefined
  doneBefore: number | undefined
}

/** No spread under way. `has` is told who is known to have a record. @category constructors */
export const make = (ground: Ground, has: (peer: PeerId, record: StoredRecord) => void): Spreads => {
  const { linked, self, ways } = ground
  const all = new Set<Spreading>()
  const byChild = new Map<string, Spreading>()

  /** Who is to be sent the record, and for which targets. */
  const share = ({ failed, missing, order }: Spreading, targets: ReadonlyArray<PeerId>) => {
    const except = (peer: PeerId) => peer === self || peer === order.from || failed.has(peer)
    const shares = new Map<PeerId, Array<PeerId>>()
    const rest: Array<PeerId> = []
    for (const target of targets) {
      if (except(target)) {
        if (failed.has(target)) missing.add(target)
        continue
      }
      if (linked.has(target)) shares.set(target, [target])
      else if (order.ttl > 1) rest.push(target)
      else missing.add(target)
    }
    const direct = Array.from(shares.keys())
    for (const target of rest) {
      const nearest = Circle.nearestOf(target, direct)
      const via = nearest !== undefined && Circle.isNearer(target, nearest, self)
        ? nearest
        : ways.nextHop(target, except)
      if (via === undefined) {
        missing.add(target)
        continue
      }
      const theirs = shares.get(via)
      if (theirs === undefined) shares.set(via, [target])
      else theirs.push(target)
    }
    return shares
  }

  const delegate = (spreading: Spreading, targets: ReadonlyArray<PeerId>) => {
    const { among, exclusive, record, ttl } = spreading.order
    for (const [peer, theirs] of share(spreading, targets)) {
      const id = freshId(ground)
      spreading.children.set(id, { peer, targets: theirs })
      byChild.set(id, spreading)
      const frame: Spread = {
        type: "dht-spread",
        networkName: ground.networkName,
        id,
        record,
        targets: theirs,
        exclusive,
        ttl: ttl - 1,
        ...(among === undefined ? {} : { among })
      }
      ground.send(peer, frame)
    }
  }

  const finish = (spreading: Spreading) => {
    all.delete(spreading)
    for (const [id, { targets }] of spreading.children) {
      byChild.delete(id)
      for (const target of targets) spreading.missing.add(target)
    }
    const { doneBefore, holders, missing, newer } = spreading
    spreading.done({ holders, newer, done: doneBefore, missing: Array.from(missing) })
  }

  return {
    start: (order, done) => {
      const now = ground.now()
      const spreading: Spreading = {
        order,
        done,
        deadline: now + order.ttl * Limits.spreadLevel,
        children: new Map(),
        failed: new Set(),
        missing: new Set(),
        holders: 0,
        newer: undefined,
        doneBefore: undefined
      }
      if (order.ttl > 0 && all.size < Limits.maxSpreads) delegate(spreading, order.targets)
      else for (const target of order.targets) spreading.missing.add(target)
      if (spreading.children.size === 0) return done({ ...nothing, missing: Array.from(spreading.missing) })
      all.add(spreading)
    },
    onSpreaded: (from, { done, holders, id, missing, newer }) => {
      const spreading = byChild.get(id)
      const child = spreading?.children.get(id)
      // Only who was asked can answer, and not for more than it was asked.
      if (spreading === undefined || child === undefined || child.peer !== from) return ground.drop("duplicate")
      byChild.delete(id)
      spreading.children.delete(id)
      spreading.holders += Math.min(holders, child.targets.length)
      if (holders > 0 && child.targets.includes(from)) has(from, spreading.order.record)
      const isNewest = newer !== undefined && newer.key === spreading.order.record.key &&
        (spreading.newer === undefined || compareAge(newer, spreading.newer) > 0)
      if (isNewest) spreading.newer = newer
      if (done !== undefined) spreading.doneBefore = Math.max(done, spreading.doneBefore ?? 0)
      for (const peer of missing ?? []) if (spreading.missing.size < maxTargets) spreading.missing.add(peer)
      if (spreading.children.size === 0) finish(spreading)
    },
    unlinked: (peer) => {
      for (const spreading of all) {
        for (const [id, child] of spreading.children) {
          if (child.peer !== peer) continue
          spreading.children.delete(id)
          byChild.delete(id)
          spreading.failed.add(peer)
          delegate(spreading, child.targets)
        }
        if (spreading.children.size === 0) finish(spreading)
      }
    },
    tick: () => {
      for (const spreading of all) if (spreading.deadline <= ground.now()) finish(spreading)
    },
    get size() {
      return all.size
    }
  }
}
