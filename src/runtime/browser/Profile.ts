/**
 * A profile of a page's origin: what a peer keeps across reloads, in the browser's storage.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { type InvalidInput, StoreUnusable } from "../../domain/Errors.ts"
import * as ProfileName from "../../domain/ProfileName.ts"
import { StorePlace } from "../../services/Stored.ts"

/** How long a page that is being left may take to give the profile up. */
const patience = "1 second"

/** Holds a lock of the origin (Web Locks) until the scope closes; fails once `patience` is over. */
const hold = (name: string) => {
  let release = () => {}
  const held = Effect.callback<void, unknown>((resume, signal) => {
    navigator.locks.request(name, { signal }, () => {
      resume(Effect.void)
      return new Promise<void>((resolve) => {
        release = resolve
        // It may be granted at the very moment at which nobody waits for it any more.
        signal.addEventListener("abort", () => resolve())
      })
    }).catch((cause: unknown) => resume(Effect.fail(cause)))
  })
  return Effect.acquireRelease(Effect.timeout(held, patience), () => Effect.sync(() => release()), {
    interruptible: true
  })
}

/**
 * The store of a profile in `localStorage`, for one mesh at a time: while the layer lives, another of this page or of
 * another tab fails with `StoreUnusable`, since two tabs with the same identity would be one peer twice.
 *
 * Every script of the page's origin can read the storage, and with it the private key: a stranger's script can become
 * this peer for good. Where that matters use no profile, which gives each page an identity that only lives in its memory.
 *
 * Fails with `InvalidInput` when the name cannot be used (as on Node), and with `StoreUnusable` where the browser gives
 * the page no storage, or no locks, which it gives to pages from `https:` and `localhost` only.
 *
 * @category layers
 */
export const layer = (
  profile: string
): Layer.Layer<KeyValueStore.KeyValueStore, InvalidInput | StoreUnusable> =>
  Layer.unwrap(Effect.gen(function*() {
    const name = yield* ProfileName.checked(profile)
    const place = `the storage of ${location.origin}, under homing/${name}`
    const unusable = (problem: string) => new StoreUnusable({ what: "profile", place, problem })
    const storage = yield* Effect.try({
      try: () => localStorage,
      catch: () => unusable("the browser gives this page no storage. Allow it to keep data, or use no profile.")
    })
    if (navigator.locks === undefined) {
      return yield* unusable("the browser gives this page no locks. Open it from https: or localhost.")
    }
    yield* Effect.mapError(
      hold(`homing/${name}`),
      () => unusable("another page uses it, and two peers cannot be one. Close that one, or choose another profile.")
    )
    return Layer.merge(
      Layer.effect(
        KeyValueStore.KeyValueStore,
        Effect.map(KeyValueStore.KeyValueStore, KeyValueStore.prefix(`homing/${name}/`))
      ).pipe(Layer.provide(KeyValueStore.layerStorage(() => storage))),
      Layer.succeed(StorePlace, place)
    )
  }))
