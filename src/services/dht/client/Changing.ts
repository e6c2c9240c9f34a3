/** Writes values: puts them, removes them, and replaces those that are still as they were read. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Content } from "../../../domain/Content.ts"
import type { Stored, WireValue } from "../../../domain/DhtRecord.ts"
import { DhtTimeout, type InvalidInput, type StoreFull, VersionConflict } from "../../../domain/Errors.ts"
import { SessionContext } from "../../SessionContext.ts"
import * as Limits from "../Limits.ts"
import type { Asking } from "./Asking.ts"
import { checkedKey, checkedOwner, checkedTtl, checkedValue, checkedVersion } from "./Checks.ts"
import type { Change, PutOptions, UpdateOptions, WriteError } from "./DhtOptions.ts"
import type { Reading } from "./Reading.ts"
import type { Signing } from "./Signing.ts"

/** As in `Dht`. @category models */
export interface Changing {
  put(key: string, value: Content, options?: PutOptions): Effect.Effect<Stored, WriteError>
  update(key: string, change: Change, options?: UpdateOptions): Effect.Effect<Stored, WriteError | VersionConflict>
  remove(key: string, options?: PutOptions): Effect.Effect<Stored, InvalidInput | StoreFull | DhtTimeout>
}

/** Without a version to expect there is nothing to be in conflict with. */
const unconditional = <A, E>(effect: Effect.Effect<A, E | VersionConflict>) =>
  Effect.catchIf(
    effect,
    (error): error is VersionConflict => error instanceof VersionConflict,
    (error) => Effect.die(error)
  )

/** @category constructors */
export const make = Effect.fnUntraced(function*({ ask, unexpected }: Asking, { get }: Reading, { sign }: Signing) {
  const { networkName, self } = yield* SessionContext
  const random = yield* Random.Random

  /** Those who were too slow at the same time are not to be so again. */
  const pause = Effect.suspend(() => Effect.sleep(Duration.millis(20 + 200 * random.nextDoubleUnsafe())))

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
      const answer = yield* ask(operation, key, { op: "write", value, ttl, expected, ...signed })
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

  /** Replaces the value that is there, once. */
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

  return {
    put: Effect.fnUntraced(function*(key, value, options = {}) {
      yield* checkedKey(key)
      return yield* unconditional(write("put", key, yield* checkedValue(key, value), options))
    }),
    update: Effect.fnUntraced(function*(key, change, options = {}) {
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
    }),
    remove: Effect.fnUntraced(function*(key, options = {}) {
      yield* checkedKey(key)
      return yield* unconditional(write("delete", key, undefined, options))
    })
  } satisfies Changing as Changing
})
