/** Reads the record of a key. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type DhtRecord, type StoredRecord, toRecord } from "../../../domain/DhtRecord.ts"
import { DhtTimeout, type InvalidInput } from "../../../domain/Errors.ts"
import type { NetworkName } from "../../../domain/NetworkName.ts"
import type { Asking } from "./Asking.ts"
import { checkedKey, checkedPeer } from "./Checks.ts"
import type { GetOptions } from "./DhtOptions.ts"

/** @category models */
export interface Reading {
  /** The record as it is kept, a tombstone among them. */
  find(key: string, options: GetOptions): Effect.Effect<StoredRecord | undefined, DhtTimeout>
  /** The record as the application sees it. */
  get(key: string, options?: GetOptions): Effect.Effect<Option.Option<DhtRecord>, InvalidInput | DhtTimeout>
}

/** @category constructors */
export const make = (networkName: NetworkName, { ask, unexpected }: Asking): Reading => {
  const find: Reading["find"] = Effect.fnUntraced(function*(key, { fresh = false, signedBy }) {
    const answer = yield* ask("get", key, { op: "get", fresh, ...(signedBy === undefined ? {} : { signedBy }) })
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

  return {
    find,
    get: Effect.fnUntraced(function*(key, options = {}) {
      yield* checkedKey(key)
      yield* checkedPeer(options.signedBy)
      const record = yield* find(key, options)
      return Option.fromUndefinedOr(record === undefined ? undefined : toRecord(record, networkName))
    })
  }
}
