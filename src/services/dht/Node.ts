/**
 * One peer's part in the hash table of its network, without I/O: an event comes in, with the time, and commands come out.
 *
 * It keeps the records that belong to it, answers and passes on requests, spreads what is written at it, tells those who
 * watch, and looks after its own requests and subscriptions.
 *
 * Signatures take time to check, and have been when a frame comes here.
 */
import * as Data from "effect/Data"
import {
  amongDigits,
  type Answer,
  type Ask,
  type DhtFrame,
  maxTargets,
  type Pigeon,
  signedRecordOf,
  type Spread,
  type Write
} from "../../domain/DhtFrame.ts"
import { compareAge, expiresAt, isSignedBy, minTtl, positionOf, type StoredRecord } from "../../domain/DhtRecord.ts"
import { pointOf } from "../../domain/Hash.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { PeerId } from "../../domain/PeerId.ts"
import type { Ways } from "../Routing.ts"
import * as Cache from "./Cache.ts"
import * as Circle from "./Circle.ts"
import { freshId, type Ground } from "./Ground.ts"
import * as Limits from "./Limits.ts"
import * as PigeonWire from "./Pigeon.ts"
import * as Rate from "./Rate.ts"
import * as Requests from "./Requests.ts"
import * as Spreads from "./Spreads.ts"
import * as Store from "./Store.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as Sync from "./Sync.ts"
import * as Watches from "./Watches.ts"
import * as Writes from "./Writes.ts"

/** What can happen. @category models */
export type Event = Data.TaggedEnum<{
  /** The application asks; `Answered` with the same token follows. */
  Asked: { readonly token: number; readonly key: string; readonly ask: Wanted }
  /** The application wants to hear of changes; `Answered` follows once that is registered, and `Changed` each time. */
  Subscribed: { readonly token: number; readonly key: string }
  Unsubscribed: { readonly token: number; readonly key: string }
  Came: { readonly from: PeerId; readonly frame: DhtFrame }
  /** A link to a peer that speaks as we do. */
  Linked: { readonly peer: PeerId }
  Unlinked: { readonly peer: PeerId }
  /** Something could not be sent to a peer. */
  Unreached: { readonly peer: PeerId }
  /** The peers around us are others. */
  Moved: {}
  /** The time of `dueAt` has come. */
  Due: {}
  /** We are about to leave. */
  Leaving: {}
}>
/** @category constructors */
export const Event = Data.taggedEnum<Event>()

/** What an application may ask. @category models */
export type Wanted =
  | Extract<Ask, { readonly op: "get" }>
  | {
    readonly op: "write"
    readonly value: StoredRecord["value"]
    readonly ttl: number
    readonly expected: number | undefined
    /** What was signed with it, the name of the write included. Default: the peer that keeps it first decides. */
    readonly signed?: NonNullable<Write["signed"]> & Pick<Write, "write">
  }

/** What to do. @category models */
export type Command = Data.TaggedEnum<{
  Send: { readonly to: PeerId; readonly frame: DhtFrame }
  /** Without an answer: none came in time. */
  Answered: { readonly token: number; readonly answer: Answer | undefined }
  Changed: { readonly token: number; readonly record: StoredRecord }
  /** Something came that is not followed. */
  Dropped: { readonly what: "malformed" | "duplicate" | "foreignNetwork" }
}>
/** @category constructors */
export const Command = Data.taggedEnum<Command>()

/** What the rules depend on. @category models */
export interface Options {
  readonly self: PeerId
  readonly networkName: NetworkName
  readonly ways: Ways
  /** Uniform numbers in [0, 1). */
  readonly random: () => number
  /** Default: `Store.defaults`. */
  readonly bounds?: Store.Bounds
}

/** @category models */
export interface Node {
  /** Takes an event, and says what to do, in order. `now` is in milliseconds since 1970. */
  handle(event: Event, now: number): ReadonlyArray<Command>
  /** When `Due` is wanted, in milliseconds since 1970. */
  readonly dueAt: number
  /** The record that is kept here, if one is. */
  held(key: string, now: number): StoredRecord | undefined
  readonly records: number
  readonly bytes: number
  /** Requests on their way through here. */
  readonly requests: number
}

