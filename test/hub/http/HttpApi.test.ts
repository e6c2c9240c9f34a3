import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Hub } from "../../../src/hub/Hub.ts"
import { sampling } from "../../../src/hub/Metrics.ts"
import type { HubOptions } from "../../../src/hub/Options.ts"
import { ada, bob, connect, decodeJson, join, rawTcp } from "../TestPeer.ts"

/** A hub, and a way to ask it over HTTP with a path as it is. */
const start = Effect.fnUntraced(function*(options: HubOptions = {}) {
  const hub = Context.get(yield* Layer.build(Hub.layer({ port: 0, ...options })), Hub)
  const ask = (path: string, init: RequestInit = {}) =>
    Effect.promise(async () => {
      const response = await fetch(`http://localhost:${hub.port}${path}`, { redirect: "manual", ...init })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })
  return { ...hub, ask }
})

const site = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const root = yield* files.makeTempDirectoryScoped()
  yield* files.makeDirectory(`${root}/page/lib`, { recursive: true })
  yield* files.writeFileString(`${root}/page/index.html`, "<h1>Hello</h1>")
  yield* files.writeFileString(`${root}/page/lib/app.js`, "let x")
  yield* files.writeFileString(`${root}/secret.txt`, "secret")
  return `${root}/page`
}).pipe(Effect.provide(NodeFileSystem.layer))

