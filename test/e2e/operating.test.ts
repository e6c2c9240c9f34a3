/** A hub as whoever operates it sees it: a process with variables, signals and logs. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schedule, Schema } from "effect"
import { createServer } from "node:http"
import { connect, join } from "../hub/TestPeer.ts"
import { homing, hub, peer } from "../support/processes.ts"

const ada = "a".repeat(40)

const Entry = Schema.Struct({ message: Schema.String, level: Schema.String, timestamp: Schema.String })
const decodeLogs = (text: string) =>
  text.trimEnd().split("\n").map((line) => Schema.decodeUnknownSync(Schema.fromJsonString(Entry))(line))

/** A collector of OpenTelemetry that keeps what it is sent, by path. */
const collector = Effect.gen(function*() {
  const received = new Map<string, Array<string>>()
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      createServer((request, response) => {
        let body = ""
        request.setEncoding("utf8").on("data", (text: string) => void (body += text)).on("end", () => {
          const bodies = received.get(request.url ?? "") ?? []
          received.set(request.url ?? "", [...bodies, body])
          response.setHeader("content-type", "application/json").end("{}")
        })
      })
    ),
    (server) => Effect.sync(() => server.close())
  )
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
  return { url: `http://127.0.0.1:${port}`, sent: (path: string) => (received.get(path) ?? []).join("\n") }
})

