/**
 * A hash table that the peers of one network keep together: values under keys, on the twelve peers nearest to each key, and
 * found from anywhere.
 *
 * What happens is decided by `dht/Node`, which `dht/DhtActor` feeds and whose commands it carries out; what an application
 * asks of it is in `dht/client`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Content } from "../domain/Content.ts"
import type { DhtChange, DhtRecord, Stored } from "../domain/DhtRecord.ts"
import type { DhtTimeout, InvalidInput, StoreFull, VersionConflict } from "../domain/Errors.ts"
import * as Asking from "./dht/client/Asking.ts"
import * as Changing from "./dht/client/Changing.ts"
import type {
  Change,
  GetOptions,
  PutOptions,
  SubscribeOptions,
  UpdateOptions,
  WriteError
} from "./dht/client/DhtOptions.ts"
import * as Reading from "./dht/client/Reading.ts"
import * as Signing from "./dht/client/Signing.ts"
import * as Subscribing from "./dht/client/Subscribing.ts"
import * as DhtActor from "./dht/DhtActor.ts"
import { SessionContext } from "./SessionContext.ts"

export type { Change, GetOptions, PutOptions, SubscribeOptions, UpdateOptions, WriteError }

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
      const { networkName } = yield* SessionContext
      const joinedAt = yield* Clock.currentTimeMillis
      const actor = yield* DhtActor.make
      const asking = yield* Asking.make(actor, joinedAt)
      const reading = Reading.make(networkName, asking)
      const signing = yield* Signing.make(reading)
      const { put, remove, update } = yield* Changing.make(asking, reading, signing)
      const { subscription } = Subscribing.make(networkName, actor, asking)
      return Dht.of({ put, get: reading.get, update, delete: remove, subscription })
    })
  )
}
