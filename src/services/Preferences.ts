/**
 * What a mesh wants across restarts: its home network, and whether it may fall back. Nothing is remembered unless
 * `layer` is provided.
 *
 * Where a mesh happens to be is no preference: while it has fallen back, its home is what is remembered.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { StoreUnusable } from "../domain/Errors.ts"
import { ChosenNetworkName } from "../domain/NetworkName.ts"
import * as Stored from "./Stored.ts"

/** What can be remembered; what is absent was never decided. @category schemas */
export const Remembered = Schema.Struct({
  networkName: Schema.optionalKey(ChosenNetworkName),
  allowGlobalFallback: Schema.optionalKey(Schema.Boolean)
})
/** @category models */
export type Remembered = typeof Remembered.Type

/** @category models */
export interface Preferences {
  /** What was remembered when the layer was built, and since. */
  readonly recall: Effect.Effect<Remembered>
  /**
   * Remembers what changed, and leaves the rest as it is. A store that cannot be written is a warning in the log and
   * nothing worse: the change holds until the mesh ends.
   */
  remember(change: Remembered): Effect.Effect<void>
}

const forgetful: Preferences = { recall: Effect.succeed({}), remember: () => Effect.void }

/** The preferences in force. They remember nothing unless provided otherwise. @category references */
export const Preferences = Context.Reference<Preferences>("homing/Preferences", { defaultValue: () => forgetful })

/**
 * Remembers in the store, under the key `homing.preferences`. Fails with `StoreUnusable` when what is there cannot be
 * read: to go on with the defaults could lead a peer among strangers that was to stay at home.
 *
 * @category layers
 */
export const layer: Layer.Layer<never, StoreUnusable, KeyValueStore> = Layer.effect(
  Preferences,
  Effect.gen(function*() {
    const stored = yield* Stored.make("preferences", Remembered)
    const oneAtATime = yield* Semaphore.make(1)
    let known = (yield* stored.read) ?? {}

    const remember = Effect.fnUntraced(
      function*(change: Remembered) {
        // Afresh: another page may have written meanwhile.
        const before = (yield* stored.read) ?? {}
        known = { ...before, ...change }
        const isNews = known.networkName !== before.networkName ||
          known.allowGlobalFallback !== before.allowGlobalFallback
        if (isNews) yield* stored.write(known)
      },
      Effect.catch((error) => Effect.logWarning(`not remembered: ${error.message}`)),
      oneAtATime.withPermit
    )
    return { recall: Effect.sync(() => known), remember }
  })
)
