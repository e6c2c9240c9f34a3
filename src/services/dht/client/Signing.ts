/** Signs what we write, so that every reader can tell: the version too, and so the one that is there is read first. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Write } from "../../../domain/DhtFrame.ts"
import { signedBytes, type WireValue } from "../../../domain/DhtRecord.ts"
import { type DhtTimeout, VersionConflict } from "../../../domain/Errors.ts"
import { Identity } from "../../Identity.ts"
import { SessionContext } from "../../SessionContext.ts"
import { freshId } from "../Ground.ts"
import type { Reading } from "./Reading.ts"

/** What a signed write has beside its value. @category models */
export type Signed = NonNullable<Write["signed"]> & Pick<Write, "write">

/** @category models */
export interface Signing {
  /** Signs the version after the one that is there, which must be the `expected` one if there is any. */
  sign(
    key: string,
    value: WireValue | undefined,
    ttlMillis: number,
    expected: number | undefined
  ): Effect.Effect<Signed, DhtTimeout | VersionConflict>
}

/** @category constructors */
export const make = Effect.fnUntraced(function*({ find }: Reading) {
  const { networkName, self } = yield* SessionContext
  const identity = yield* Identity
  const random = yield* Random.Random

  return {
    sign: Effect.fnUntraced(function*(key, value, ttl, expected) {
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
      return { time, version, write, signature }
    })
  } satisfies Signing as Signing
})