describe("operating a hub", () => {
  it.live(
    "logs one JSON object a line where no person reads, from the level that is wanted",
    () =>
      Effect.gen(function*() {
        const one = yield* hub(0)
        one.kill("SIGTERM")
        assert.strictEqual(yield* one.exit, 0)
        const logs = decodeLogs(one.stderr())
        assert.deepStrictEqual(logs.map(({ level, message }) => [level, message]), [
          ["INFO", "Without a HUB_SECRET this hub admits other hubs from private addresses only"],
          ["INFO", `The hub listens at ${one.url}, on the hubs' namespace pigeonhub-mesh`],
          ["INFO", "The hub drains"]
        ])
        const quiet = yield* hub(0, { LOG_LEVEL: "warn" })
        quiet.kill("SIGTERM")
        assert.strictEqual(yield* quiet.exit, 0)
        assert.strictEqual(quiet.stderr(), "")
      }),
    60_000
  )

  it.live("names the variable that is wrong, and what it accepts", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [NodeJS.ProcessEnv, ReadonlyArray<RegExp>]> = [
        [{ PORT: "high" }, [/whole number/, /PORT/]],
        [{ PORT: "70000" }, [/a port from 0 to 65535/, /--port or PORT/]],
        [{ TURN: "turn:turn.example.org" }, [/TURN_SECRET or TURN_SECRET_FILE/]],
        [{ TURN: "turn.example.org", TURN_SECRET: "north" }, [/turn:turn\.example\.org:3478/, /--turn or TURN/]],
        [{ TURN_SECRET_FILE: "/no/such/file" }, [/TURN_SECRET_FILE: expected a file that can be read/]],
        [{ TLS_CERT: "/no/such/file", TLS_KEY: "/no/such/file" }, [/TLS_CERT/, /TLS_KEY/, /PEM/]],
        [{ MOVE_TO: "hub.example.org" }, [/wss:\/\/hub\.example\.org/, /--move-to or MOVE_TO/]],
        [{ LOG_LEVEL: "loud" }, [/LOG_LEVEL/, /trace, debug, info/]],
        [{ HOST: "256.1.1.1" }, [/localhost, or 0\.0\.0\.0 for all/, /--host or HOST/]],
        [{ HUB_MESH_NAMESPACE: "global" }, [/another name than global/, /--hub-mesh-namespace or HUB_MESH_NAMESPACE/]],
        [{ LOG_FORMAT: "xml" }, [/LOG_FORMAT/, /pretty, json, logfmt/]],
        [{ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" }, [/OTEL_EXPORTER_OTLP_ENDPOINT/, /http:\/\/localhost:4318/]]
      ]
      yield* Effect.forEach(wrong, ([env, messages]) =>
        Effect.gen(function*() {
          const process = yield* homing(["hub"], undefined, env)
          assert.strictEqual(yield* process.exit, 1, JSON.stringify(env))
          for (const message of messages) assert.match(process.stderr(), message)
          assert.notInclude(process.stderr(), "north")
          assert.deepStrictEqual(process.lines.entries, [])
        }), { concurrency: 2 })
    }), 120_000)

  it.live(
    "ends at once when it is told a second time, but not by one key press that arrives twice",
    () =>
      Effect.gen(function*() {
        const one = yield* hub()
        yield* join(one.url, ada, "red")
        one.kill("SIGINT")
        yield* one.lines.first("the farewell", (line): line is string => line.startsWith("Sending a peer away."))
        yield* Effect.sleep("700 millis")
        const before = yield* Clock.currentTimeMillis
        one.kill("SIGINT")
        assert.strictEqual(yield* one.exit, 130)
        assert.isBelow((yield* Clock.currentTimeMillis) - before, 500)

        const two = yield* hub()
        const guest = yield* join(two.url, ada, "red")
        two.kill("SIGINT")
        two.kill("SIGINT")
        assert.strictEqual(yield* two.exit, 0)
        assert.strictEqual((yield* guest.closed).code, 1001)
      }),
    60_000
  )

  it.live("is told so by peers as well, who would wait for whoever reads them", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const loud = yield* peer(url, "stuck")
      const stuck = yield* homing(["peer", "--json", "--hub", url, "--network", "stuck"])
      const { peerId } = yield* loud.event("peerConnected")
      stuck.child.stdout?.pause()
      yield* loud.ask({ op: "send", to: peerId, content: "x".repeat(4 * 1024 * 1024) })
      const exit = yield* Effect.callback<number | null>((resume) => {
        stuck.child.once("exit", (code) => resume(Effect.succeed(code)))
      }).pipe(Effect.forkChild({ startImmediately: true }))
      // Two that come while it is busy are heard at the same moment, like one key press.
      yield* Effect.sync(() => stuck.kill("SIGINT")).pipe(
        Effect.repeat(Schedule.spaced("700 millis")),
        Effect.forkChild({ startImmediately: true })
      )
      assert.strictEqual(yield* Fiber.join(exit).pipe(Effect.timeout("15 seconds")), 130)
    }), 60_000)

  it.live("sends its peers to the hub that it is told", () =>
    Effect.gen(function*() {
      const other = yield* hub()
      const one = yield* hub(0, { MOVE_TO: other.url })
      const guest = yield* peer(one.url, "guests")
      one.kill("SIGTERM")
      assert.strictEqual(yield* one.exit.pipe(Effect.timeout("5 seconds")), 0)
      yield* guest.event("statusChanged", ({ message }) => message.includes(other.url))
      const { text } = yield* Effect.promise(async () => ({
        text: await (await fetch(`${other.url.replace("ws", "http")}/networks`)).text()
      }))
      assert.include(text, "guests")
    }), 60_000)

  it.live("tells a collector of OpenTelemetry what it does, when a variable names one", () =>
    Effect.gen(function*() {
      const { sent, url } = yield* collector
      const one = yield* hub(0, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })
      yield* Effect.scoped(connect(one.url, ada).pipe(Effect.flatMap((peer) => peer.until("connected"))))
      yield* Effect.promise(() => fetch(`${one.url.replace("ws", "http")}/health`))
      one.kill("SIGTERM")
      assert.strictEqual(yield* one.exit, 0)
      assert.include(sent("/v1/traces"), "Hub.admit")
      assert.include(sent("/v1/traces"), "/health")
      assert.include(sent("/v1/traces"), "\"homing-hub\"")
      assert.include(sent("/v1/metrics"), "homing_hub_connections")
      assert.include(sent("/v1/logs"), "The hub listens at")
    }), 60_000)
})
