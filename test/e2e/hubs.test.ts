/** Several hubs as processes, and peers that meet across them. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as NatsServer from "../support/federation/NatsServer.ts"
import { homing, hub, linked, peer, type Process } from "../support/processes.ts"

const Hubs = Schema.fromJsonString(Schema.Struct({
  totalHubs: Schema.Natural,
  hubs: Schema.Array(
    Schema.Struct({
      peerId: Schema.optionalKey(Schema.String),
      connection: Schema.String,
      problem: Schema.optionalKey(Schema.String)
    })
  )
}))
const decodeHubs = Schema.decodeUnknownSync(Hubs)

const ask = (url: string, path: string) =>
  Effect.promise(() => fetch(`${url.replace("ws:", "http:")}${path}`).then((response) => response.text()))

const hubsOf = (url: string) => Effect.map(ask(url, "/hubs"), decodeHubs)

/** Asks until the answer is right. */
const until = Effect.fnUntraced(function*(what: string, test: Effect.Effect<boolean>, seconds = 60) {
  const start = yield* Clock.currentTimeMillis
  while (!(yield* test)) {
    assert.isBelow((yield* Clock.currentTimeMillis) - start, seconds * 1000, what)
    yield* Effect.sleep("200 millis")
  }
})

const knows = (url: string, count: number) =>
  until(`${url} knows ${count} hubs`, Effect.map(hubsOf(url), ({ totalHubs }) => totalHubs === count))

const overWebRtc = (url: string, count: number) =>
  until(
    `${url} is linked over WebRTC`,
    Effect.map(hubsOf(url), ({ hubs }) => hubs.filter(({ connection }) => connection === "webrtc").length === count)
  )

/** Ends a process as `kill -9` does, and waits until it is gone. */
const kill = (process: Process) => Effect.andThen(Effect.sync(() => process.kill("SIGKILL")), process.exit)

describe("hubs as processes", () => {
  it.live("go on introducing peers once they are linked over WebRTC", () =>
    Effect.gen(function*() {
      const one = yield* hub(0, {}, "--mesh-migration-delay", "1s")
      const two = yield* hub(0, {}, "--bootstrap", one.url, "--mesh-migration-delay", "1s")
      const three = yield* hub(0, {}, "--bootstrap", `${one.url},${two.url}`, "--mesh-migration-delay", "1s")
      yield* Effect.forEach([one, two, three], ({ url }) => overWebRtc(url, 2))
      // Time for all sockets but the lifelines to go.
      yield* Effect.sleep("4 seconds")
      const ada = yield* peer(one.url, "chess")
      const bob = yield* peer(two.url, "chess")
      const cyd = yield* peer(three.url, "chess")
      yield* linked([ada, bob, cyd])
      const reply = yield* ada.ask({ op: "send", to: cyd.peerId, content: "across hubs" })
      assert.isTrue(reply.ok)
      yield* cyd.event("message", ({ content, from }) => content === "across hubs" && from === ada.peerId)
    }), 120_000)

  it.live(
    "are one hub to their peers, five in a chain, when one is killed and comes back",
    () =>
      Effect.gen(function*() {
        const first = yield* hub()
        const hubs = [first]
        let last = first
        for (let count = 1; count < 5; count++) {
          last = yield* hub(0, {}, "--bootstrap", last.url)
          hubs.push(last)
        }
        yield* Effect.forEach(hubs, ({ url }) => knows(url, 4), { concurrency: "unbounded" })
        const peers = yield* Effect.forEach(hubs, ({ url }) => peer(url, "chess"))
        yield* linked(peers)

        const [, , middle] = hubs
        if (middle === undefined) throw new Error("there are five hubs")
        yield* kill(middle)
        yield* Effect.forEach(
          hubs.filter((each) => each !== middle),
          ({ url }) => until(`${url} has forgotten it`, Effect.map(hubsOf(url), ({ totalHubs }) => totalHubs === 3), 20)
        )
        // On both sides of where it was.
        const [left, right] = [yield* peer(first.url, "draughts"), yield* peer(last.url, "draughts")]
        yield* linked([left, right])

        const again = yield* hub(middle.port, {}, "--bootstrap", first.url)
        yield* knows(again.url, 4)
        const newcomer = yield* peer(again.url, "draughts")
        yield* linked([left, right, newcomer])
      }),
    240_000
  )

  it.live("run as a whole network with one command, and end with one Ctrl-C", () =>
    Effect.gen(function*() {
      const network = yield* homing(["hub-network", "--count", "3", "--start-port", "0"])
      yield* network.lines.first("the network", (line): line is string => line.includes("3 hubs"))
      yield* network.lines.first("links over WebRTC", (line): line is string =>
        (line.match(/══/g) ?? []).length === 2 && !line.includes("WebRTC"))
      const urls = network.lines.entries.flatMap((line) =>
        line.match(/ws:\/\/\S+/) ?? []
      )
      assert.strictEqual(urls.length, 3)
      const [ada, bob] = [yield* peer(urls[1] ?? "", "chess"), yield* peer(urls[2] ?? "", "chess")]
      yield* linked([ada, bob])
      network.kill("SIGINT")
      assert.strictEqual(yield* network.exit, 0)
    }), 120_000)

  it.live("do not connect with a signaling server, which serves peers alone", () =>
    Effect.gen(function*() {
      const server = yield* homing(["server", "--port", "0", "--hub-mesh-namespace", "dev-mesh"])
      const line = yield* server.lines.first("it listens", (line): line is string => line.includes(" listens at "))
      const url = line.split(" listens at ")[1] ?? ""
      yield* server.lines.first("its namespace", (line): line is string => line.includes("namespace dev-mesh"))
      const one = yield* hub(0, {}, "--bootstrap", url, "--hub-mesh-namespace", "dev-mesh")
      yield* until(
        "it says why",
        Effect.map(hubsOf(one.url), ({ hubs }) => hubs.some(({ problem }) => problem?.includes("not a hub") === true))
      )
      const [ada, bob] = [yield* peer(url, "chess"), yield* peer(url, "chess")]
      yield* linked([ada, bob])
      server.kill("SIGTERM")
      assert.strictEqual(yield* server.exit, 0)
    }), 120_000)

  it.live.skipIf(NatsServer.program === undefined)(
    "are one over NATS, which may be restarted",
    () =>
      Effect.gen(function*() {
        const port = yield* NatsServer.freePort
        const server = yield* Scope.fork(yield* Effect.scope)
        yield* Scope.provide(NatsServer.serve(port), server)
        const one = yield* hub(0, {}, "--nats", `nats://127.0.0.1:${port}`)
        const two = yield* hub(0, {}, "--nats", `nats://127.0.0.1:${port}`)
        yield* Effect.forEach([one, two], ({ url }) => knows(url, 1))
        yield* Scope.close(server, Exit.void)
        yield* until(
          "it says that it is degraded",
          Effect.map(ask(one.url, "/health"), (text) => text.includes("\"status\":\"degraded\""))
        )
        yield* NatsServer.serve(port)
        yield* Effect.forEach([one, two], ({ url }) => knows(url, 1))
        const [ada, bob] = [yield* peer(one.url, "chess"), yield* peer(two.url, "chess")]
        yield* linked([ada, bob])
      }),
    120_000
  )
})
