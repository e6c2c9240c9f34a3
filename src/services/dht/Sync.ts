/**
 * Keeping the copies where they belong: a neighbour that should have a record and is not known to have it is offered it,
 * and takes what it lacks. The peers nearest to a key are neighbours of one another around the ring, so what one has
 * reaches all.
 *
 * It happens when the nearest peers change, once an hour, and, as a handover, before leaving.
 */
import { maxItems, type Offer, type Want } from "../../domain/DhtFrame.ts"
import { compareMarks, markOf, type StoredRecord } from "../../domain/DhtRecord.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import * as Circle from "./Circle.ts"
import { freshId, type Ground, jittered } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import type { Held, Store } from "./Store.ts"

/** @category models */
export interface Sync {
  /** Notes that a neighbour has a record, in this version or a newer one. */
  has(peer: PeerId, record: StoredRecord): void
  linked(peer: PeerId): void
  unlinked(peer: PeerId): void
  /** The peers around us are others. */
  moved(): void
  /** We keep a record from now on; others `mayLack` it. */
  kept(key: string, mayLack: boolean): void
  onOffer(from: PeerId, frame: Offer): void
  onWant(from: PeerId, frame: Want): void
  /** Tells those who take our place what they may not know. */
  handOver(): void
  /** Time has passed. */
  tick(): void
  /** When `tick` is wanted next, in milliseconds since 1970. */
  readonly dueAt: number
  /** Whether, since the peers around us changed last, we have heard what they have. */
  readonly isSettled: boolean
  /** Whether an offer waits for its answer. */
  readonly isBusy: boolean
}

interface Neighbour {
  /** What it has, by the keys: as `nameOf`. */
  readonly knows: Map<string, string>
  /** Keys that it is to be offered. */
  pending: Array<string>
  /** The offer that waits for its answer. */
  offered: { readonly id: string; readonly keys: ReadonlyMap<string, string>; readonly until: number } | undefined
  /** It has not been offered all yet that it may lack since the peers around us changed. */
  isBehind: boolean
}

