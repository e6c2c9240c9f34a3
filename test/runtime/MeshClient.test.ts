import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Hub } from "../../src/hub/Hub.ts"
import { type ClientOptions, createMesh, type MeshClient, type MeshStore } from "../../src/runtime/promise/node.ts"
import { profiles } from "../support/configuration.ts"

/** Runs a test beside a hub. */
const withHub = (test: (url: string) => Promise<void>) => () =>
  Effect.runPromise(
    Effect.flatMap(Hub, (hub) => Effect.promise(() => test(hub.url))).pipe(Effect.provide(Hub.layer({ port: 0 })))
  )

/** The error that a promise rejects with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => assert.fail("it should have been refused"), (error: unknown) => error)

describe("the promise API", () => {
  it(
    "joins, talks, tells its listeners and leaves",
    withHub(async (url) => {
      await using ada = await createMesh({ hubs: url, networkName: "gaming" })
      await using bob = await createMesh({ hubs: url, networkName: "gaming" })
      const heard = new Promise<unknown>((resolve) => bob.on("message", resolve))
      const linked = new Promise<string>((resolve) => ada.on("peerConnected", ({ peerId }) => resolve(peerId)))
      await ada.join()
      await bob.join()
      assert.strictEqual(await linked, bob.peerId)
      await ada.send(bob.peerId, { hello: "bob" })
      assert.deepInclude(await heard, { kind: "direct", from: ada.peerId, content: { hello: "bob" } })
      assert.lengthOf(await ada.peers(), 1)
      await ada.leave()
      assert.strictEqual((await ada.getStatus()).state, "idle")
    })
  )

  it(
    "opens streams, to be written and read as the web does, and closes them at both ends",
    withHub(async (url) => {
      await using ada = await createMesh({ hubs: url, networkName: "streams" })
      await using bob = await createMesh({ hubs: url, networkName: "streams" })
      await ada.join()
      await bob.join()
      assert.deepInclude(await rejection(ada.openStream(bob.peerId)), { _tag: "StreamRefused", declined: true })
      assert.deepInclude(await rejection(ada.openStream("bob")), { _tag: "InvalidInput" })
      const stop = bob.onStream(async (request) => {
        if (request.name === "none") return request.refuse("none of that")
        const { readable, writable } = await request.accept()
        return readable.pipeTo(writable)
      })
      const refused = await rejection(ada.openStream(bob.peerId, { name: "none" }))
      assert.deepInclude(refused, { _tag: "StreamRefused", declined: true, problem: "none of that" })
      // More than the windows of both directions together, so that both ends must read as they write.
      const bytes = Uint8Array.from({ length: 3_000_000 }, (_, at) => at % 251)
      const { readable, writable } = await ada.openStream(bob.peerId, { name: "echo" })
      const [, echo] = await Promise.all([
        new Blob([bytes]).stream().pipeTo(writable),
        new Response(readable).arrayBuffer()
      ])
      assert.deepStrictEqual(new Uint8Array(echo), bytes)
      const cut = await ada.openStream(bob.peerId, { name: "echo" })
      const writer = cut.writable.getWriter()
      await writer.write(Uint8Array.of(1))
      await cut.readable.cancel("enough")
      assert.deepInclude(await rejection(writer.write(Uint8Array.of(2))), { _tag: "StreamLost" })
      stop()
      assert.deepInclude(await rejection(ada.openStream(bob.peerId)), { _tag: "StreamRefused" })
    })
  )

  it(
    "sends a file into a directory, and gives one up when it is told to",
    withHub(async (url) => {
      const directory = mkdtempSync(join(tmpdir(), "homing-client-"))
      try {
        await using ada = await createMesh({ hubs: url, networkName: "files" })
        await using bob = await createMesh({ hubs: url, networkName: "files" })
        await ada.join()
        await bob.join()
        const path = join(directory, "a.txt")
        writeFileSync(path, "what is in it")
        const received = new Promise<string>((resolve) =>
          bob.onFile((offer) => {
            if (offer.size < 1000) offer.accept(directory).then(({ saved }) => resolve(saved), assert.fail)
          })
        )
        assert.deepInclude(await ada.sendFile(bob.peerId, path), { name: "a.txt", size: 13, links: 1 })
        assert.strictEqual(await received, join(directory, "a (1).txt"))
        assert.strictEqual(readFileSync(await received, "utf8"), "what is in it")
        assert.deepInclude(await rejection(ada.sendFile(bob.peerId, join(directory, "b"))), { _tag: "FileUnusable" })
        await rejection(
          ada.sendFile(bob.peerId, new Blob([new Uint8Array(2000)]), { signal: AbortSignal.timeout(100) })
        )
      } finally {
        rmSync(directory, { recursive: true })
      }
    })
  )

  it(
    "asks, answers and publishes on channels",
    withHub(async (url) => {
      await using ada = await createMesh({ hubs: url, networkName: "gaming" })
      await using bob = await createMesh({ hubs: url, networkName: "gaming" })
      const linked = new Promise<unknown>((resolve) => ada.on("peerConnected", resolve))
      await ada.join()
      await bob.join()
      await linked
      const stop = bob.answer(async ({ from }) => ({ you: "asked", from }))
      assert.deepStrictEqual(await ada.ask(bob.peerId, 7), { you: "asked", from: ada.peerId })
      stop()
      assert.deepInclude(await rejection(ada.ask(bob.peerId, 8)), { _tag: "NoAnswer" })
      const [mine, theirs] = [
        await ada.channel("dates", Schema.DateFromString),
        await bob.channel("dates", Schema.Date)
      ]
      const heard = new Promise<unknown>((resolve) => theirs.on(resolve))
      assert.strictEqual((await mine.publish(new Date(0))).neighbours, 1)
      assert.deepInclude(await heard, { _tag: "Post", from: ada.peerId, value: new Date(0) })
    })
  )

  it(
    "keeps records with others, and tells their changes",
    withHub(async (url) => {
      await using ada = await createMesh({ hubs: url, networkName: "gaming" })
      await using bob = await createMesh({ hubs: url, networkName: "gaming" })
      const linked = new Promise((resolve) => ada.on("peerConnected", resolve))
      await ada.join()
      await bob.join()
      await linked
      const heard: Array<unknown> = []
      let told = () => {}
      const listener = ({ record }: { readonly record?: { readonly value: unknown } }) => {
        heard.push(record?.value)
        told()
      }
      const next = () => new Promise<void>((resolve) => (told = resolve))
      assert.deepInclude(await ada.dhtPut("k", 1), { version: 1, holders: 2 })
      assert.deepNestedInclude(await bob.dhtGet("k"), { value: 1, writer: ada.peerId })
      assert.isUndefined(await bob.dhtGet("absent"))
      assert.isUndefined(await bob.dhtGet("k", { signedBy: ada.peerId }))
      assert.deepInclude(await rejection(bob.dhtGet("k", { signedBy: "ada" })), {
        _tag: "InvalidInput",
        field: "signedBy"
      })
      await ada.dhtPut(ada.dhtOwnKey("profile"), "Ada")
      assert.deepNestedInclude(await bob.dhtGet(`@${ada.peerId}/profile`, { signedBy: ada.peerId }), {
        value: "Ada",
        signedBy: ada.peerId
      })
      await bob.dhtPut("signed", 1, { signed: true })
      assert.deepNestedInclude(await ada.dhtGet("signed"), { signedBy: bob.peerId })
      const first = next()
      await bob.dhtSubscribe("k", listener)
      await first
      const second = next()
      await ada.dhtUpdate("k", (found) => (typeof found?.value === "number" ? found.value : 0) + 1)
      await second
      assert.deepStrictEqual(heard, [1, 2])
      await bob.dhtUnsubscribe("k")
      assert.deepInclude(await rejection(bob.dhtUpdate("k", 5, { version: 1 })), { _tag: "VersionConflict", actual: 2 })
      assert.deepInclude(await bob.dhtDelete("k"), { version: 3 })
      assert.isUndefined(await ada.dhtGet("k", { fresh: true }))
      assert.deepStrictEqual(heard, [1, 2])
      await ada.leave()
      assert.deepInclude(await rejection(ada.dhtGet("k")), { _tag: "NotJoined" })
    })
  )

  it(
    "refuses with errors that say what to do",
    withHub(async (url) => {
      await using mesh = await createMesh({ hubs: url, networkName: "gaming" })
      assert.deepInclude(await rejection(mesh.broadcast("anyone?")), { _tag: "NotJoined" })
      assert.deepInclude(await rejection(mesh.send("nobody", 1)), { _tag: "InvalidInput", field: "to" })
      assert.deepInclude(await rejection(createMesh({ hubs: "ftp://nowhere" })), {
        _tag: "InvalidInput",
        field: "hubs"
      })
      await mesh.setNetworkName("work")
      await mesh.join()
      assert.strictEqual(await mesh.getNetworkName(), "work")
      assert.strictEqual(await mesh.getOriginalNetworkName(), "work")
      assert.isFalse(await mesh.isUsingGlobalFallback())
      assert.deepInclude(await rejection(mesh.setNetworkName("gaming")), { _tag: "AlreadyJoined" })
      await mesh.setAllowGlobalFallback(false)
      assert.deepInclude(await mesh.getStatus(), { allowGlobalFallback: false, isInFallbackMode: false })
    })
  )

  it(
    "moves, and lists the hub's networks",
    withHub(async (url) => {
      await using mesh = await createMesh({ hubs: url, networkName: "gaming", allowGlobalFallback: false })
      assert.deepInclude(await rejection(mesh.moveTo("work")), { _tag: "NotJoined" })
      await mesh.join()
      await mesh.moveTo("work")
      assert.strictEqual(await mesh.getNetworkName(), "work")
      assert.deepEqual<unknown>(await mesh.networks(), [{ name: "work", present: 1, waiting: 0 }])
    })
  )

  it("remembers in a store of one's own", async () => {
    const hubs = "ws://localhost:9"
    const store = new Map<string, string>()
    const life = async (options: ClientOptions, change: (mesh: MeshClient) => Promise<void>) => {
      await using mesh = await createMesh(options)
      await change(mesh)
      const { allowGlobalFallback, networkName, peerId } = await mesh.getStatus()
      return { allowGlobalFallback, networkName, peerId }
    }
    const first = await life({ hubs, store }, async (mesh) => {
      await mesh.setNetworkName("work")
      await mesh.setAllowGlobalFallback(false)
    })
    assert.deepInclude<object>(first, { networkName: "work", allowGlobalFallback: false })
    assert.sameMembers([...store.keys()], ["homing.identity", "homing.preferences"])
    // Promises, and null for what is not there, will do as well.
    const slow: MeshStore = {
      get: (key) => Promise.resolve(store.get(key) ?? null),
      set: (key, value) => Promise.resolve(store.set(key, value))
    }
    assert.deepEqual(await life({ hubs, store: slow }, () => Promise.resolve()), first)
    const other = await life({ hubs, networkName: "gaming" }, () => Promise.resolve())
    assert.notStrictEqual(other.peerId, first.peerId)

    store.set("homing.identity", "garbled")
    assert.deepInclude(await rejection(createMesh({ hubs, store })), { _tag: "StoreUnusable", what: "identity" })
    const broken: MeshStore = { get: () => Promise.reject(new Error("no access")), set: () => undefined }
    assert.match(String(await rejection(createMesh({ hubs, store: broken }))), /it cannot be read \(no access\)/)
    assert.deepInclude(await rejection(createMesh({ hubs, store, profile: "ada" })), {
      _tag: "InvalidInput",
      field: "profile"
    })
  })

  it("remembers in a profile, which a mesh that could not be made does not keep", () =>
    Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const home = yield* profiles
      yield* Effect.promise(async () => {
        const options = { hubs: "ws://localhost:9", profile: "ada" }
        const first = await createMesh(options)
        assert.deepInclude(await rejection(createMesh(options)), { _tag: "StoreUnusable", what: "profile" })
        await first.close()
        const file = join(home, "profile-ada", "homing.identity.json")
        const kept = readFileSync(file)
        writeFileSync(file, "garbled")
        assert.deepInclude(await rejection(createMesh(options)), { _tag: "StoreUnusable", what: "identity" })
        writeFileSync(file, kept)
        await using again = await createMesh(options)
        assert.strictEqual(again.peerId, first.peerId)
      })
    }))))
})
