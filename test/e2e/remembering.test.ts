/** Restarts of real processes: what a profile keeps, and what each flag changes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { profiles } from "../support/configuration.ts"
import { homing, hub, type Peer, peer } from "../support/processes.ts"

const leave = Effect.fnUntraced(function*(one: Peer) {
  yield* one.ask({ op: "leave" })
  assert.strictEqual(yield* one.exit, 0)
  assert.strictEqual(one.stderr(), "")
})

describe("a peer with a profile", () => {
  it.live("keeps its id, network and setting across restarts, also when it was killed", () =>
    Effect.gen(function*() {
      yield* profiles
      const { url } = yield* hub()
      const first = yield* peer(url, undefined, "--profile", "ada")
      assert.deepInclude<object>(first.ready, { networkName: "global", allowGlobalFallback: true })
      assert.deepInclude(yield* first.ask({ op: "setNetworkName", networkName: "work" }), { ok: true })
      assert.deepInclude(yield* first.ask({ op: "setAllowGlobalFallback", allow: false }), { ok: true })
      yield* leave(first)

      const kept = {
        peerId: first.peerId,
        networkName: "work",
        originalNetworkName: "work",
        fallbackMode: false,
        allowGlobalFallback: false
      }
      const second = yield* peer(url, undefined, "--profile", "ada")
      assert.deepInclude<object>(second.ready, kept)
      second.kill("SIGKILL")
      yield* second.exit
      const third = yield* peer(url, undefined, "--profile", "ada")
      assert.deepInclude<object>(third.ready, kept)
      yield* leave(third)

      // A flag wins, and is remembered in its turn.
      const fourth = yield* peer(url, "gaming", "--profile", "ada", "--fallback")
      assert.deepInclude<object>(fourth.ready, { networkName: "gaming", allowGlobalFallback: true })
      yield* leave(fourth)
      const fifth = yield* peer(url, undefined, "--profile", "ada")
      assert.deepInclude<object>(fifth.ready, {
        ...kept,
        networkName: "gaming",
        originalNetworkName: "gaming",
        allowGlobalFallback: true
      })
    }), 120_000)

  it.live("is alone with it: a second process is told so", () =>
    Effect.gen(function*() {
      const home = yield* profiles
      const { url } = yield* hub()
      const first = yield* peer(url, "work", "--profile", "ada")
      const second = yield* homing(["peer", "--json", "--hub", url, "--profile", "ada"])
      assert.strictEqual(yield* second.exit, 1)
      assert.match(second.stderr(), new RegExp(`the process ${first.child.pid} on .* uses it`))
      assert.match(second.lines.entries.join(), /^\{"event":"error","error":\{"_tag":"StoreUnusable",/)
      assert.deepInclude(yield* first.ask({ op: "status" }), { ok: true })
      yield* leave(first)
      const { privateKey } = JSON.parse(readFileSync(join(home, "profile-ada", "homing.identity.json"), "utf8"))
      assert.match(privateKey, /^[0-9a-f]{64}$/)
    }), 60_000)
})

describe("a peer without a profile", () => {
  it.live("is somebody else each time, and falls back when its flags say so", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const first = yield* peer(url, "work", "--grace", "200ms", "--health-interval", "100ms")
      const away = yield* first.event("statusChanged", ({ fallbackMode }) => fallbackMode === true)
      assert.deepInclude<object>(away, { networkName: "global", originalNetworkName: "work" })
      const listed = yield* first.ask({ op: "networks" })
      assert(listed.ok && Array.isArray(listed.result))
      assert.deepInclude<unknown>(listed.result, { name: "global", present: 1, waiting: 0 })
      yield* leave(first)
      const second = yield* peer(url, undefined)
      assert.notStrictEqual(second.peerId, first.peerId)
      assert.strictEqual(second.ready.networkName, "global")
    }), 60_000)
})

describe("homing networks", () => {
  it.live("prints a hub's networks, for people and for programs", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const empty = yield* homing(["networks", "--hub", url])
      assert.strictEqual(yield* empty.exit, 0)
      assert.deepStrictEqual(empty.lines.entries, ["no networks: nobody is here"])
      yield* Effect.all([peer(url, "work"), peer(url, "work"), peer(url, "gaming")], { concurrency: "unbounded" })
      const table = yield* homing(["networks", "--hub", url])
      assert.strictEqual(yield* table.exit, 0)
      assert.deepStrictEqual(table.lines.entries, [
        "NETWORK  PEERS  WAITING",
        "work     2      0",
        "gaming   1      0"
      ])
      const json = yield* homing(["networks", "--hub", url, "--json"])
      assert.strictEqual(yield* json.exit, 0)
      assert.deepStrictEqual(JSON.parse(json.lines.entries.join()), [
        { name: "work", present: 2, waiting: 0 },
        { name: "gaming", present: 1, waiting: 0 }
      ])
      assert.strictEqual(json.stderr(), "")
    }), 60_000)

  it.live("are told to people who ask in a conversation", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const person = yield* homing(["peer", "--hub", url, "--network", "chat"])
      const says = (text: string) => person.lines.first(text, (line): line is string => line.includes(text))
      yield* says("joined chat")
      person.write("/fallback off\n/network work\n/networks\n/network\n/network No-Such-Name\n/quit\n")
      yield* says("chat (joined), stays at home")
      yield* says("moved from chat to work")
      yield* says("work     1      0")
      yield* says("* work (joined), stays at home")
      yield* says("! networkName cannot be used")
      assert.strictEqual(yield* person.exit, 0)
    }), 60_000)
})
