/**
 * A hash table that the peers of one network keep together: values under keys, on the twelve peers nearest to each key, and
 * found from anywhere.
 *
 * What happens is decided by `dht/Node`, which this actor feeds and whose commands it carries out.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Content, problemWith } from "../domain/Content.ts"
import type { Answer, Write } from "../domain/DhtFrame.ts"
import * as DhtFrame from "../domain/DhtFrame.ts"
import {
  defaultTtl,
  type DhtChange,
  type DhtRecord,
  isSignedBy,
  Key,
  maxTtl,
  maxValueBytes,
  minTtl,
  ownerOf,
  signedBytes,
  sizeOf,
  type Stored,
  type StoredRecord,
  toChange,
  toRecord,
  toWire,
  type WireValue
} from "../domain/DhtRecord.ts"
import { DhtTimeout, InvalidInput, RecordTooLarge, StoreFull, VersionConflict } from "../domain/Errors.ts"
import { PeerId, short } from "../domain/PeerId.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import { freshId } from "./dht/Ground.ts"
import * as Limits from "./dht/Limits.ts"
import { type Command, Event, make as makeNode, type Wanted } from "./dht/Node.ts"
import * as Proofs from "./dht/Proofs.ts"
import { foreign } from "./Gossip.ts"
import { Identity } from "./Identity.ts"
import { Membership } from "./Membership.ts"
import { waitAtMost } from "./Patience.ts"
import { Routing } from "./Routing.ts"
import { SessionContext } from "./SessionContext.ts"
import { Supervisor } from "./Supervisor.ts"

/** @category models */
export interface PutOptions {
  /** How long the value lives: 1 s to 30 days. Default: 24 h. */
  readonly ttl?: Duration.Input
  /**
   * Whether to sign it, so that every reader can tell that we wrote it, when, and for how long. It takes a read more, for
   * the version is signed too. Default: only where it must be, under a key of ours (`@<our peer id>/…`).
   */
  readonly signed?: boolean
}

/** @category models */
export interface GetOptions {
  /**
   * Asks the peer that is nearest to the key, whatever others on the way there have. Without it, the first on the way answers
   * that gets every write of the key. So both find what a write has stored once that has succeeded, or something newer, but
   * without it:
   *
   * - of a key that a peer passes on more than 32 times a second, a copy up to a second old may answer;
   * - a peer that a write could not reach, alive and not yet missed by its neighbours, answers with what it had.
   *
   * Neither reaches over a cut: while a network is in pieces, each has what is written in it. Default: false.
   */
  readonly fresh?: boolean
  /** Finds only what this peer has signed, as if there was nothing else. Default: whatever is there. */
  readonly signedBy?: PeerId
}

/** @category models */
export interface SubscribeOptions {
  /** Tells only what this peer has signed. Default: every change. */
  readonly signedBy?: PeerId
}

/** @category models */
export interface UpdateOptions extends PutOptions {
  /** The version to replace; 0: none. Default: the one that is found. */
  readonly version?: number
}

/** What a new value is, or how it follows from the record that is there; `undefined` leaves that as it is. @category models */
export type Change = Content | ((record: DhtRecord | undefined) => Content | undefined)

/** What can become of a request. @category errors */
export type WriteError = InvalidInput | RecordTooLarge | StoreFull | DhtTimeout

/** How long a peer that has just joined waits for its first link before it asks, if it knows of somebody. @category constants */
export const settlingPatience = Duration.seconds(5)

/** How long it waits to hear of somebody. @category constants */
export const introductionPatience = Duration.seconds(1)

/** How long leaving waits for records to be handed over. @category constants */
export const handoverPatience = Duration.seconds(5)

/** Changes that wait for one subscriber; the oldest give way, since each has the whole value. @category constants */
export const changesKept = 256

