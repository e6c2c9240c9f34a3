import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Hub } from "../../src/hub/Hub.ts"
import { createMesh } from "../../src/runtime/promise/node.ts"

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
      assert.strictEqual((await ada.status()).state, "idle")
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
      assert.deepInclude(await mesh.status(), { allowGlobalFallback: false, isInFallbackMode: false })
    })
  )
})
