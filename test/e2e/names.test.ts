/** The names of PeerPigeon's document on networks: every row of the guide's table leads to something that works. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Stream } from "effect"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Hub } from "../../src/hub/Hub.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import type { MeshOptions } from "../../src/runtime/MeshOptions.ts"
import * as Node from "../../src/runtime/node.ts"
import { createMesh, type MeshClient } from "../../src/runtime/promise/node.ts"
import { homing, peer } from "../support/processes.ts"

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/networks.md"), "utf8")

/** The table's rows: what each cell has between backticks, or else its text. */
const rows = Array.from(guide.matchAll(/^\| (.+) \|$/gm), ([, row = ""]) => row.split(" | ").map((cell) => cell.trim()))
  .filter(([name = ""]) => name !== "Name" && !name.startsWith("---"))

const ways = ["effect", "promise", "json"] as const

/** Does the same by each of the three ways, and gives what each saw. */
type Walk = (at: Place) => Effect.Effect<Readonly<Record<(typeof ways)[number], unknown>>, unknown>

interface Place {
  readonly effect: Mesh["Service"]
  readonly promise: MeshClient
  readonly json: Effect.Success<ReturnType<typeof peer>>
}

/** Reads something of the status, by name. */
const inStatus = (name: string): Walk => ({ effect, json, promise }) =>
  Effect.gen(function*() {
    const reply = yield* json.ask({ op: "status" })
    assert(reply.ok)
    const of = (status: unknown) => Object.entries(status ?? {}).find(([key]) => key === name)?.[1]
    return {
      effect: of(yield* effect.status),
      promise: of(yield* Effect.promise(() => promise.getStatus())),
      json: of(reply.result)
    }
  })

const chosen = { networkName: "gaming", allowGlobalFallback: false, minPeers: 2, maxPeers: 3 } satisfies Partial<
  MeshOptions
>

const walks: Readonly<Record<string, { readonly expect: unknown; readonly walk: Walk }>> = {
  "networkName": { expect: chosen.networkName, walk: inStatus("networkName") },
  "allowGlobalFallback": { expect: chosen.allowGlobalFallback, walk: inStatus("allowGlobalFallback") },
  "minPeers": { expect: chosen.minPeers, walk: inStatus("minPeers") },
  "maxPeers": { expect: chosen.maxPeers, walk: inStatus("maxPeers") },
  "getNetworkName()": {
    expect: "gaming",
    walk: (at) =>
      Effect.gen(function*() {
        const effect = yield* at.effect.networkName
        const promise = yield* Effect.promise(() => at.promise.getNetworkName())
        return { ...yield* inStatus("networkName")(at), effect, promise }
      })
  },
  "getOriginalNetworkName()": {
    expect: "gaming",
    walk: (at) =>
      Effect.gen(function*() {
        const effect = yield* at.effect.originalNetworkName
        const promise = yield* Effect.promise(() => at.promise.getOriginalNetworkName())
        return { ...yield* inStatus("originalNetworkName")(at), effect, promise }
      })
  },
  "isUsingGlobalFallback()": {
    expect: false,
    walk: (at) =>
      Effect.gen(function*() {
        const effect = yield* at.effect.isUsingGlobalFallback
        const promise = yield* Effect.promise(() => at.promise.isUsingGlobalFallback())
        return { ...yield* inStatus("isInFallbackMode")(at), effect, promise }
      })
  },
  "getStatus()": { expect: "joined", walk: inStatus("state") },
  "setNetworkName(name)": {
    // While in a network it is refused; a program's peer, which always is in one, moves.
    expect: "AlreadyJoined",
    walk: ({ effect, json, promise }) =>
      Effect.gen(function*() {
        const refused = yield* Effect.promise(() => promise.setNetworkName("work").catch((error: Error) => error))
        const moved = yield* json.ask({ op: "setNetworkName", networkName: "work" })
        yield* json.ask({ op: "setNetworkName", networkName: "gaming" })
        return {
          effect: (yield* Effect.flip(effect.setNetworkName("work")))._tag,
          promise: refused?.name,
          json: moved.ok ? "AlreadyJoined" : moved
        }
      })
  },
  "Switching while connected": {
    expect: ["work", "gaming"],
    walk: ({ effect, json, promise }) =>
      Effect.gen(function*() {
        const seen = { effect: Array<unknown>(), promise: Array<unknown>(), json: Array<unknown>() }
        for (const networkName of ["work", "gaming"]) {
          yield* effect.moveTo(networkName)
          seen.effect.push(yield* effect.networkName)
          yield* Effect.promise(() => promise.moveTo(networkName))
          seen.promise.push(yield* Effect.promise(() => promise.getNetworkName()))
          yield* json.ask({ op: "setNetworkName", networkName })
          const status = yield* json.ask({ op: "status" })
          if (status.ok && status.result !== null && "originalNetworkName" in status.result) {
            seen.json.push(status.result.networkName)
          }
        }
        return seen
      })
  },
  "setAllowGlobalFallback(allow)": {
    expect: true,
    walk: (at) =>
      Effect.gen(function*() {
        yield* at.effect.setAllowGlobalFallback(true)
        yield* Effect.promise(() => at.promise.setAllowGlobalFallback(true))
        yield* at.json.ask({ op: "setAllowGlobalFallback", allow: true })
        return yield* inStatus("allowGlobalFallback")(at)
      })
  },
  "Keys as network:key": {
    // Put by one way and read by the next; and after that, in another network there is nothing.
    expect: ["json", undefined],
    walk: ({ effect, json, promise }) =>
      Effect.gen(function*() {
        const values = Effect.gen(function*() {
          const record = yield* json.ask({ op: "get", key: "a key" })
          assert(record.ok)
          return {
            effect: Option.getOrUndefined(yield* effect.dht.get("a key", { fresh: true }))?.value,
            promise: (yield* Effect.promise(() => promise.dhtGet("a key", { fresh: true })))?.value,
            json: record.result === null ? undefined : new Map(Object.entries(record.result)).get("content")
          }
        })
        yield* effect.dht.put("a key", "effect")
        yield* Effect.promise(() => promise.dhtPut("a key", "promise"))
        yield* json.ask({ op: "put", key: "a key", content: "json" })
        const here = yield* values
        yield* effect.moveTo("aside")
        yield* Effect.promise(() => promise.moveTo("aside"))
        yield* json.ask({ op: "setNetworkName", networkName: "aside" })
        const there = yield* values
        return {
          effect: [here.effect, there.effect],
          promise: [here.promise, there.promise],
          json: [here.json, there.json]
        }
      })
  },
  "statusChanged, type network": {
    expect: ["elsewhere", "elsewhere", false],
    walk: ({ effect, json, promise }) =>
      Effect.gen(function*() {
        const facts = (event: {
          readonly networkName: string
          readonly originalNetworkName?: string
          readonly fallbackMode?: boolean
        }) => [event.networkName, event.originalNetworkName, event.fallbackMode]
        const ofEffect = yield* effect.events.pipe(
          Stream.filter((event) => event._tag === "StatusChanged"),
          Stream.filter(({ type }) => type === "network"),
          Stream.runHead,
          Effect.forkChild({ startImmediately: true })
        )
        const ofPromise = new Promise<ReadonlyArray<unknown>>((resolve) =>
          promise.on("statusChanged", (event) => {
            if (event.type === "network") resolve(facts(event))
          })
        )
        yield* effect.moveTo("elsewhere")
        yield* Effect.promise(() => promise.moveTo("elsewhere"))
        yield* json.ask({ op: "setNetworkName", networkName: "elsewhere" })
        const head = yield* Fiber.join(ofEffect)
        return {
          effect: head._tag === "Some" ? facts(head.value) : undefined,
          promise: yield* Effect.promise(() => ofPromise),
          json: facts(
            yield* json.event("statusChanged", (event) => event.type === "network" && event.networkName === "elsewhere")
          )
        }
      })
  },
  "Network discovery": {
    expect: ["elsewhere"],
    walk: ({ effect, json, promise }) =>
      Effect.gen(function*() {
        const reply = yield* json.ask({ op: "networks" })
        assert(reply.ok && Array.isArray(reply.result))
        const names = (networks: ReadonlyArray<object>) =>
          networks.map((network) => "name" in network ? network.name : undefined)
        return {
          effect: names(yield* effect.networks),
          promise: names(yield* Effect.promise(() => promise.networks())),
          json: names(reply.result)
        }
      })
  }
}

