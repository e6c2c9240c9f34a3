import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { homing, hub, linked, peer } from "../support/processes.ts"

const stackTrace = /^\s+at .+:\d+:\d+\)?$/m

describe("homing", () => {
  it.live("says its version, and what it can do", () =>
    Effect.gen(function*() {
      const version = yield* homing(["--version"])
      assert.strictEqual(yield* version.exit, 0)
      assert.match(version.lines.entries.join("\n"), /^homing v\d+\.\d+\.\d+$/)
      const help = yield* homing(["--help"])
      assert.strictEqual(yield* help.exit, 0)
      assert.match(
        help.lines.entries.join("\n"),
        /SUBCOMMANDS\s+hub .*\s+hub-network .*\s+networks .*\s+peer .*\s+receive .*\s+send .*\s+server /
      )
      const completions = yield* homing(["--completions", "bash"])
      assert.strictEqual(yield* completions.exit, 0)
      assert.isNotEmpty(completions.lines.entries)
    }), 60_000)

  it.live("answers wrong calls with a message, status 1 and no stack trace", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [["dance"], /dance/],
        [["hub", "--port", "high"], /--port: "high".*whole number/],
        [["hub", "--port", "70000"], /a port from 0 to 65535/],
        [["hub", "--hub-mesh-namespace", "No Name"], /hubMeshNamespace \(HUB_MESH_NAMESPACE .*lower case letters/],
        [["hub", "--bootstrap", "somewhere"], /bootstrapHubs \(BOOTSTRAP_HUBS .*ws:\/\/localhost:3000/],
        [["hub", "--hub-id", "me"], /hubId \(HUB_ID .*40 hexadecimal digits/],
        [["hub", "--nats", "http://localhost"], /natsUrl \(NATS_URL .*nats:\/\/localhost:4222/],
        [["hub", "--auto-connect", "maybe"], /--auto-connect: "maybe".*true or false/],
        [["hub-network", "--count", "0"], /1 to 64 hubs/],
        [["hub-network", "--start-port", "70000"], /a port from 0 to 65535.*START_PORT/],
        [["hub-network", "--start-port", "65534"], /--start-port or START_PORT.*a port with 3 above it/],
        [["hub", "--host", "no such host"], /no such address|cannot listen/],
        [["peer", "--colour"], /--colour/],
        [["peer", "--network", "No Spaces"], /networkName cannot be used: Expected a network name/],
        [["peer", "--hub", "ftp://example.org"], /not the address of a hub/],
        [["peer", "--min-peers", "9", "--max-peers", "3"], /9 is more than maxPeers, 3/],
        [["peer", "--ice-server", "example.org"], /stun:host:port/],
        [["peer", "--grace", "soon"], /--grace: "soon".*such as 500ms, 5s or 2m/],
        [["peer", "--health-interval", "1ms"], /--health-interval: "1ms".*a duration from 100ms to 1h/],
        [["peer", "--profile", "../ada"], /profile cannot be used: Expected a profile name/],
        [["networks", "--hub", "ws://localhost:9"], /No hub answers at ws:\/\/localhost:9/],
        [["networks", "--hub", "localhost"], /not the address of a hub/],
        [["send", "x", "--to", "bob"], /--to/],
        [["send", "no such file", "--to", "0".repeat(40)], /Cannot read "no such file"/]
      ]
      yield* Effect.forEach(wrong, ([args, message]) =>
        Effect.gen(function*() {
          const process = yield* homing(args)
          assert.strictEqual(yield* process.exit, 1, args.join(" "))
          assert.match(process.stderr(), message)
          assert.notMatch(process.stderr(), stackTrace)
          assert.deepStrictEqual(process.lines.entries, [])
        }), { concurrency: 2 })
    }), 60_000)
})

describe("homing hub", () => {
  it.live("takes the next port when its own is taken, and says so", () =>
    Effect.gen(function*() {
      const first = yield* hub()
      const second = yield* hub(first.port)
      assert.isAbove(second.port, first.port)
      yield* second.lines.first(
        "the note",
        (line): line is string => line.includes(`port ${first.port} is taken, so this hub is at port ${second.port}`)
      )
      assert.include(second.stderr(), `Port ${first.port} is taken`)
    }), 60_000)

  it.live("ends with 0 within 5 seconds of SIGTERM or SIGINT, peers or not", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(["SIGTERM", "SIGINT"] as const, (signal) =>
        Effect.gen(function*() {
          const running = yield* hub()
          const guest = yield* peer(running.url, "guests")
          running.kill(signal)
          assert.strictEqual(yield* running.exit.pipe(Effect.timeout("5 seconds")), 0)
          yield* guest.event("statusChanged", ({ message }) => message.includes("cannot be reached"))
        }))
    }), 60_000)
})

