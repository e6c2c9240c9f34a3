/**
 * PeerPigeon itself, version 1.1.3, in a browser: its own code meets ours. It comes from the registry once, into a cache of the
 * checkout; where there is none to be had, its double in `pigeon.ts` has to do.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { PeerId } from "../../src/domain/PeerId.ts"
import { Hub } from "../../src/hub/Hub.ts"
import { Mesh } from "../../src/runtime/Mesh.ts"
import * as Node from "../../src/runtime/node.ts"
import { Chromium, unavailable } from "./Chromium.ts"

const version = "1.1.3"
/** Of its tarball, as the registry says. */
const sha512 = "gTytjQ+e9+gLvKqQGZcsBGK2TxFbzNxmAIxYCgwPjpW8l4eMDkjt64gV0ZetoSB2I338hhrN8R9exRiLboyqyA=="
const cache = resolve(`node_modules/.cache/peerpigeon-${version}`)
const bundle = join(cache, "package/dist/peerpigeon-browser.js")

/** Its bundle for browsers, if it can be had. */
const obtain = (): string | undefined => {
  try {
    if (!existsSync(bundle)) {
      mkdirSync(cache, { recursive: true })
      execFileSync("npm", ["pack", `peerpigeon@${version}`, "--silent"], {
        cwd: cache,
        timeout: 60_000,
        stdio: "ignore"
      })
      const name = `peerpigeon-${version}.tgz`
      const found = createHash("sha512").update(readFileSync(join(cache, name))).digest("base64")
      if (found !== sha512) throw new Error("the registry's PeerPigeon is another")
      execFileSync("tar", ["xzf", name], { cwd: cache, stdio: "ignore" })
    }
    return readFileSync(bundle, "utf8")
  } catch {
    return undefined
  }
}

const source = unavailable === undefined ? obtain() : undefined

/** A peer on Node that is in the network. */
const nodePeer = Effect.fnUntraced(function*(networkName: string) {
  const hub = yield* Hub
  const context = yield* Layer.build(
    Layer.fresh(Mesh.layer({ hubs: hub.url, networkName }).pipe(Layer.provide(Node.layer)))
  )
  const mesh = Context.get(context, Mesh)
  yield* mesh.join
  return mesh
})

/** Retries for a while: nobody at its side says when something has arrived. */
const eventually = <A, E>(effect: Effect.Effect<A, E>, holds: (value: A) => boolean) =>
  Effect.gen(function*() {
    while (true) {
      const value = yield* effect
      if (holds(value)) return value
      yield* Effect.sleep("200 millis")
    }
  }).pipe(Effect.timeout("30 seconds"))

describe.skipIf(source === undefined)("PeerPigeon's own peer", () => {
  layer(Layer.merge(Hub.layer({ port: 0 }), Chromium.layer), { timeout: "90 seconds", excludeTestServices: true })(
    (it) => {
      it.effect("hears and is heard, directly too, stores for us and finds what we put", () =>
        Effect.gen(function*() {
          const hub = yield* Hub
          const chromium = yield* Chromium
          const [one, other] = [yield* nodePeer("coop"), yield* nodePeer("coop")]
          const heard: Array<string> = []
          yield* one.events.pipe(
            Stream.runForEach((event) =>
              Effect.sync(() =>
                event._tag === "Message" ? void heard.push(`${event.kind}: ${event.content}`) : undefined
              )
            ),
            Effect.forkScoped({ startImmediately: true })
          )
          const page = yield* chromium.page(`${hub.url.replace("ws:", "http:")}/health`)
          yield* Effect.promise(() => page.evaluate(source ?? ""))
          const run = <A>(code: string) => Effect.promise(() => page.evaluate<A>(code))
          const id = PeerId.make(
            yield* run<string>(`(async () => {
            const mesh = new PeerPigeon.PeerPigeonMesh({ networkName: "coop", enableWebDHT: true, enableCrypto: false })
            window.mesh = mesh
            window.heard = []
            mesh.addEventListener("messageReceived", ({ from, content, direct }) =>
              from !== mesh.peerId && window.heard.push([direct === true, content]))
            await mesh.init()
            await mesh.connect(${JSON.stringify(hub.url)})
            return mesh.peerId
          })()`)
          )
          yield* eventually(run<number>("mesh.getConnectedPeerCount()"), (count) => count === 2)

          yield* run(`mesh.sendMessage("coo")`)
          yield* run(`mesh.sendDirectMessage(${JSON.stringify(one.peerId)}, "coo, you")`)
          yield* eventually(Effect.sync(() => heard), ({ length }) => length === 2)
          assert.sameMembers(heard, ["broadcast: coo", "direct: coo, you"])

          yield* other.broadcast("grain")
          yield* other.send(id, { food: "grain, for you" })
          const theirs = yield* eventually(run<ReadonlyArray<unknown>>("heard"), ({ length }) => length === 2)
          assert.sameDeepMembers([...theirs], [[false, "grain"], [true, { food: "grain, for you" }]])

          yield* other.dht.put("grain", { corns: 3 })
          assert.deepStrictEqual(yield* run<unknown>(`mesh.dhtGet("grain")`), { corns: 3 })
          yield* run(`mesh.dhtPut("nest", { straw: true })`)
          const nest = yield* eventually(one.dht.get("nest"), Option.isSome)
          assert.deepStrictEqual<unknown>(Option.getOrThrow(nest).value, { straw: true })
        }).pipe(Effect.scoped), 90_000)
    }
  )
})

if (source === undefined) it.skip("PeerPigeon's own peer: no browser, or no registry to have it from")
