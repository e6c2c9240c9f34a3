/** Profiles on a real file system, in real time. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import { KeyValueStore } from "effect/persistence"
import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { ProfileName } from "../../../src/domain/ProfileName.ts"
import * as Node from "../../../src/runtime/node.ts"
import { configHome } from "../../../src/runtime/node/configHome.ts"
import * as FileStore from "../../../src/runtime/node/FileStore.ts"
import * as Lock from "../../../src/runtime/node/Lock.ts"
import { Identity } from "../../../src/services/Identity.ts"
import { profiles, temporary } from "../../support/configuration.ts"

const onPosix = process.platform !== "win32"

const identityOf = (profile: string) =>
  Effect.map(
    Layer.build(Layer.fresh(Node.layerProfile(profile))),
    (context) => Context.get(context, Identity)
  )

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe("a profile", () => {
  it.live("keeps an identity that its owner alone can read", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      const first = yield* Effect.scoped(identityOf("ada"))
      const again = yield* Effect.scoped(identityOf("ada"))
      const other = yield* Effect.scoped(identityOf("bob"))
      assert.strictEqual(again.peerId, first.peerId)
      assert.notStrictEqual(other.peerId, first.peerId)
      const directory = join(home, "profile-ada")
      assert.deepStrictEqual(readdirSync(directory), ["homing.identity.json"])
      if (onPosix) {
        assert.strictEqual(modeOf(directory), "700")
        assert.strictEqual(modeOf(join(directory, "homing.identity.json")), "600")
        chmodSync(directory, 0o755)
        yield* Effect.scoped(identityOf("ada"))
        assert.strictEqual(modeOf(directory), "700")
      }
    }))

  it.live("is another one for each of two that are built together", () =>
    Effect.gen(function*() {
      yield* profiles
      const one = Context.Service<{ readonly peerId: string }>("test/one")
      const other = Context.Service<{ readonly peerId: string }>("test/other")
      const context = yield* Layer.build(Layer.merge(
        Layer.effect(one, Identity).pipe(Layer.provide(Node.layerProfile("ada"))),
        Layer.effect(other, Identity).pipe(Layer.provide(Node.layerProfile("bob")))
      ))
      assert.notStrictEqual(Context.get(context, one).peerId, Context.get(context, other).peerId)
    }))

  it.live("is for one mesh at a time", () =>
    Effect.gen(function*() {
      yield* profiles
      const life = yield* Scope.make()
      const { peerId } = yield* Scope.provide(identityOf("ada"), life)
      const error = yield* Effect.flip(identityOf("ada"))
      assert(error._tag === "StoreUnusable")
      assert.strictEqual(error.what, "profile")
      assert.include(error.message, `the process ${process.pid} on ${hostname()} uses it`)
      assert.include(error.message, "choose another profile")
      yield* identityOf("bob")
      yield* Scope.close(life, Exit.void)
      assert.strictEqual((yield* identityOf("ada")).peerId, peerId)
    }))

  it.live("never goes to two of those who want it at the same moment", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      let winners = 0
      for (let round = 0; round < 5; round++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const outcomes = yield* Effect.forEach(
            Array.from({ length: 4 }),
            () => Effect.exit(Lock.acquire(directory)),
            { concurrency: "unbounded" }
          )
          const successes = outcomes.filter(Exit.isSuccess).length
          assert.isAtMost(successes, 1)
          winners += successes
        }))
        assert.deepStrictEqual(readdirSync(directory), [])
      }
      assert.isAbove(winners, 0)
    }))

  it.live("is free again once the process that used it is gone", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      yield* Effect.scoped(identityOf("ada"))
      const child = spawn(process.execPath, ["--eval", "0"])
      yield* Effect.callback<void>((resume) => void child.on("exit", () => resume(Effect.void)))
      const left = join(home, "profile-ada", "lock-left-behind")
      const leave = (owner: Lock.Owner) => writeFileSync(left, JSON.stringify(owner))
      assert.isDefined(child.pid)
      leave({ pid: child.pid, host: hostname() })
      yield* Effect.scoped(identityOf("ada"))
      assert.isFalse(existsSync(left))
      if (process.platform === "linux") {
        // Its number went to another: here to this process.
        leave({ pid: process.pid, host: hostname(), started: "another boot 1" })
        yield* Effect.scoped(identityOf("ada"))
        assert.isFalse(existsSync(left))
      }
    }))

  it.live("is not taken from one who may be alive elsewhere", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      yield* Effect.scoped(identityOf("ada"))
      const left = join(home, "profile-ada", "lock-left-behind")
      // A number that no process has here.
      const elsewhere = "{\"pid\":99999999,\"host\":\"elsewhere.test\"}"
      for (const [text, said] of [[elsewhere, "on elsewhere.test"], ["{", "cannot be read"]] as const) {
        writeFileSync(left, text)
        const error = yield* Effect.flip(identityOf("ada"))
        assert.include(error.message, said)
        assert.include(error.message, left)
        assert.match(error.message, /[Rr]emove /)
        assert.deepStrictEqual(readdirSync(join(home, "profile-ada")).toSorted(), [
          "homing.identity.json",
          "lock-left-behind"
        ])
      }
    }))

  it.live("says which of its files is damaged, and is free for another try", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      yield* Effect.scoped(identityOf("ada"))
      const file = join(home, "profile-ada", "homing.identity.json")
      writeFileSync(file, "")
      const error = yield* Effect.flip(Effect.scoped(identityOf("ada")))
      assert.include(error.message, `The identity in ${join(home, "profile-ada")}`)
      assert.strictEqual(readFileSync(file, "utf8"), "")
      rmSync(file)
      yield* identityOf("ada")
    }))

  it.live("cannot be where one may not write", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      writeFileSync(home, "a file")
      const error = yield* Effect.flip(identityOf("ada"))
      assert.include(error.message, "profile-ada cannot be used")
      assert.include(error.message, "may we write there?")
    }))

  it.live("has a name that is safe as the name of a directory", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      for (const name of ["", ".", "..", "../ada", "a/b", "a\\b", "Ada", "a b", "ada.", "a".repeat(65), "a\u0000"]) {
        const error = yield* Effect.flip(identityOf(name))
        assert.deepInclude(error, { _tag: "InvalidInput", field: "profile" }, name)
      }
      assert.isFalse(existsSync(home))
    }))

  it.prop("has a name of the schema that stays in its directory", [ProfileName], ([name]) => {
    assert.match(name, /^[a-z0-9._-]{1,64}$/)
    assert.notMatch(name, /\.$/)
    assert.isTrue(Schema.is(ProfileName)(name))
  })
})

describe("the directory for configuration", () => {
  const at = (platform: NodeJS.Platform, home: string, env: Record<string, string> = {}) =>
    configHome({ platform, home, env })

  it("is where the system has it", () => {
    assert.strictEqual(at("linux", "/home/ada"), "/home/ada/.config")
    assert.strictEqual(at("freebsd", "/home/ada"), "/home/ada/.config")
    assert.strictEqual(at("darwin", "/Users/ada"), "/Users/ada/Library/Application Support")
    const roaming = "C:\\Users\\ada\\AppData\\Roaming"
    assert.strictEqual(at("win32", "C:\\Users\\ada", { APPDATA: roaming }), roaming)
    assert.strictEqual(at("win32", "C:\\Users\\ada"), roaming)
  })

  it("is XDG_CONFIG_HOME if that is set, and absolute", () => {
    assert.strictEqual(at("linux", "/home/ada", { XDG_CONFIG_HOME: "/etc/ada" }), "/etc/ada")
    assert.strictEqual(at("darwin", "/Users/ada", { XDG_CONFIG_HOME: "/etc/ada" }), "/etc/ada")
    assert.strictEqual(at("linux", "/home/ada", { XDG_CONFIG_HOME: "here" }), "/home/ada/.config")
    assert.strictEqual(at("linux", "/home/ada", { XDG_CONFIG_HOME: "" }), "/home/ada/.config")
  })
})

describe("a store of files", () => {
  it.live("has each value in a file, whole or not at all", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      writeFileSync(join(directory, "key.json.1234.draft"), "half of a val")
      const store = yield* FileStore.make(directory)
      assert.deepStrictEqual(readdirSync(directory), [])
      assert.strictEqual(yield* store.get("key"), undefined)
      yield* store.set("key", "one")
      yield* store.set("key", "two")
      yield* store.set("../a/b*~", "three")
      assert.strictEqual(yield* store.get("key"), "two")
      assert.strictEqual(yield* store.get("../a/b*~"), "three")
      assert.deepStrictEqual(readdirSync(directory).toSorted(), ["..%2Fa%2Fb%2A%7E.json", "key.json"])
      assert.sameMembers([...yield* store.keys], ["key", "../a/b*~"])
      assert.strictEqual(yield* store.size, 2)
      yield* store.remove("key")
      yield* store.remove("key")
      assert.strictEqual(yield* store.get("key"), undefined)
      yield* store.clear
      assert.deepStrictEqual(readdirSync(directory), [])
    }))

  it.live("leaves nothing behind when a value cannot be written", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const store = yield* FileStore.make(directory)
      mkdirSync(join(directory, "key.json"))
      const error = yield* Effect.flip(store.set("key", "new"))
      assert.strictEqual(error._tag, "KeyValueStoreError")
      assert.deepStrictEqual(readdirSync(directory), ["key.json"])
    }))

  it.live("is what Preferences and Identity need", () =>
    Effect.gen(function*() {
      yield* profiles
      const context = yield* Layer.build(Node.layerStore("ada"))
      const store = Context.get(context, KeyValueStore.KeyValueStore)
      yield* store.set("mine", "too")
      assert.strictEqual(yield* store.get("mine"), "too")
    }))
})