/** Nothing to do yet. `hasWork` says whether there is anything that others may lack. @category constructors */
export const make = (ground: Ground, store: Store, hasWork: () => boolean): Sync => {
  const { networkName, ways } = ground
  const neighbours = new Map<PeerId, Neighbour>()
  let syncAt = Number.POSITIVE_INFINITY
  let republishAt = Number.POSITIVE_INFINITY
  /** What is to be looked at: everything, or some keys. */
  let isAll = false
  const some = new Set<string>()

  const schedule = () => {
    if (syncAt === Number.POSITIVE_INFINITY) syncAt = ground.now() + jittered(ground, Limits.syncDelay, 0.5)
  }

  const moved = () => {
    if (!hasWork()) return
    isAll = true
    schedule()
  }

  const isKnown = ({ knows }: Neighbour, record: StoredRecord) => knows.get(record.key) === nameOf(record)

  const give = (to: PeerId, records: ReadonlyArray<Held>) => {
    const neighbour = neighbours.get(to)
    let batch: Array<StoredRecord> = []
    let bytes = 0
    const flush = () => {
      if (batch.length > 0) ground.send(to, { type: "dht-records", networkName, records: batch })
      batch = []
      bytes = 0
    }
    for (const { record, size } of records) {
      if (batch.length >= maxItems || bytes + size > Limits.recordsBytes) flush()
      batch.push(record)
      bytes += size
      neighbour?.knows.set(record.key, nameOf(record))
    }
    flush()
  }

  const offer = (to: PeerId, neighbour: Neighbour) => {
    if (neighbour.offered !== undefined) return
    const items: Array<Offer["items"][number]> = []
    const names = new Map<string, string>()
    while (items.length < maxItems) {
      const key = neighbour.pending.pop()
      if (key === undefined) break
      const held = store.get(key, ground.now())
      if (held === undefined || isKnown(neighbour, held.record)) continue
      const { signature, version, write, writer } = held.record
      items.push({ key, version, writer, write, ...(signature === undefined ? {} : { signed: true }) })
      names.set(key, nameOf(held.record))
    }
    if (items.length === 0) {
      neighbour.isBehind = false
      return
    }
    const id = freshId(ground)
    neighbour.offered = { id, keys: names, until: ground.now() + Limits.offerLives }
    ground.send(to, { type: "dht-offer", networkName, id, items })
  }

  /** Finds out who lacks what, and offers it. */
  const run = () => {
    syncAt = Number.POSITIVE_INFINITY
    const pending = new Map<PeerId, Array<string>>()
    const now = ground.now()
    for (const held of isAll ? store.entries(now) : Array.from(some, (key) => store.get(key, now))) {
      if (held === undefined) continue
      const nearest = ways.nearest(held.position, Limits.copies)
      const rank = nearest.indexOf(ground.self)
      // Those far out see more peers on their own side of the key than on the other, and would move the record away
      // from it: they offer it inwards alone.
      const isInner = rank >= 0 && rank < Limits.innerCopies
      const takers = isInner || rank < 0 ? nearest : nearest.slice(0, rank)
      for (const peer of takers) {
        const neighbour = neighbours.get(peer)
        if (neighbour === undefined || isKnown(neighbour, held.record)) continue
        const keys = pending.get(peer)
        if (keys === undefined) pending.set(peer, [held.record.key])
        else keys.push(held.record.key)
      }
    }
    for (const [peer, neighbour] of neighbours) {
      const keys = pending.get(peer) ?? []
      neighbour.pending = isAll ? keys : [...neighbour.pending, ...keys]
      if (isAll) neighbour.isBehind = true
      offer(peer, neighbour)
    }
    isAll = false
    some.clear()
  }

  /** Lets go of what is no longer ours to keep, once somebody who should keep it does. */
  const release = () => {
    for (const { position, record } of Array.from(store.entries(ground.now()))) {
      const nearest = ways.nearest(position, Limits.copies)
      if (nearest.includes(ground.self)) continue
      const isKept = nearest.some((peer) => {
        const neighbour = neighbours.get(peer)
        return neighbour !== undefined && isKnown(neighbour, record)
      })
      if (isKept) store.forget(record.key)
    }
  }

  return {
    has: (peer, record) => void neighbours.get(peer)?.knows.set(record.key, nameOf(record)),
    linked: (peer) => {
      neighbours.set(peer, { knows: new Map(), pending: [], offered: undefined, isBehind: false })
      moved()
    },
    unlinked: (peer) => {
      neighbours.delete(peer)
      moved()
    },
    moved,
    kept: (key, mayLack) => {
      if (republishAt === Number.POSITIVE_INFINITY) {
        republishAt = ground.now() + jittered(ground, Limits.republish, 0.1)
      }
      if (!mayLack) return
      some.add(key)
      schedule()
    },
    onOffer: (from, { id, items }) => {
      const now = ground.now()
      const keys: Array<string> = []
      const ours: Array<Held> = []
      for (const item of items) {
        const held = store.get(item.key, now)
        if (held === undefined) {
          keys.push(item.key)
          continue
        }
        const age = compareMarks({ ...item, isSigned: item.signed === true }, markOf(held.record))
        if (age > 0) keys.push(item.key)
        else if (age < 0) ours.push(held)
        else neighbours.get(from)?.knows.set(item.key, nameOf(held.record))
      }
      // The want comes last: then they have what is newer here.
      give(from, ours)
      ground.send(from, { type: "dht-want", networkName, id, keys })
    },
    onWant: (from, { id, keys }) => {
      const neighbour = neighbours.get(from)
      const offered = neighbour?.offered
      if (neighbour === undefined || offered === undefined || offered.id !== id) return ground.drop("duplicate")
      neighbour.offered = undefined
      const wanted = new Set(keys)
      for (const [key, name] of offered.keys) if (!wanted.has(key)) neighbour.knows.set(key, name)
      const now = ground.now()
      give(
        from,
        Array.from(wanted).flatMap((key) => {
          const held = offered.keys.has(key) ? store.get(key, now) : undefined
          return held === undefined ? [] : [held]
        })
      )
      offer(from, neighbour)
    },
    handOver: () => {
      const gifts = new Map<PeerId, Array<Held>>()
      const now = ground.now()
      for (const held of store.entries(now)) {
        for (const peer of Circle.sorted(held.position, neighbours.keys()).slice(0, Limits.handoverCopies)) {
          const neighbour = neighbours.get(peer)
          if (neighbour === undefined || isKnown(neighbour, held.record)) continue
          const theirs = gifts.get(peer)
          if (theirs === undefined) gifts.set(peer, [held])
          else theirs.push(held)
        }
      }
      for (const [peer, records] of gifts) give(peer, records)
    },
    tick: () => {
      const now = ground.now()
      for (const neighbour of neighbours.values()) {
        if (neighbour.offered === undefined || neighbour.offered.until > now) continue
        // It has too much to do, or does not want to; the next round offers it all again.
        neighbour.offered = undefined
        neighbour.pending = []
        neighbour.isBehind = false
      }
      if (republishAt <= now) {
        republishAt = store.count === 0 ? Number.POSITIVE_INFINITY : now + jittered(ground, Limits.republish, 0.1)
        release()
        for (const { knows } of neighbours.values()) knows.clear()
        isAll = true
        syncAt = now
      }
      if (syncAt <= now) run()
    },
    get dueAt() {
      return Math.min(syncAt, republishAt)
    },
    get isSettled() {
      if (isAll) return false
      for (const { isBehind } of neighbours.values()) if (isBehind) return false
      return true
    },
    get isBusy() {
      for (const { offered } of neighbours.values()) if (offered !== undefined) return true
      return false
    }
  }
}

/** What tells one write of a key from another: it may have been signed, or somebody took the signature off. */
const nameOf = ({ signature, write }: StoredRecord): string => signature === undefined ? write : `${write} signed`