describe("homing peer", () => {
  it.live("says why it cannot join, to people and to programs", () =>
    Effect.gen(function*() {
      const lonely = yield* homing(["peer", "--json", "--hub", "ws://localhost:9"])
      assert.strictEqual(yield* lonely.exit, 1)
      assert.match(lonely.stderr(), /No hub answers at ws:\/\/localhost:9/)
      assert.notMatch(lonely.stderr(), stackTrace)
      assert.match(
        lonely.lines.entries.join("\n"),
        /^\{"event":"error","error":\{"_tag":"HubUnreachable","message":".+"\}\}$/
      )
    }), 60_000)

  it.live("answers what it cannot read, and lives on", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const one = yield* peer(url, "garbled")
      one.write(`not json\n[]\n{"id":7,"op":"dance"}\n{"id":"s","op":"send","to":"abc","content":1}\n\n`)
      one.write(`${"x".repeat(13 * 1024 * 1024)}\n`)
      yield* one.event("reply", (reply) => !reply.ok && reply.error.message.includes("it is not JSON"))
      yield* one.event(
        "reply",
        (reply) => reply.id === 7 && !reply.ok && reply.error.message.includes("one of the ops")
      )
      yield* one.event("reply", (reply) => reply.id === "s" && !reply.ok && reply.error.message.includes("40 hexa"))
      yield* one.event("reply", (reply) => reply.id === null && !reply.ok && reply.error.message.includes("more than"))
      assert.deepInclude(yield* one.ask({ op: "status" }), { ok: true })
      one.kill("SIGTERM")
      assert.strictEqual(yield* one.exit, 0)
      assert.strictEqual(one.stderr(), "")
    }), 60_000)

  it.live("sends what it accepted before it leaves, at the end of input and on SIGTERM", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const [a, b, c] = yield* Effect.all([peer(url, "polite"), peer(url, "polite"), peer(url, "polite")], {
        concurrency: "unbounded"
      })
      yield* linked([a, b, c])
      for (let n = 0; n < 500; n++) a.tell({ op: "send", to: c.peerId, content: n })
      a.child.stdin?.end()
      assert.strictEqual(yield* a.exit, 0)
      for (let n = 0; n < 200; n++) b.tell({ op: "broadcast", content: n })
      yield* b.event("reply", ({ id }) => id === 200)
      b.kill("SIGTERM")
      assert.strictEqual(yield* b.exit, 0)
      yield* c.event("peerDisconnected", ({ peerId }) => peerId === b.peerId)
      const from = (peerId: string) =>
        c.heard().filter((message) => message.from === peerId).map(({ content }) => content)
      assert.deepStrictEqual(from(a.peerId), Array.from({ length: 500 }, (_, n) => n))
      assert.deepStrictEqual(from(b.peerId), Array.from({ length: 200 }, (_, n) => n))
      assert.deepInclude(yield* c.event("peerDisconnected", ({ peerId }) => peerId === a.peerId), {
        reason: "left the network"
      })
    }), 120_000)

  it.live("ends quietly when nobody reads its output any more", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const one = yield* peer(url, "unheard")
      one.child.stdout?.destroy()
      for (let n = 0; n < 10; n++) one.tell({ op: "peers" })
      assert.strictEqual(yield* one.exit, 0)
      assert.strictEqual(one.stderr(), "")
    }), 60_000)

  it.live("ends on SIGTERM although its output is not being read", () =>
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
      stuck.kill("SIGTERM")
      assert.strictEqual(yield* Fiber.join(exit).pipe(Effect.timeout("15 seconds")), 0)
    }), 60_000)

  it.live("talks with people through pipes", () =>
    Effect.gen(function*() {
      const { url } = yield* hub()
      const friend = yield* peer(url, "chat")
      const person = yield* homing(["peer", "--hub", url, "--network", "chat"])
      const says = (text: string) => person.lines.first(text, (line): line is string => line.includes(text))
      yield* says(`+ ${friend.peerId.slice(0, 8)} is linked`)
      person.write(`hello\n/dm ${friend.peerId.slice(0, 6)} for you\n/dm zz no\n/status\n`)
      yield* friend.event("message", ({ content, kind }) => kind === "broadcast" && content === "hello")
      yield* friend.event("message", ({ content, kind }) => kind === "direct" && content === "for you")
      yield* says("\"zz\" is no peer id")
      yield* says("membership")
      friend.tell({ op: "broadcast", content: "welcome" })
      yield* says(`${friend.peerId.slice(0, 8)}: welcome`)
      person.write("/quit\n")
      assert.strictEqual(yield* person.exit, 0)
      assert.strictEqual(person.stderr(), "")
    }), 60_000)
})
