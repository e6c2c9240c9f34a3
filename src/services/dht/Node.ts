/**
 * One peer's part in the hash table of its network, without I/O: an event comes in, with the time, and commands come out.
 *
 * It keeps the records that belong to it, answers and passes on requests, spreads what is written at it, tells those who
 * watch, and looks after its own requests and subscriptions. Each rule has a file of its own beside this one; here they are
 * put together, and events are handed to them.
 *
 * Signatures take time to check, and have been when a frame comes here.
 */
import type { Answer, DhtFrame } from "../../domain/DhtFrame.ts"
import type { StoredRecord } from "../../domain/DhtRecord.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Ways } from "../Routing.ts"
import * as Allowance from "./Allowance.ts"
import * as Branch from "./Branch.ts"
import * as Cache from "./Cache.ts"
import * as Copies from "./Copies.ts"
import * as Desk from "./Desk.ts"
import { freshId, type Ground, placeOf } from "./Ground.ts"
import * as Keeping from "./Keeping.ts"
import * as Limits from "./Limits.ts"
import * as Lookup from "./Lookup.ts"
import { Command, Event, type Wanted } from "./NodeEvent.ts"
import * as Notices from "./Notices.ts"
import * as PigeonDesk from "./PigeonDesk.ts"
import * as Requests from "./Requests.ts"
import * as Spreads from "./Spreads.ts"
import * as Store from "./Store.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as Sync from "./Sync.ts"
import * as Timetable from "./Timetable.ts"
import * as Watches from "./Watches.ts"
import * as Watching from "./Watching.ts"
import * as Writes from "./Writes.ts"
import * as Writing from "./Writing.ts"

export { Command, Event, type Wanted }

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
  const place = (key: string) => placeOf(ground, key)

  const store = Store.make(place, bounds)
  const cache = Cache.make(Limits.maxCached, Limits.cacheLives, Limits.hotReads)
  const writes = Writes.make()
  const watches = Watches.make()
  const allowance = Allowance.make()
  const timetable = Timetable.make()
  const isHolding = () => store.count > 0 || watches.size > 0

  const sync = Sync.make(ground, store, isHolding)
  const spreads = Spreads.make(ground, sync.has)
  const subscriptions = Subscriptions.make(
    ground,
    (key, ask, answered) => requests.ask(key, ask, answered),
    (token, record) => void out.push(Command.Changed({ token, record }))
  )
  const notices = Notices.make(ground, watches, subscriptions)
  const keeping = Keeping.make(ground, store, cache, writes, sync, subscriptions, notices)

  const lookup = Lookup.make(ground, store, cache, sync)
  const copies = Copies.make(ground, spreads)
  const writing = Writing.make(ground, store, writes, sync, keeping, copies)
  const watching = Watching.make(ground, store, watches)
  const requests = Requests.make(ground, place, Desk.make(ground, cache, lookup, writing, watching))

  const branch = Branch.make(ground, store, cache, writes, keeping, spreads)
  const pigeons = PigeonDesk.make(ground, requests)

  const came = (from: PeerId, frame: DhtFrame) => {
    if (frame.type !== "dht" && frame.networkName !== networkName) return ground.drop("foreignNetwork")
    if (!allowance.take(from, frame, now)) {
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
        return branch.onSpread(from, frame)
      case "dht-spreaded":
        return spreads.onSpreaded(from, frame)
      case "dht-offer":
        return sync.onOffer(from, frame)
      case "dht-want":
        return sync.onWant(from, frame)
      case "dht-records":
        return keeping.takeAll(from, frame.records)
      case "dht-watch":
        return watching.onWatch(frame)
      case "dht-notice":
        return notices.onNotice(from, frame)
      case "dht":
        return pigeons.onPigeon(from, frame)
    }
  }

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

  const subscribed = (token: number, key: string) => {
    const answered = (answer: Answer | undefined) => void out.push(Command.Answered({ token, answer }))
    if (subscriptions.add(key, token, answered)) return
    answered({ is: "refused", why: "full", problem: "this peer has too many subscriptions" })
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
    if (mayTell) watching.tellAll()
    subscriptions.tick()
    if (!timetable.takeSweep(now)) return
    store.sweep(now)
    watches.sweep(now)
  }

  const take = (event: Event) => {
    switch (event._tag) {
      case "Asked":
        return asked(event.token, event.key, event.ask)
      case "Subscribed":
        return subscribed(event.token, event.key)
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
        allowance.forget(event.peer)
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

  return {
    handle: (event, at) => {
      now = Math.max(now, at)
      if (!isLeaving || event._tag === "Came") take(event)
      const isUnderWay = requests.size > 0 || spreads.size > 0 || sync.isBusy
      timetable.plan({ isUnderWay, isHolding: isHolding() }, now)
      return out.splice(0)
    },
    get dueAt() {
      if (isLeaving) return Number.POSITIVE_INFINITY
      return Math.min(timetable.dueAt, isHolding() ? sync.dueAt : Number.POSITIVE_INFINITY, subscriptions.dueAt)
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
