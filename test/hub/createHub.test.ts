import { assert, describe, it } from "@effect/vitest"
import { createHub } from "../../src/hub/createHub.ts"

const rejection = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error)

const thrown = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe("createHub", () => {
  it("makes a hub that is started and stopped, again and again", async () => {
    const hub = createHub({ port: 0, isHub: true, hubMeshNamespace: "production-hub-mesh", hubMeshMaxPeers: 0 })
    assert.strictEqual(hub.hubMeshNamespace, "production-hub-mesh")
    assert.isUndefined(await hub.getStats())
    for (let life = 0; life < 2; life++) {
      const { url } = await hub.start()
      assert.deepStrictEqual((await hub.start()).url, url)
      const health = await (await fetch(`${url.replace("ws:", "http:")}/health`)).text()
      assert.include(health, `"isHub":true`)
      assert.deepInclude(await hub.getStats(), {
        url,
        isHub: true,
        peers: 0,
        hubs: [],
        hubMeshNamespace: "production-hub-mesh"
      })
      await hub.stop()
      assert.isDefined(await rejection(fetch(url.replace("ws:", "http:"))))
    }
    await hub.stop()
  })

  it("starts again at its port once nothing is left of it, whoever waits for that", async () => {
    const any = createHub({ port: 0 })
    const { port } = await any.start()
    await any.stop()
    const hub = createHub({ port })
    const first = await hub.start()
    const stopping = hub.stop()
    const [second] = await Promise.all([hub.start(), stopping])
    assert.deepStrictEqual(second, first)
    let stopped = false
    const one = hub.stop().then(() => void (stopped = true))
    await hub.stop()
    await Promise.resolve()
    assert.isTrue(stopped)
    await one
  })

  it("lets the namespace be chosen, but not while it runs", async () => {
    const hub = createHub({ port: 0, hubMeshMaxPeers: 0 })
    assert.strictEqual(hub.getHubMeshNamespace(), "pigeonhub-mesh")
    hub.setHubMeshNamespace("staging")
    assert.strictEqual(hub.getHubMeshNamespace(), "staging")
    await hub.start()
    assert.deepInclude(thrown(() => hub.setHubMeshNamespace("production")), { _tag: "AlreadyRunning" })
    assert.strictEqual((await hub.getStats())?.hubMeshNamespace, "staging")
    await hub.stop()
    hub.setHubMeshNamespace("production")
    assert.strictEqual(hub.hubMeshNamespace, "production")
    assert.deepInclude(thrown(() => hub.setHubMeshNamespace("No Name")), { _tag: "InvalidInput" })
    assert.strictEqual(hub.hubMeshNamespace, "production")
  })

  it("says what is wrong with its options, and that it cannot listen", async () => {
    assert.deepInclude(thrown(() => createHub({ bootstrapHubs: ["ftp://example.org"] })), { _tag: "InvalidInput" })
    const hub = createHub({ host: "no such host" })
    assert.deepInclude(await rejection(hub.start()), { _tag: "HubCannotListen" })
    assert.isUndefined(await hub.getStats())
  })
})
