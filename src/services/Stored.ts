/**
 * One thing that outlives its process, as JSON under a key of a store: decoded, versioned and bounded. What cannot be
 * read is an error that says what to do, and is never written over.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { StoreUnusable } from "../domain/Errors.ts"

/** The form that is written; another one comes with another number. @category constants */
export const version = 1

/** The most characters of a stored thing. @category constants */
export const maxCharacters = 64 * 1024

/** Where the store is, for people to read, such as a directory. @category references */
export const StorePlace = Context.Reference<string>("homing/StorePlace", { defaultValue: () => "the store" })

/** @category models */
export interface Stored<A> {
  /** `undefined` when nothing was written yet. Fails with `StoreUnusable` when it cannot be read or is damaged. */
  readonly read: Effect.Effect<A | undefined, StoreUnusable>
  /** Replaces it. Fails with `StoreUnusable` when the store does not take it. */
  write(value: A): Effect.Effect<void, StoreUnusable>
  /** What was read cannot be what was written. */
  damaged(problem: string): StoreUnusable
}

/** What can be stored, and what a person can do when it is damaged. */
const kinds = {
  identity: {
    key: "homing.identity",
    remedy: "Put a copy of it back, or remove it to be a new peer from now on. Nothing was changed."
  },
  preferences: {
    key: "homing.preferences",
    remedy: "Mend it, or remove it to start with the defaults. Nothing was changed."
  }
} as const

/** @category models */
export type Kind = keyof typeof kinds

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const decodeVersion = Schema.decodeUnknownResult(Schema.Struct({ version: Schema.Int }))

const reasonOf = ({ cause, message }: KeyValueStore.KeyValueStoreError) =>
  cause instanceof Error ? cause.message : message

/**
 * A stored thing in the store at hand. The schema must not put a value into its messages if that is a secret.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*<A extends object>(kind: Kind, schema: Schema.Codec<A, object>) {
  const store = yield* KeyValueStore.KeyValueStore
  const { key, remedy } = kinds[kind]
  const place = `${yield* StorePlace} (${key})`
  const unusable = (problem: string) => new StoreUnusable({ what: kind, place, problem })
  const damaged = (problem: string) => unusable(`${problem}. ${remedy}`)
  const refuse = (problem: string) => Result.fail(damaged(problem))
  const decodeWhole = Schema.decodeUnknownResult(schema)
  const encode = Schema.encodeEffect(schema)

  const decode = (text: string): Result.Result<A, StoreUnusable> => {
    if (text.length > maxCharacters) {
      return refuse(`it has ${text.length} characters, and ${maxCharacters} are the most`)
    }
    // Parsers quote what they could not read, and that may be a secret.
    const json = decodeJson(text)
    if (Result.isFailure(json)) return refuse("it is not JSON")
    const form = decodeVersion(json.success)
    if (Result.isFailure(form)) return refuse("it does not say its version")
    if (form.success.version !== version) {
      return refuse(`it has version ${form.success.version}, and this Homing reads version ${version}`)
    }
    return Result.match(decodeWhole(json.success), {
      onSuccess: Result.succeed,
      onFailure: ({ message }) => refuse(message)
    })
  }

  return {
    read: store.get(key).pipe(
      Effect.mapError((error) => unusable(`it cannot be read (${reasonOf(error)})`)),
      Effect.flatMap((text) => text === undefined ? Effect.undefined : Effect.fromResult(decode(text)))
    ),
    write: (value) =>
      Effect.orDie(encode(value)).pipe(
        Effect.flatMap((encoded) => store.set(key, `${JSON.stringify({ version, ...encoded }, null, 2)}\n`)),
        Effect.catchTag(
          "KeyValueStoreError",
          (error) => Effect.fail(unusable(`it cannot be written (${reasonOf(error)})`))
        )
      ),
    damaged
  } satisfies Stored<A> as Stored<A>
})