/** @category services */
export class Dht extends Context.Service<Dht, {
  /**
   * Stores a value, whatever was there, and says its version and how many peers hold it: the twelve nearest to the key, or
   * all, unless some could not be reached in time, which get it later. From then on `get` finds it, or something newer, at
   * every peer of a network that is in one piece; see `GetOptions.fresh` for what that leaves out. It is done once, however
   * often it had to be asked for; where others had written over it before its answer came, no peer holds it (0).
   */
  put(key: string, value: Content, options?: PutOptions): Effect.Effect<Stored, WriteError>
  /** The record of a key, if it has a value: that of the last write that has succeeded, or of one that is under way. */
  get(key: string, options?: GetOptions): Effect.Effect<Option.Option<DhtRecord>, InvalidInput | DhtTimeout>
  /**
   * Stores a value if the record is still the one that was read: fails with `VersionConflict` when it is not. With a
   * function and no version it reads and tries again, up to 16 times.
   */
  update(
    key: string,
    change: Change,
    options?: UpdateOptions
  ): Effect.Effect<Stored, WriteError | VersionConflict>
  /** Removes a value, and remembers for the time of `ttl` (default: 24 h) that it is gone, so that no old copy comes back. */
  delete(key: string, options?: PutOptions): Effect.Effect<Stored, InvalidInput | StoreFull | DhtTimeout>
  /** Subscribes, and then gives the changes: the record that is there first, if there is one. Until the scope closes. */
  subscription(
    key: string,
    options?: SubscribeOptions
  ): Effect.Effect<Stream.Stream<DhtChange>, InvalidInput | StoreFull | DhtTimeout, Scope.Scope>
}>()("homing/Dht") {
  static readonly layer = Layer.effect(
    Dht,
    Effect.gen(function*() {
      const { dropped, networkName, self } = yield* SessionContext
      const identity = yield* Identity
      const pool = yield* ConnectionPool
      const membership = yield* Membership
      const routing = yield* Routing
      const supervisor = yield* Supervisor
      const random = yield* Random.Random
      const joinedAt = yield* Clock.currentTimeMillis
      const node = makeNode({ self, networkName, ways: routing, random: () => random.nextDoubleUnsafe() })
      const proofs = Proofs.make(identity, networkName, () => void dropped.malformed++)
      const sends = yield* FiberSet.make<void, never>()
      const asked = new Map<number, Deferred.Deferred<Answer | undefined>>()
      const heard = new Map<number, Queue.Queue<StoredRecord>>()
      let tokens = 0

      // ------------------------------------------------------------------------------------------------
      // the actor
      // ------------------------------------------------------------------------------------------------

      const carryOut = (command: Command): Effect.Effect<unknown> => {
        switch (command._tag) {
          case "Send": {
            const { frame, to } = command
            // Whoever takes nothing must not keep the others waiting.
            return FiberSet.run(
              sends,
              pool.send(to, frame).pipe(
                Effect.catch(() => feed(Event.Unreached({ peer: to })))
              ),
              { startImmediately: true }
            )
          }
          case "Answered": {
            const waiting = asked.get(command.token)
            asked.delete(command.token)
            return waiting === undefined ? Effect.void : Deferred.succeed(waiting, command.answer)
          }
          case "Changed": {
            const queue = heard.get(command.token)
            if (queue !== undefined) Queue.offerUnsafe(queue, command.record)
            return Effect.void
          }
          case "Dropped":
            dropped[command.what]++
            return command.what === "foreignNetwork" ? Metric.update(foreign, 1) : Effect.void
        }
      }

      const feed = (event: Event): Effect.Effect<void> => actor.tell(event)

      let wakeAt = Number.POSITIVE_INFINITY
      const wakes = yield* Queue.sliding<void>(1)
      const handle = Effect.fnUntraced(function*(event: Event) {
        const now = yield* Clock.currentTimeMillis
        for (const command of node.handle(event, now)) yield* carryOut(command)
        if (node.dueAt < wakeAt) Queue.offerUnsafe(wakes, undefined)
      })

      const actor = yield* supervisor.spawn<Event, never, never>({
        path: `mesh/${networkName}/dht`,
        capacity: 4096,
        behaviour: Effect.fnUntraced(function*(actor) {
          while (true) {
            actor.become(`${node.records} records, ${node.requests} requests`)
            yield* handle(yield* actor.receive)
          }
        })
      })

      // Sleeps until something is due, or something sooner comes up.
      yield* Effect.gen(function*() {
        wakeAt = node.dueAt
        const wait = Math.ceil(wakeAt - (yield* Clock.currentTimeMillis))
        if (wait <= 0) {
          yield* feed(Event.Due())
          yield* Queue.take(wakes).pipe(Effect.timeoutOption(Duration.millis(Limits.tick)))
        } else if (Number.isFinite(wait)) {
          yield* Queue.take(wakes).pipe(Effect.timeoutOption(Duration.millis(wait)))
        } else {
          yield* Queue.take(wakes)
        }
      }).pipe(Effect.forever, Effect.forkScoped)

      const news = yield* pool.news
      yield* PubSub.take(news).pipe(
        Effect.flatMap((link) => {
          switch (link._tag) {
            case "Opened":
              return link.dialect === "homing" ? feed(Event.Linked({ peer: link.peerId })) : Effect.void
            case "Closed":
              return feed(Event.Unlinked({ peer: link.peerId }))
            case "Ended":
              return Effect.void
          }
        }),
        Effect.forever,
        Effect.forkScoped
      )
      const changes = yield* routing.changes
      yield* PubSub.take(changes).pipe(
        Effect.andThen(feed(Event.Moved())),
        Effect.forever,
        Effect.forkScoped
      )
      yield* pool.serve(DhtFrame.kinds, (from, batch) =>
        Effect.forEach(
          batch,
          (frame) =>
            DhtFrame.isDhtFrame(frame)
              ? Effect.flatMap(
                proofs.screen(frame),
                (frame) => frame === undefined ? Effect.void : feed(Event.Came({ from, frame }))
              )
              : Effect.void,
          { discard: true }
        ))

      // Records are handed over before the links are hung up, which then sends what waits.
      yield* Effect.addFinalizer(() =>
        Effect.gen(function*() {
          yield* handle(Event.Leaving())
          for (const waiting of asked.values()) yield* Deferred.succeed(waiting, undefined)
          asked.clear()
          yield* FiberSet.awaitEmpty(sends)
        }).pipe(waitAtMost(handoverPatience))
      )

      // ------------------------------------------------------------------------------------------------
      // asking
      // ------------------------------------------------------------------------------------------------

      /** Whoever asks before it has a link hears only itself. */
      const settled: Effect.Effect<void> = Effect.gen(function*() {
        while (true) {
          if (Array.from(pool.neighbours()).length > 0) return
          const since = (yield* Clock.currentTimeMillis) - joinedAt
          if (since >= Duration.toMillis(settlingPatience)) return
          const knowsSomebody = Array.from(membership.known()).length > 0
          if (!knowsSomebody && since >= Duration.toMillis(introductionPatience)) return
          yield* Effect.sleep(Duration.millis(50))
        }
      })

      const inTime = (operation: string, key: string, answer: Answer | undefined) =>
        answer === undefined
          ? Effect.fail(
            new DhtTimeout({
              key,
              networkName,
              operation,
              problem: `no answer came within ${Limits.requestLives / 1000} s, or this peer left`
            })
          )
          : Effect.succeed(answer)

      /** Feeds an event that leads to an answer. */
      const ask = (operation: string, key: string, event: (token: number) => Event) =>
        Effect.suspend(() => {
          const token = ++tokens
          const waiting = Deferred.makeUnsafe<Answer | undefined>()
          asked.set(token, waiting)
          return feed(event(token)).pipe(
            Effect.andThen(Deferred.await(waiting)),
            Effect.ensuring(Effect.sync(() => asked.delete(token))),
            Effect.flatMap((answer) => inTime(operation, key, answer))
          )
        })

      const request = Effect.fnUntraced(function*(operation: string, key: string, wanted: Wanted) {
        yield* settled
        return yield* ask(operation, key, (token) => Event.Asked({ token, key, ask: wanted }))
      })

      /** Answers that no operation expects are failures like any other. */
      const unexpected = (operation: string, key: string, answer: Answer) => {
        if (answer.is !== "refused") {
          return new DhtTimeout({ key, networkName, operation, problem: `the answer was "${answer.is}"` })
        }
        return answer.why === "full"
          ? new StoreFull({ key, networkName, problem: answer.problem })
          : new DhtTimeout({ key, networkName, operation, problem: answer.problem })
      }

      const find = Effect.fnUntraced(function*(key: string, { fresh = false, signedBy }: GetOptions) {
        const answer = yield* request("get", key, { op: "get", fresh, ...(signedBy === undefined ? {} : { signedBy }) })
        switch (answer.is) {
          case "record":
            return answer.record
          case "none":
            return undefined
          default: {
            const error = unexpected("get", key, answer)
            return yield* error._tag === "StoreFull"
              ? new DhtTimeout({ key, networkName, operation: "get", problem: error.problem })
              : error
          }
        }
      })

      const get = Effect.fnUntraced(function*(key: string, options: GetOptions = {}) {
        yield* checkedKey(key)
        yield* checkedPeer(options.signedBy)
        const record = yield* find(key, options)
        return Option.fromUndefinedOr(record === undefined ? undefined : toRecord(record, networkName))
      })

      /** Signs the version after the one that is there. */
      const sign = Effect.fnUntraced(function*(
        key: string,
        value: WireValue | undefined,
        ttl: number,
        expected: number | undefined
      ) {
        const found = yield* find(key, { fresh: true })
        const actual = found?.value === undefined ? 0 : found.version
        if (expected !== undefined && expected !== actual) {
          return yield* new VersionConflict({ key, networkName, expected, actual })
        }
        const record = {
          key,
          ...(value === undefined ? {} : { value }),
          version: (found?.version ?? 0) + 1,
          writer: self,
          write: freshId({ random: () => random.nextDoubleUnsafe() }),
          time: Math.floor(yield* Clock.currentTimeMillis),
          ttl
        }
        const signature = yield* identity.sign("dht-record", signedBytes(networkName, record))
        const { time, version, write } = record
        return { time, version, write, signature } satisfies Signed
      })

      const write = Effect.fnUntraced(function*(
        operation: string,
        key: string,
        value: WireValue | undefined,
        options: PutOptions,
        expected?: number
      ) {
        const ttl = yield* checkedTtl(options.ttl)
        const owner = yield* checkedOwner(key, self, options)
        const isSigned = options.signed ?? owner === self
        let rounds = Limits.updateRounds
        while (true) {
          const signed = isSigned ? { signed: yield* sign(key, value, ttl, expected) } : {}
          const answer = yield* request(operation, key, { op: "write", value, ttl, expected, ...signed })
          switch (answer.is) {
            case "stored":
              return { key, networkName, version: answer.version, holders: answer.holders } satisfies Stored
            case "conflict":
              // Somebody wrote after we had read, and whoever replaces anything reads again.
              if (isSigned && expected === undefined && --rounds > 0) {
                yield* pause
                continue
              }
              if (expected !== undefined) {
                return yield* new VersionConflict({ key, networkName, expected, actual: answer.version })
              }
              return yield* new DhtTimeout({
                key,
                networkName,
                operation,
                problem: "others write the same key all the time"
              })
            default:
              return yield* unexpected(operation, key, answer)
          }
        }
      })

      /** Those who were too slow at the same time are not to be so again. */
      const pause = Effect.suspend(() => Effect.sleep(Duration.millis(20 + 200 * random.nextDoubleUnsafe())))

      const unconditional = <A, E>(effect: Effect.Effect<A, E | VersionConflict>) =>
        Effect.catchIf(
          effect,
          (error): error is VersionConflict => error instanceof VersionConflict,
          (error) => Effect.die(error)
        )

      const swap = Effect.fnUntraced(function*(key: string, change: Change, options: UpdateOptions) {
        const { version } = options
        if (typeof change !== "function" && version !== undefined) {
          return yield* write("update", key, yield* checkedValue(key, change), options, version)
        }
        const found = Option.getOrUndefined(yield* get(key, { fresh: true }))
        const actual = found?.version ?? 0
        if (version !== undefined && version !== actual) {
          return yield* new VersionConflict({ key, networkName, expected: version, actual })
        }
        const value = typeof change === "function" ? change(found) : change
        if (value === undefined) return { key, networkName, version: actual, holders: 0 } satisfies Stored
        return yield* write("update", key, yield* checkedValue(key, value), options, actual)
      })

      const update = (key: string, change: Change, options: UpdateOptions = {}) =>
        Effect.gen(function*() {
          yield* checkedKey(key)
          yield* checkedVersion(options.version)
          const mayRetry = typeof change === "function" && options.version === undefined
          let rounds = mayRetry ? Limits.updateRounds : 1
          while (true) {
            const result = yield* Effect.result(swap(key, change, options))
            if (result._tag === "Success") return result.success
            if (result.failure._tag !== "VersionConflict" || --rounds <= 0) return yield* result.failure
            yield* pause
          }
        })

      const subscription = Effect.fnUntraced(function*(key: string, { signedBy }: SubscribeOptions = {}) {
        yield* checkedKey(key)
        yield* checkedPeer(signedBy)
        yield* settled
        const queue = yield* Queue.sliding<StoredRecord>(changesKept)
        const token = ++tokens
        heard.set(token, queue)
        yield* Effect.addFinalizer(() => {
          heard.delete(token)
          return Effect.andThen(feed(Event.Unsubscribed({ token, key })), Queue.shutdown(queue))
        })
        const waiting = Deferred.makeUnsafe<Answer | undefined>()
        asked.set(token, waiting)
        yield* feed(Event.Subscribed({ token, key }))
        const answer = yield* inTime("subscribe", key, yield* Deferred.await(waiting))
        if (answer.is !== "watching") return yield* unexpected("subscribe", key, answer)
        return Stream.fromQueue(queue).pipe(
          Stream.filter((stored) => signedBy === undefined || isSignedBy(stored, signedBy)),
          Stream.map((stored) => toChange(stored, networkName))
        )
      })

      return Dht.of({
        put: Effect.fnUntraced(function*(key, value, options = {}) {
          yield* checkedKey(key)
          return yield* unconditional(write("put", key, yield* checkedValue(key, value), options))
        }),
        get,
        update,
        delete: Effect.fnUntraced(function*(key, options = {}) {
          yield* checkedKey(key)
          return yield* unconditional(write("delete", key, undefined, options))
        }),
        subscription
      })
    })
  )
}

