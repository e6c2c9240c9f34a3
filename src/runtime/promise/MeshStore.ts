/** A store as an application without Effect has it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"

/**
 * Where a mesh keeps what it remembers: its private key among it, so keep it safe, and give it to one mesh at a time.
 * The two keys are `homing.identity` and `homing.preferences`, their values are JSON. A `Map<string, string>` is one.
 *
 * @category models
 */
export interface MeshStore {
  /** The value of a key, or nothing. */
  get(key: string): string | null | undefined | PromiseLike<string | null | undefined>
  /** Replaces the value of a key. What is returned is awaited if it is a promise. */
  set(key: string, value: string): unknown
}

const failed = (method: string) => (cause: unknown) =>
  new KeyValueStore.KeyValueStoreError({ method, message: String(cause), cause })

const unsupported = <A>(method: string): Effect.Effect<A, KeyValueStore.KeyValueStoreError> =>
  Effect.fail(failed(method)(new Error("this store can only get and set")))

/** @category layers */
export const layer = (store: MeshStore): Layer.Layer<KeyValueStore.KeyValueStore> =>
  Layer.succeed(
    KeyValueStore.KeyValueStore,
    KeyValueStore.makeStringOnly({
      get: (key) => Effect.tryPromise({ try: async () => await store.get(key) ?? undefined, catch: failed("get") }),
      set: (key, value) =>
        Effect.tryPromise({ try: async () => void await store.set(key, value), catch: failed("set") }),
      remove: () => unsupported("remove"),
      clear: unsupported("clear"),
      keys: unsupported("keys"),
      size: unsupported("size")
    })
  )
