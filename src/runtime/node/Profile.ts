/**
 * A profile on this machine: a directory, under the person's configuration, with what a peer keeps across restarts.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { chmod, mkdir } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { type InvalidInput, StoreUnusable } from "../../domain/Errors.ts"
import * as ProfileName from "../../domain/ProfileName.ts"
import { StorePlace } from "../../services/Stored.ts"
import { configHome } from "./configHome.ts"
import * as FileStore from "./FileStore.ts"
import * as Lock from "./Lock.ts"

const reasonOf = (cause: unknown) => cause instanceof Error ? cause.message : String(cause)

/** What to tell whoever finds the profile taken. */
const taken = ({ file, owner }: Lock.Taken): string =>
  owner === undefined
    ? `${file} cannot be read. Remove it if no other peer uses this profile.`
    : `the process ${owner.pid} on ${owner.host} uses it, and two peers cannot be one. End that one or choose another ` +
      `profile; if it is gone, remove ${file}.`

/** Where the profile of a name is, whether it is there yet or not. @category getters */
export const directoryOf = (name: ProfileName.ProfileName): Effect.Effect<string> =>
  Effect.sync(() =>
    // The prefix keeps names such as `con` from meaning something else to Windows.
    join(configHome({ platform: process.platform, home: homedir(), env: process.env }), "homing", `profile-${name}`)
  )

/**
 * The store of a profile, for one mesh at a time: while the layer lives, another of this or another process fails with
 * `StoreUnusable`. Its directory is `homing/profile-NAME` in `$XDG_CONFIG_HOME`, `~/.config`,
 * `~/Library/Application Support` or `%APPDATA%`; it and its files can be read by their owner alone.
 *
 * Fails with `InvalidInput` when the name cannot be used: it has 1 to 64 lower case letters, digits, dots, hyphens and
 * underscores, and no dot at its end.
 *
 * @category layers
 */
export const layer = (
  profile: string
): Layer.Layer<KeyValueStore.KeyValueStore, InvalidInput | StoreUnusable> =>
  Layer.unwrap(Effect.gen(function*() {
    const name = yield* ProfileName.checked(profile)
    const directory = yield* directoryOf(name)
    const unusable = (problem: string) => new StoreUnusable({ what: "profile", place: directory, problem })
    const store = Effect.gen(function*() {
      yield* Effect.tryPromise({
        try: async () => {
          await mkdir(directory, { recursive: true, mode: 0o700 })
          // It may have been there before, with other ideas.
          await chmod(directory, 0o700)
        },
        catch: (cause) => unusable(`${reasonOf(cause)}. Is there room, and may we write there?`)
      })
      yield* Effect.mapError(
        Lock.acquire(directory),
        (problem) => unusable(problem._tag === "Taken" ? taken(problem) : reasonOf(problem.cause))
      )
      return yield* Effect.mapError(FileStore.make(directory), ({ cause }) => unusable(reasonOf(cause)))
    })
    return Layer.merge(
      Layer.effect(KeyValueStore.KeyValueStore, store),
      Layer.succeed(StorePlace, directory)
    )
  }))