/** What a signed write has beside its value. */
type Signed = NonNullable<Write["signed"]> & Pick<Write, "write">

// ----------------------------------------------------------------------------------------------------
// what is accepted
// ----------------------------------------------------------------------------------------------------

const decodeKey = Schema.decodeUnknownEffect(Key)
const decodePeer = Schema.decodeUnknownEffect(PeerId)
const decodeVersion = Schema.decodeUnknownEffect(Schema.Natural)

const checkedKey = (key: string) =>
  Effect.mapError(decodeKey(key), (error) => new InvalidInput({ field: "key", problem: error.message }))

const checkedPeer = (signedBy: PeerId | undefined) =>
  signedBy === undefined
    ? Effect.void
    : Effect.mapError(decodePeer(signedBy), (error) => new InvalidInput({ field: "signedBy", problem: error.message }))

/** Whose key it is, if we may write it. */
const checkedOwner = (key: string, self: PeerId, { signed }: PutOptions) => {
  const owner = ownerOf(key)
  if (owner !== undefined && owner !== self) {
    return Effect.fail(
      new InvalidInput({ field: "key", problem: `it belongs to ${short(owner)}, who alone can write it` })
    )
  }
  return owner !== undefined && signed === false
    ? Effect.fail(new InvalidInput({ field: "signed", problem: "what is under a key of one's own must be signed" }))
    : Effect.succeed(owner)
}