describe("HTTP", () => {
  it.effect("tells its health with the fields that PeerPigeon tells", () =>
    Effect.gen(function*() {
      const { ask, url } = yield* start()
      yield* join(url, ada, "red", "blue")
      const { headers, status, text } = yield* ask("/health")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("access-control-allow-origin"), "*")
      const { memory, ...health } = decodeJson(text)
      assert.deepStrictEqual(health, {
        status: "healthy",
        live: true,
        ready: true,
        timestamp: "1970-01-01T00:00:00.000Z",
        uptime: 0,
        isHub: false,
        connections: 1,
        peers: 1,
        hubs: 0,
        networks: 2
      })
      assert.containsAllKeys(memory, ["rss", "heapTotal", "heapUsed", "external"])
    }))

  it.effect("tells life from readiness while it drains", () =>
    Effect.gen(function*() {
      const { ask, drain, url } = yield* start()
      const a = yield* join(url, ada, "red")
      assert.deepStrictEqual(decodeJson((yield* ask("/health/ready")).text), { ready: true })
      const draining = yield* Effect.forkChild(drain, { startImmediately: true })
      const ready = yield* ask("/health/ready")
      assert.strictEqual(ready.status, 503)
      assert.deepStrictEqual(decodeJson(ready.text), { ready: false, problem: "the hub is about to stop" })
      const live = yield* ask("/health/live")
      assert.deepStrictEqual([live.status, live.text], [200, JSON.stringify({ live: true })])
      const health = yield* ask("/health")
      assert.strictEqual(health.status, 200)
      assert.deepInclude(decodeJson(health.text), { status: "draining", live: true, ready: false })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(draining)
      yield* a.closed
    }))

  it.effect("shows its numbers to Prometheus, those of this hub alone", () =>
    Effect.gen(function*() {
      const { ask, url } = yield* start()
      const other = yield* start()
      assert.include((yield* other.ask("/metrics")).text, "homing_hub_handling_seconds_count 0")
      yield* join(other.url, bob, "red")
      const a = yield* join(url, ada, "red", "blue")
      for (let n = 0; n < sampling; n++) {
        yield* a.send({ type: "offer", data: {}, targetPeerId: bob, networkName: "red" })
      }
      yield* a.drain
      yield* Effect.flatMap(connect(url, "nobody"), ({ closed }) => closed)
      const { headers, text } = yield* ask("/metrics")
      assert.strictEqual(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
      const value = (series: string) => text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ")[1]
      assert.strictEqual(value("homing_hub_peers"), "1")
      assert.strictEqual(value("homing_hub_networks"), "2")
      assert.strictEqual(value("homing_hub_refused_total{reason=\"nobody-there\"}"), String(sampling))
      assert.strictEqual(value("homing_hub_refused_total{reason=\"invalid-peer-id\"}"), "1")
      assert.strictEqual(value("homing_hub_refused_total{reason=\"malformed\"}"), "0")
      assert.strictEqual(value("homing_hub_relayed_total"), "0")
      assert.strictEqual(value("homing_hub_handling_seconds_count"), "1")
      assert.strictEqual(value("homing_hub_admission_seconds_bucket{le=\"+Inf\"}"), "1")
      assert.strictEqual(value("homing_hub_degraded"), "0")
      assert.isAbove(Number(value("process_resident_memory_bytes")), 1e6)
      for (const line of text.trimEnd().split("\n")) {
        assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+\w.]+)$/)
      }
    }))

  it.effect("describes all of it in OpenAPI, and on a page that needs no other server", () =>
    Effect.gen(function*() {
      const { ask } = yield* start()
      const { openapi, paths } = decodeJson((yield* ask("/openapi.json")).text)
      assert.match(String(openapi), /^3\.1/)
      assert.hasAllKeys(paths, ["/health", "/health/live", "/health/ready", "/hubs", "/networks", "/metrics"])
      const docs = yield* ask("/docs")
      assert.strictEqual(docs.status, 200)
      assert.include(docs.headers.get("content-type"), "text/html")
      assert.include(docs.text, "Homing hub")
      assert.notMatch(docs.text, /<script[^>]+src="http/)
      assert.include(docs.text, "\"withDefaultFonts\":false")
      assert.include(docs.headers.get("content-security-policy"), "default-src 'none'")
      assert.strictEqual(docs.headers.get("content-encoding"), "gzip")
      const plain = yield* ask("/docs", { headers: { "accept-encoding": "identity" } })
      assert.strictEqual(plain.headers.get("content-encoding"), null)
      assert.strictEqual(plain.text, docs.text)
      assert.strictEqual((yield* ask("/docs")).text, docs.text)
    }))

  it.effect("is only read, and what is said of now is not kept", () =>
    Effect.gen(function*() {
      const { ask } = yield* start({ assets: yield* site })
      for (const path of ["/health", "/", "/metrics", "/nothing"]) {
        for (const method of ["POST", "PUT", "DELETE"]) {
          const { headers, status } = yield* ask(path, { method })
          assert.deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD, OPTIONS"])
        }
      }
      for (const path of ["/health", "/health/ready", "/hubs", "/networks", "/metrics"]) {
        assert.strictEqual((yield* ask(path)).headers.get("cache-control"), "no-store", path)
        const head = yield* ask(path, { method: "HEAD" })
        assert.deepStrictEqual([head.status, head.text], [200, ""])
      }
      assert.strictEqual((yield* ask("/")).headers.get("cache-control"), null)
    }))

  it.effect("knows no other hubs", () =>
    Effect.gen(function*() {
      const hubId = "9".repeat(40)
      const { ask } = yield* start({ hubId, hubMeshNamespace: "production" })
      assert.deepStrictEqual(decodeJson((yield* ask("/hubs")).text), {
        timestamp: "1970-01-01T00:00:00.000Z",
        hubMeshNamespace: "production",
        hubId,
        totalHubs: 0,
        hubs: []
      })
    }))

  it.effect("lists the networks, most members first, without those that hide", () =>
    Effect.gen(function*() {
      const { ask, url } = yield* start({ corsOrigin: "https://example.org" })
      const a = yield* join(url, ada, "red", "blue")
      yield* a.announce("secret", { discoverable: false })
      yield* a.drain
      const b = yield* join(url, bob, "blue", "global")
      yield* b.send({ type: "watch", networkName: "red", data: { waiting: true } })
      yield* b.drain
      const { headers, text } = yield* ask("/networks")
      assert.strictEqual(headers.get("access-control-allow-origin"), "https://example.org")
      assert.include(headers.get("content-type"), "application/json")
      assert.deepStrictEqual(decodeJson(text), {
        timestamp: "1970-01-01T00:00:00.000Z",
        totalNetworks: 3,
        networks: [
          { name: "blue", present: 2, waiting: 0 },
          { name: "red", present: 1, waiting: 1 },
          { name: "global", present: 1, waiting: 0 }
        ]
      })
    }))

  it.effect("allows other origins, the chosen one only", () =>
    Effect.gen(function*() {
      const { ask } = yield* start({ corsOrigin: "https://example.org" })
      for (const path of ["/", "/health", "/anything"]) {
        const { headers, status } = yield* ask(path, { method: "OPTIONS" })
        assert.strictEqual(status, 200)
        assert.strictEqual(headers.get("access-control-allow-origin"), "https://example.org")
        assert.strictEqual(headers.get("access-control-allow-methods"), "GET, POST, OPTIONS")
        assert.strictEqual(headers.get("access-control-allow-headers"), "Content-Type, Authorization")
      }
      assert.strictEqual((yield* ask("/nothing")).headers.get("access-control-allow-origin"), "https://example.org")
    }))

  it.effect.each<HubOptions>([{}, { assets: "/no/such/directory" }])(
    "says what it is without a page (%j)",
    (options) =>
      Effect.gen(function*() {
        const { ask } = yield* start(options)
        const { status, text } = yield* ask("/")
        assert.strictEqual(status, 200)
        assert.include(text, "Homing hub")
        assert.strictEqual((yield* ask("/app.js")).status, 404)
      })
  )

  it.effect("serves the files of a directory and nothing above it", () =>
    Effect.gen(function*() {
      const { ask, port } = yield* start({ assets: yield* site })
      const index = yield* ask("/")
      assert.strictEqual(index.text, "<h1>Hello</h1>")
      assert.include(index.headers.get("content-type"), "text/html")
      const script = yield* ask("/lib/app.js?v=1")
      assert.strictEqual(script.text, "let x")
      assert.include(script.headers.get("content-type"), "javascript")
      assert.strictEqual((yield* ask("/lib/none.js")).status, 404)
      assert.strictEqual((yield* ask("/lib/")).status, 404)
      for (
        const path of [
          "/../secret.txt",
          "/%2e%2e/secret.txt",
          "/..%2fsecret.txt",
          "//../secret.txt",
          "/lib/../../secret.txt"
        ]
      ) {
        const raw = yield* rawTcp(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        yield* raw.closed
        const answer = Buffer.from(yield* raw.until((bytes) => bytes.length > 0)).toString()
        assert.match(answer, /^HTTP\/1\.1 404/)
        assert.notInclude(answer, "secret\n")
      }
    }))

  it.effect.each(["/%E0%A4%A", "/%00", "//", "/?", "/health?x=%"])(
    "survives the path %j",
    (path) =>
      Effect.gen(function*() {
        const { ask, port } = yield* start()
        const raw = yield* rawTcp(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        yield* raw.closed
        const answer = Buffer.from(yield* raw.until((bytes) => bytes.length > 0)).toString()
        assert.match(answer, /^HTTP\/1\.1 (200|400|404)/)
        assert.notInclude(answer, "    at ")
        assert.strictEqual((yield* ask("/health")).status, 200)
      })
  )
})