/** The last name in a cell's code: `networkName` of `Mesh.layer({ networkName })`, `on` of `mesh.on("…", listener)`. */
const namesIn = (cell: string) =>
  Array.from(cell.matchAll(/`(?:mesh\.(\w+)[^`]*|[\w.]+\(\{ (\w+) \}\))`/g), ([, member, option]) => member ?? option)

describe("the names of PeerPigeon's document", () => {
  it("are all in the table, and nothing else is", () => {
    const plain = rows.map(([name = ""]) => name.replaceAll("`", ""))
    assert.sameMembers(plain, Object.keys(walks))
  })

  it.live("lead to the same by all three ways", () =>
    Effect.gen(function*() {
      const hub = yield* Hub
      const options = { hubs: hub.url, ...chosen }
      const context = yield* Layer.build(Mesh.layer(options).pipe(Layer.provide(Layer.fresh(Node.layer))))
      const at: Place = {
        effect: Context.get(context, Mesh),
        promise: yield* Effect.acquireRelease(
          Effect.promise(() => createMesh(options)),
          (client) => Effect.promise(() => client.close())
        ),
        json: yield* peer(hub.url, "gaming", "--no-fallback", "--min-peers", "2", "--max-peers", "3")
      }
      yield* at.effect.join
      yield* Effect.promise(() => at.promise.join())
      for (const peerId of [at.effect.peerId, at.promise.peerId]) {
        yield* at.json.event("peerConnected", (event) => event.peerId === peerId)
      }

      const help = yield* homing(["peer", "--help"])
      yield* help.exit
      for (const [name = "", withEffect = "", withPromises = "", withJson = ""] of rows) {
        for (const member of namesIn(withEffect)) {
          assert(member !== undefined && (member in at.effect || member in chosen), `${member} of ${name}`)
        }
        for (const member of namesIn(withPromises)) {
          assert(member !== undefined && (member in at.promise || member in chosen), `${member} of ${name}`)
        }
        const [, flag] = /`--(?:no-)?([\w-]+)`/.exec(withJson) ?? []
        if (flag !== undefined) assert(help.lines.entries.some((line) => line.includes(`--${flag}`)), `--${flag}`)
        const walked = walks[name.replaceAll("`", "")]
        assert(walked !== undefined)
        const seen = yield* walked.walk(at)
        for (const way of ways) assert.deepStrictEqual(seen[way], walked.expect, `${name}, ${way}`)
      }
    }).pipe(Effect.provide(Hub.layer({ port: 0 }))), 120_000)
})
