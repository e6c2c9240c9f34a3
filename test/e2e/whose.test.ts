/** Whose an id is, among real processes: a peer that hangs, itself anew, and strangers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { WebSocket } from "ws"
import { profiles } from "../support/configuration.ts"
import { hub, linked, peer } from "../support/processes.ts"

/** How a connection of a stranger ends that claims an id. */
const claim = (url: string, peerId: string, query = "") =>
  Effect.callback<string>((resume) => {
    const socket = new WebSocket(`${url}/?peerId=${peerId}${query}`)
    socket.on("error", () => undefined)
    socket.on("message", (data) => String(data).includes("\"connected\"") && resume(Effect.succeed("let in")))
    socket.on("close", (code, reason) => resume(Effect.succeed(`${code} ${reason}`)))
    return Effect.sync(() => socket.terminate())
  })

/** Numbers of the hub by the names of their metrics. */
const numbers = (url: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${url.replace("ws", "http")}/metrics`)).text()
    return new Map(Array.from(text.matchAll(/^(homing_\S+) (\S+)$/gm), ([, name, value]) => [name, Number(value)]))
  })

describe("an id", () => {
  it.live(
    "is its peer's, who comes in anew at once while the old process hangs, and nobody else's",
    () =>
      Effect.gen(function*() {
        const directory = yield* profiles
        const { url } = yield* hub()
        const bob = yield* peer(url, "work")
        const first = yield* peer(url, "work", "--profile", "ada")
        yield* linked([bob, first])
        // The same person at another machine: the same key, and nothing else of it.
        const identity = "homing.identity.json"
        cpSync(join(directory, "profile-ada", identity), join(directory, "profile-twin", identity))

        first.kill("SIGSTOP")
        const stranger = yield* claim(url, first.peerId)
        assert.strictEqual(stranger, "1008 Peer already connected")
        const liar = yield* claim(url, first.peerId, "&proof=1")
        assert.strictEqual(liar, "1008 Peer already connected")

        const second = yield* peer(url, "work", "--profile", "twin")
        assert.strictEqual(second.peerId, first.peerId)
        yield* linked([bob, second])
        const after = yield* numbers(url)
        assert.strictEqual(after.get("homing_hub_admission_seconds_count"), 3)
        // Nobody that was let in waited as long as it takes to find a peer silent.
        assert.strictEqual(after.get("homing_hub_admission_seconds_bucket{le=\"0.5\"}"), 3)
        assert.strictEqual(after.get("homing_hub_proven_total"), 3)
        assert.strictEqual(after.get("homing_hub_refused_total{reason=\"peer-id-taken\"}"), 2)

        // The one that hung learns of it when it goes on, and leaves its place to the other.
        first.kill("SIGCONT")
        yield* first.event("statusChanged", ({ message }) => message.includes("Taken over by a newer connection"))
        yield* Effect.sleep("3 seconds")
        assert.strictEqual((yield* numbers(url)).get("homing_hub_peers"), 2)
        assert.strictEqual((yield* numbers(url)).get("homing_hub_proven_total"), 3)
        assert.isFalse(
          second.messages.entries.some((entry) =>
            entry.event === "statusChanged" && entry.message.includes("Taken over")
          )
        )
        assert.deepInclude(yield* second.ask({ op: "networks" }), { ok: true })
        // Those who were linked with the one turn to the other, and do not go to and fro.
        yield* second.ask({ op: "send", to: bob.peerId, content: "back again" })
        yield* bob.event("message", ({ content }) => content === "back again")
        const links = bob.messages.entries.filter((entry) => entry.event === "peerConnected")
        assert.isAtMost(links.length, 3)
      }),
    120_000
  )
})