const checkedVersion = (version: number | undefined) =>
  version === undefined
    ? Effect.void
    : Effect.mapError(decodeVersion(version), (error) => new InvalidInput({ field: "version", problem: error.message }))

const checkedTtl = (ttl: Duration.Input | undefined): Effect.Effect<number, InvalidInput> => {
  if (ttl === undefined) return Effect.succeed(defaultTtl)
  const millis = Option.getOrUndefined(Option.map(Duration.fromInput(ttl), Duration.toMillis))
  return millis !== undefined && millis >= minTtl && millis <= maxTtl
    ? Effect.succeed(Math.round(millis))
    : Effect.fail(new InvalidInput({ field: "ttl", problem: "expected 1 second to 30 days, such as \"10 minutes\"" }))
}

const checkedValue = (key: string, value: Content): Effect.Effect<WireValue, InvalidInput | RecordTooLarge> =>
  Effect.gen(function*() {
    const problem = problemWith(value)
    if (problem !== undefined) {
      return yield* new InvalidInput({ field: "value", problem: `${problem}; expected JSON or a Uint8Array` })
    }
    const wire = toWire(value)
    const size = sizeOf(wire)
    if (size > maxValueBytes) return yield* new RecordTooLarge({ key, size, limit: maxValueBytes })
    return wire
  })