/** A part in the table without records. @category constructors */
export const make = ({ bounds, networkName, random, self, ways }: Options): Node => {
  const out: Array<Command> = []
  const linked = new Set<PeerId>()
  let now = 0
  let sweepAt = Number.POSITIVE_INFINITY
  let tickAt = Number.POSITIVE_INFINITY
  let isLeaving = false

  const ground: Ground = {
    self,
    networkName,
    ways,
    linked,
    random,
    now: () => now,
    send: (to, frame) => void out.push(Command.Send({ to, frame })),
    drop: (what) => void out.push(Command.Dropped({ what }))
  }

  const place = (key: string) => positionOf(networkName, key)
  const store = Store.make(place, bounds)
  const cache = Cache.make(Limits.maxCached, Limits.cacheLives, Limits.hotReads)
  const writes = Writes.make()
  const frames = Rate.make(Limits.frameRate)
  const bytes = Rate.make(Limits.byteRate)
  const watches = Watches.make()
  const sync = Sync.make(ground, store, () => store.count > 0 || watches.size > 0)
  const spreads = Spreads.make(ground, sync.has)

  // ------------------------------------------------------------------------------------------------
  // records
  // ------------------------------------------------------------------------------------------------

  const notify = (record: StoredRecord, position: PeerId) => {
    // The nearest tells. The others know of the watchers in case it is gone.
    if (ways.nextHop(position, nobody) !== undefined) return
    for (const { subscriber } of watches.of(record.key, now)) {
      if (subscriber !== self) passNotice({ type: "dht-notice", networkName, to: subscriber, record, ttl: Limits.hops })
    }
  }

  /** Keeps a record, and tells whoever watches it. */
  const accept = (record: StoredRecord, exclusive: boolean): Store.Verdict => {
    const verdict = store.accept(record, { exclusive }, now)
    if (verdict._tag === "Kept") {
      cache.forget(record.key)
      writes.kept(record, now)
      sync.kept(record.key, false)
      // The end of a value is no news.
      if (expiresAt(record) > now) {
        subscriptions.saw(verdict.record)
        notify(verdict.record, place(record.key))
      }
    }
    return verdict
  }

  /** Keeps what somebody sent, if there is nothing against it. */
  const take = (from: PeerId, record: StoredRecord, exclusive: boolean): Store.Verdict | undefined => {
    if (Store.problemWith(record, now) !== undefined) {
      ground.drop("malformed")
      return undefined
    }
    const verdict = accept(record, exclusive)
    if (verdict._tag === "Kept" || verdict._tag === "Known") sync.has(from, record)
    return verdict
  }

  // ------------------------------------------------------------------------------------------------
  // what the nearest peer does
  // ------------------------------------------------------------------------------------------------

  const versionOf = (record: StoredRecord | undefined) => record?.value === undefined ? 0 : record.version

  /** Those who wait for a write that is under way, by its name. */
  const writing = new Map<string, Array<(answer: Answer) => void>>()

  /** Writes at the peer nearest to the key, once, however often and on however many ways it is asked for. */
  const write = (key: string, position: PeerId, ask: Write, answer: (answer: Answer) => void): void => {
    const name = Writes.nameOf(ask.write)
    const waiting = writing.get(name)
    if (waiting !== undefined) return void waiting.push(answer)
    writing.set(name, [answer])
    attempt(key, position, ask, Limits.writeRounds, (result) => {
      const all = writing.get(name) ?? []
      writing.delete(name)
      for (const answer of all) answer(result)
    })
  }

  /** Keeps what is written and spreads it, anew where somebody has a newer record. */
  const attempt = (
    key: string,
    position: PeerId,
    ask: Write,
    rounds: number,
    answer: (answer: Answer) => void
  ): void => {
    const held = store.get(key, now)?.record
    // One that was tried again, because its answer got lost.
    const isHere = held !== undefined && Writes.nameOf(held.write) === Writes.nameOf(ask.write) &&
      Writes.attemptOf(ask.write) <= Writes.attemptOf(held.write)
    const past = rounds === Limits.writeRounds ? writes.of(ask.write, now) : undefined
    if (!isHere && past !== undefined) return answer({ is: "stored", version: past.version, holders: 0 })
    const signed = signedRecordOf(key, ask)
    const isLate = (ask.expected !== undefined && ask.expected !== versionOf(held)) ||
      (signed !== undefined && held !== undefined && signed.version <= held.version)
    if (!isHere && isLate) return answer({ is: "conflict", version: versionOf(held) })
    const draft: StoredRecord = isHere ? held : signed ?? {
      key,
      ...(ask.value === undefined ? {} : { value: ask.value }),
      version: (held?.version ?? 0) + 1,
      writer: ask.writer,
      write: ask.write,
      time: now,
      ttl: ask.ttl
    }
    const problem = Store.problemWith(draft, now)
    if (problem !== undefined) return answer({ is: "refused", why: "invalid", problem })
    const verdict = accept(draft, false)
    if (verdict._tag === "Full") return answer({ is: "refused", why: "full", problem: verdict.problem })
    const record = verdict._tag === "Kept" ? verdict.record : draft
    const exclusive = ask.expected !== undefined
    spreadAll(record, position, exclusive, ({ done, holders, missing, newer }) => {
      const before = done ?? (isHere ? record.version : undefined)
      // Others have written since it was done, and that stands.
      if (before !== undefined && newer !== undefined && Store.problemWith(newer, now) === undefined) {
        const finish = () => answer({ is: "stored", version: before, holders: 0 })
        if (compareAge(newer, record) < 0) return renew(newer, position, rounds - 1, finish)
        accept(newer, false)
        return finish()
      }
      if (newer === undefined || Store.problemWith(newer, now) !== undefined) {
        if (missing.length > 0) sync.kept(key, true)
        return answer({ is: "stored", version: record.version, holders: holders + 1 })
      }
      // It is as if that had been here before.
      if (compareAge(newer, record) > 0) accept(newer, false)
      if (exclusive) return answer({ is: "conflict", version: versionOf(newer) })
      if (rounds <= 1) {
        return answer({ is: "refused", why: "invalid", problem: "others write the same key all the time" })
      }
      attempt(key, position, { ...ask, write: Writes.again(ask.write) }, rounds - 1, answer)
    })
  }

  /** Writes anew a record that an old write was done over. Signed ones cannot be: each has its version. */
  const renew = (
    { key, signature, time, ttl, value, write, writer }: StoredRecord,
    position: PeerId,
    rounds: number,
    done: () => void
  ) => {
    const left = time + ttl - now
    if (signature !== undefined || left < minTtl || rounds <= 0) return done()
    const ask: Write = { op: "write", write: Writes.again(write), writer, ttl: left }
    attempt(key, position, value === undefined ? ask : { ...ask, value }, rounds, done)
  }

  /**
   * Spreads a record among the nearest peers: those that we know of, and then those that they know of and those that were
   * not reached, by other ways.
   */
  const spreadAll = (
    record: StoredRecord,
    position: PeerId,
    exclusive: boolean,
    done: (outcome: Spreads.Outcome) => void
  ) => {
    const nearest = ways.nearest(position, Limits.copies)
    const first = nearest.filter((peer) => peer !== self)
    const spread = (targets: ReadonlyArray<PeerId>, all: ReadonlyArray<PeerId>, ttl: number, then: typeof done) => {
      const among = all.map((peer) => peer.slice(0, amongDigits))
      spreads.start({ record, targets, exclusive, ttl, from: undefined, among }, then)
    }
    spread(first, nearest, Limits.spreadDepth, (outcome) => {
      const missing = outcome.missing.filter((peer) => peer !== self)
      if (missing.length === 0 || outcome.newer !== undefined) return done(outcome)
      const all = Circle.sorted(position, new Set([...nearest, ...missing]))
      spread(
        missing,
        all.slice(0, maxTargets),
        Limits.secondDepth,
        (second) => done({ ...second, holders: outcome.holders + second.holders })
      )
    })
  }

  const tellWatchCopies = (key: string, position: PeerId, subscriber: PeerId, lease: number) => {
    for (const peer of ways.nearest(position, Limits.watchCopies)) {
      if (linked.has(peer) && peer !== subscriber) {
        ground.send(peer, { type: "dht-watch", networkName, key, subscriber, lease })
      }
    }
  }

  const watch = (key: string, position: PeerId, subscriber: PeerId, watching: boolean): Answer => {
    if (!watching) {
      watches.remove(key, subscriber)
      tellWatchCopies(key, position, subscriber, 0)
      return { is: "watching" }
    }
    if (!watches.add(key, subscriber, now + Limits.lease)) {
      return { is: "refused", why: "full", problem: "too many watch already" }
    }
    tellWatchCopies(key, position, subscriber, Limits.lease)
    const record = store.get(key, now)?.record
    return record === undefined ? { is: "watching" } : { is: "watching", record }
  }

  /** A record is an answer unless another signature is asked for. */
  const answering = (record: StoredRecord | undefined, ask: Extract<Ask, { readonly op: "get" }>): Answer | undefined =>
    record === undefined || (ask.signedBy !== undefined && !isSignedBy(record, ask.signedBy))
      ? undefined
      : { is: "record", record }

  /**
   * Whether every write of a key comes here: only then is a copy an answer before the nearest peer is asked. The leaf sets
   * of those at the edge of the twelve do not reach over all of them, so they do not know whether they are in; and while
   * the peers around us change, the others may not know of us.
   */
  const isSure = (position: PeerId): boolean => {
    if (!sync.isSettled) return false
    const nearest = ways.nearest(position, Limits.copies + 1)
    const rank = nearest.indexOf(self)
    return rank >= 0 && (rank < Limits.innerCopies || nearest.length <= Limits.copies)
  }

  const desk: Requests.Desk = {
    known: (key, ask, isLast) => {
      if (ask.op === "write") cache.forget(key)
      if (ask.op !== "get" || ask.fresh) return undefined
      const held = store.get(key, now)
      if (held !== undefined) return isLast || isSure(held.position) ? answering(held.record, ask) : undefined
      return answering(cache.get(key, now), ask)
    },
    mend: (key, ask, answer) => {
      if (ask.op !== "get" || (answer.is !== "record" && answer.is !== "none")) return answer
      const held = store.get(key, now)?.record
      const isNewer = held !== undefined && (answer.is === "none" || compareAge(held, answer.record) > 0)
      return (isNewer ? answering(held, ask) : undefined) ?? answer
    },
    decide: (key, position, origin, ask, answer) => {
      switch (ask.op) {
        case "get": {
          const found = answering(store.get(key, now)?.record, ask)
          if (found !== undefined) answer(found)
          return found !== undefined
        }
        case "write":
          write(key, position, ask, answer)
          return true
        case "watch":
          answer(watch(key, position, origin, ask.watching))
          return true
      }
    },
    problemWith: (key, ask, answer) => {
      if (answer.is !== "record" && answer.is !== "watching") return undefined
      const { record } = answer
      if (record === undefined) return undefined
      if (record.key !== key) return "record: of another key"
      if (ask.op === "get" && answering(record, ask) === undefined) return "record: it is not signed as was asked"
      return Store.problemWith(record, now)
    },
    passing: (key, ask, answer) => {
      if (ask.op === "get" && answer.is === "record") cache.keep(answer.record, now)
      else cache.forget(key)
    }
  }

  const requests = Requests.make(ground, place, desk)
  const subscriptions = Subscriptions.make(
    ground,
    requests.ask,
    (token, record) => void out.push(Command.Changed({ token, record }))
  )

  // ------------------------------------------------------------------------------------------------
  // what neighbours send
  // ------------------------------------------------------------------------------------------------

  /**
   * Peers that should be among those to whom a record is spread, and are not, as far as we see: of them alone who would be
   * sure of their copies.
   */
  const missingOf = (position: PeerId, among: Spread["among"]): ReadonlyArray<PeerId> => {
    const farthest = among?.at(-1)
    if (among === undefined || farthest === undefined) return []
    const have = new Set(among)
    const edge = among.length < Limits.copies ? undefined : PeerId.make(farthest.padEnd(position.length, "0"))
    return ways.nearest(position, edge === undefined ? Limits.copies : Limits.innerCopies).filter((peer) =>
      peer !== self && !have.has(peer.slice(0, amongDigits)) &&
      (edge === undefined || Circle.isNearer(position, peer, edge))
    )
  }

  /** What came of a record that was spread to us, if it was. */
  const takeSpread = (from: PeerId, record: StoredRecord, exclusive: boolean): Spreads.Outcome => {
    const done = writes.of(record.write, now)
    const held = store.get(record.key, now)?.record
    if (done !== undefined && held !== undefined && Writes.isRepeated(record, done)) {
      return { ...Spreads.nothing, newer: held, done: done.version }
    }
    const verdict = take(from, record, exclusive)
    switch (verdict?._tag) {
      case "Kept":
      case "Known":
        return { ...Spreads.nothing, holders: 1 }
      case "Older":
        return { ...Spreads.nothing, newer: verdict.than }
      default:
        return Spreads.nothing
    }
  }

  const onSpread = (from: PeerId, { among, exclusive, id, record, targets, ttl }: Spread) => {
    if (Store.problemWith(record, now) !== undefined && !targets.includes(self)) return ground.drop("malformed")
    const own = targets.includes(self) ? takeSpread(from, record, exclusive) : Spreads.nothing
    cache.forget(record.key)
    const rest = targets.filter((target) => target !== self)
    spreads.start({ record, targets: rest, exclusive, ttl, from, among }, ({ done, holders, missing, newer }) => {
      const newest = own.newer === undefined || (newer !== undefined && compareAge(newer, own.newer) > 0)
        ? newer
        : own.newer
      const lacking = new Set([...missing, ...missingOf(place(record.key), among)])
      const before = Math.max(done ?? 0, own.done ?? 0)
      ground.send(from, {
        type: "dht-spreaded",
        networkName,
        id,
        holders: own.holders + holders,
        ...(newest === undefined ? {} : { newer: newest }),
        ...(before === 0 ? {} : { done: before }),
        ...(lacking.size === 0 ? {} : { missing: Array.from(lacking).slice(0, maxTargets) })
      })
    })
  }

  const passNotice = (notice: Extract<DhtFrame, { readonly type: "dht-notice" }>, from?: PeerId) => {
    const next = linked.has(notice.to) ? notice.to : ways.nextHop(notice.to, (peer) => peer === from)
    if (next !== undefined && notice.ttl > 0) ground.send(next, { ...notice, ttl: notice.ttl - 1 })
  }

  const onPigeon = (from: PeerId, frame: Pigeon) => {
    const wish = PigeonWire.read(frame, networkName)
    switch (wish._tag) {
      case "Query":
        return requests.ask(wish.key, { op: "get", fresh: false }, (answer) => {
          const record = answer?.is === "record" ? answer.record : undefined
          ground.send(from, PigeonWire.respond({ self, networkName, requestId: wish.requestId, record, now }))
        })
      case "Store": {
        const { key, timestamp, value } = wish
        // It tells each of its neighbours, and they are to know it for the same write.
        const write = pointOf(`${from}:${timestamp}:${key}`)
        const ask = { op: "write", write, writer: from, ttl: Limits.pigeonTtl } as const
        return requests.ask(key, value === undefined ? ask : { ...ask, value }, () => {})
      }
      case "Foreign":
        return void out.push(Command.Dropped({ what: "foreignNetwork" }))
      case "Malformed":
        return ground.drop("malformed")
      case "Nothing":
        return
    }
  }

  const recordsIn = (frame: DhtFrame): ReadonlyArray<StoredRecord> => {
    switch (frame.type) {
      case "dht-records":
        return frame.records
      case "dht-spread":
      case "dht-notice":
        return [frame.record]
      default:
        return []
    }
  }

  const isWithinRate = (from: PeerId, frame: DhtFrame) =>
    frames.take(from, 1, now) &&
    bytes.take(from, recordsIn(frame).reduce((sum, record) => sum + Store.weightOf(record), 0), now)

  const came = (from: PeerId, frame: DhtFrame) => {
    if (frame.type !== "dht" && frame.networkName !== networkName) {
      return void out.push(Command.Dropped({ what: "foreignNetwork" }))
    }
    // An answer was asked for; everything else has its measure.
    const isAnswer = frame.type === "dht-reply" || frame.type === "dht-spreaded" || frame.type === "dht-taken"
    if (!isAnswer && !isWithinRate(from, frame)) {
      if (frame.type !== "dht-request") return
      const answer: Answer = { is: "refused", why: "busy", problem: "too many requests at a time" }
      return ground.send(from, { type: "dht-reply", networkName, id: frame.id, answer })
    }
    switch (frame.type) {
      case "dht-request":
        return requests.onRequest(from, frame)
      case "dht-taken":
        return requests.onTaken(from, frame.id)
      case "dht-reply":
        return requests.onReply(from, frame)
      case "dht-spread":
        return onSpread(from, frame)
      case "dht-spreaded":
        return spreads.onSpreaded(from, frame)
      case "dht-offer":
        return sync.onOffer(from, frame)
      case "dht-want":
        return sync.onWant(from, frame)
      case "dht-records":
        // What is new to us may be so to those behind us.
        for (const record of frame.records) {
          if (take(from, record, false)?._tag === "Kept") sync.kept(record.key, true)
        }
        return
      case "dht-watch":
        if (frame.lease > Limits.lease) return ground.drop("malformed")
        if (frame.lease === 0) return watches.remove(frame.key, frame.subscriber)
        return void watches.add(frame.key, frame.subscriber, now + frame.lease)
      case "dht-notice":
        if (Store.problemWith(frame.record, now) !== undefined) return ground.drop("malformed")
        return frame.to === self ? subscriptions.saw(frame.record) : passNotice(frame, from)
      case "dht":
        return onPigeon(from, frame)
    }
  }

  // ------------------------------------------------------------------------------------------------
  // the rest
  // ------------------------------------------------------------------------------------------------

  const asked = (token: number, key: string, wanted: Wanted) => {
    const answered = (answer: Answer | undefined) => void out.push(Command.Answered({ token, answer }))
    if (wanted.op === "get") return requests.ask(key, wanted, answered)
    const { expected, signed, ttl, value } = wanted
    const { write, ...proof } = signed ?? { write: freshId(ground) }
    requests.ask(key, {
      op: "write",
      write,
      writer: self,
      ttl,
      ...(value === undefined ? {} : { value }),
      ...(expected === undefined ? {} : { expected }),
      ...("signature" in proof ? { signed: proof } : {})
    }, answered)
  }

  /** Tells a neighbour that came near who watches. */
  const tellWatches = () => {
    for (const key of watches.keys()) {
      const nearest = ways.nearest(place(key), Limits.watchCopies)
      for (const { subscriber, until } of watches.of(key, now)) {
        for (const peer of nearest) {
          if (!linked.has(peer) || peer === subscriber) continue
          ground.send(peer, { type: "dht-watch", networkName, key, subscriber, lease: Math.max(1, until - now) })
        }
      }
    }
  }

  const moved = () => {
    sync.moved()
    subscriptions.moved()
  }

  const due = () => {
    requests.tick()
    spreads.tick()
    const mayTell = sync.dueAt <= now
    sync.tick()
    if (mayTell) tellWatches()
    subscriptions.tick()
    if (sweepAt <= now) {
      sweepAt = Number.POSITIVE_INFINITY
      store.sweep(now)
      watches.sweep(now)
    }
  }

  const step = (event: Event) => {
    switch (event._tag) {
      case "Asked":
        return asked(event.token, event.key, event.ask)
      case "Subscribed": {
        const { token } = event
        const answered = (answer: Answer | undefined) => void out.push(Command.Answered({ token, answer }))
        if (!subscriptions.add(event.key, token, answered)) {
          answered({ is: "refused", why: "full", problem: "this peer has too many subscriptions" })
        }
        return
      }
      case "Unsubscribed":
        return subscriptions.remove(event.key, event.token)
      case "Came":
        return came(event.from, event.frame)
      case "Linked":
        linked.add(event.peer)
        sync.linked(event.peer)
        return moved()
      case "Unlinked":
        if (!linked.delete(event.peer)) return
        sync.unlinked(event.peer)
        frames.forget(event.peer)
        bytes.forget(event.peer)
        spreads.unlinked(event.peer)
        requests.unlinked(event.peer)
        return moved()
      case "Unreached":
        spreads.unlinked(event.peer)
        return requests.unlinked(event.peer)
      case "Moved":
        return moved()
      case "Due":
        return due()
      case "Leaving":
        isLeaving = true
        return sync.handOver()
    }
  }

  const plan = () => {
    const isUnderWay = requests.size > 0 || spreads.size > 0 || sync.isBusy
    if (!isUnderWay) tickAt = Number.POSITIVE_INFINITY
    else if (tickAt <= now || tickAt === Number.POSITIVE_INFINITY) tickAt = now + Limits.tick
    if (sweepAt === Number.POSITIVE_INFINITY && (store.count > 0 || watches.size > 0)) sweepAt = now + Limits.sweep
  }

  return {
    handle: (event, at) => {
      now = Math.max(now, at)
      if (!isLeaving || event._tag === "Came") step(event)
      plan()
      return out.splice(0)
    },
    get dueAt() {
      if (isLeaving) return Number.POSITIVE_INFINITY
      const rest = store.count > 0 || watches.size > 0 ? sync.dueAt : Number.POSITIVE_INFINITY
      return Math.min(tickAt, sweepAt, rest, subscriptions.dueAt)
    },
    held: (key, at) => store.get(key, at)?.record,
    get records() {
      return store.count
    },
    get bytes() {
      return store.bytes
    },
    get requests() {
      return requests.size
    }
  }
}

const nobody = () => false
