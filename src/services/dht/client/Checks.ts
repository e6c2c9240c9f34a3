/** What of an application's input is accepted by the hash table, and what it is told about the rest. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Content, problemWith } from "../../../domain/Content.ts"
import {
  defaultTtl,
  Key,
  maxTtl,
  maxValueBytes,
  minTtl,
  ownerOf,
  sizeOf,
  toWire,
  type WireValue
} from "../../../domain/DhtRecord.ts"
import { InvalidInput, RecordTooLarge } from "../../../domain/Errors.ts"
import { PeerId, short } from "../../../domain/PeerId.ts"
import type { PutOptions } from "./DhtOptions.ts"

const decodeKey = Schema.decodeUnknownEffect(Key)
const decodePeer = Schema.decodeUnknownEffect(PeerId)
const decodeVersion = Schema.decodeUnknownEffect(Schema.Natural)

/** A key within its bounds. @category validation */
export const checkedKey = (key: string) =>
  Effect.mapError(decodeKey(key), (error) => new InvalidInput({ field: "key", problem: error.message }))

/** A peer id, if there is one. @category validation */
export const checkedPeer = (signedBy: PeerId | undefined) =>
  signedBy === undefined
    ? Effect.void
    : Effect.mapError(decodePeer(signedBy), (error) => new InvalidInput({ field: "signedBy", problem: error.message }))

/** Whose key it is, if we may write it. @category validation */
export const checkedOwner = (key: string, self: PeerId, { signed }: PutOptions) => {
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

/** A version, if there is one: a natural number. @category validation */
export const checkedVersion = (version: number | undefined) =>
  version === undefined
    ? Effect.void
    : Effect.mapError(decodeVersion(version), (error) => new InvalidInput({ field: "version", problem: error.message }))

/** A time to live, in milliseconds: 1 second to 30 days. Default: 24 hours. @category validation */
export const checkedTtl = (ttl: Duration.Input | undefined): Effect.Effect<number, InvalidInput> => {
  if (ttl === undefined) return Effect.succeed(defaultTtl)
  const millis = Option.getOrUndefined(Option.map(Duration.fromInput(ttl), Duration.toMillis))
  return millis !== undefined && millis >= minTtl && millis <= maxTtl
    ? Effect.succeed(Math.round(millis))
    : Effect.fail(new InvalidInput({ field: "ttl", problem: "expected 1 second to 30 days, such as \"10 minutes\"" }))
}

/** A value as it goes over the wire: JSON or bytes, and not too large. @category validation */
export const checkedValue = (key: string, value: Content): Effect.Effect<WireValue, InvalidInput | RecordTooLarge> =>
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
