/** Watches the value of a key. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type DhtChange, isSignedBy, toChange } from "../../../domain/DhtRecord.ts"
import type { DhtTimeout, InvalidInput, StoreFull } from "../../../domain/Errors.ts"
import type { NetworkName } from "../../../domain/NetworkName.ts"
import type { DhtActor } from "../DhtActor.ts"
import type { Asking } from "./Asking.ts"
import { checkedKey, checkedPeer } from "./Checks.ts"
import type { SubscribeOptions } from "./DhtOptions.ts"

/** As in `Dht`. @category models */
export interface Subscribing {
  subscription(
    key: string,
    options?: SubscribeOptions
  ): Effect.Effect<Stream.Stream<DhtChange>, InvalidInput | StoreFull | DhtTimeout, Scope.Scope>
}

/** @category constructors */
export const make = (
  networkName: NetworkName,
  actor: DhtActor,
  { inTime, settled, unexpected }: Asking
): Subscribing => ({
  subscription: Effect.fnUntraced(function*(key, { signedBy } = {}) {
    yield* checkedKey(key)
    yield* checkedPeer(signedBy)
    yield* settled
    const { answer: given, changes } = yield* actor.subscribe(key)
    const answer = yield* inTime("subscribe", key, given)
    if (answer.is !== "watching") return yield* unexpected("subscribe", key, answer)
    return Stream.fromQueue(changes).pipe(
      Stream.filter((stored) => signedBy === undefined || isSignedBy(stored, signedBy)),
      Stream.map((stored) => toChange(stored, networkName))
    )
  })
})
