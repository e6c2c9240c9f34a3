/** TURN credentials of a hub, as a real coturn sees them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { RTCPeerConnection } from "werift"
import { PeerId } from "../../src/domain/PeerId.ts"
import * as Turn from "../../src/hub/Turn.ts"
import * as Coturn from "../support/coturn.ts"
import { hub, linked, peer } from "../support/processes.ts"

if (!Coturn.installed) console.warn("The tests of TURN are skipped: coturn (apt-get install coturn) is not installed")

const ada = PeerId.make("a".repeat(40))

/** The candidates that a server gives for credentials. */
const relayed = (url: string, credentials: Turn.Credentials) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new RTCPeerConnection({ iceServers: [{ urls: url, ...credentials }] })),
    (connection) =>
      Effect.promise(async () => {
        const found: Array<string> = []
        connection.onIceCandidate.subscribe((candidate) => void found.push(candidate?.candidate ?? ""))
        connection.createDataChannel("messages")
        await connection.setLocalDescription(await connection.createOffer())
        return found.filter((candidate) => candidate.includes(" typ relay"))
      }),
    (connection) => Effect.promise(() => connection.close())
  )

describe.skipIf(!Coturn.installed)("TURN", () => {
  it.live("takes a hub's credentials until they expire, and nobody else's", () =>
    Effect.gen(function*() {
      const { url } = yield* Coturn.start("north")
      const hour = 3_600_000
      const now = Date.now()
      const [good, foreign, expired] = yield* Effect.all([
        relayed(url, Turn.credentials("north", ada, now + hour)),
        relayed(url, Turn.credentials("south", ada, now + hour)),
        relayed(url, Turn.credentials("north", ada, now - hour))
      ], { concurrency: "unbounded" })
      assert.lengthOf(good, 1)
      assert.deepStrictEqual([foreign, expired], [[], []])
    }), 120_000)

  it.live("is used by peers that were told of it by their hub alone", () =>
    Effect.gen(function*() {
      const { log, says, url } = yield* Coturn.start("north")
      const { url: hubUrl } = yield* hub(0, { TURN: url, TURN_SECRET: "north" })
      const [a, b] = [yield* peer(hubUrl, "far"), yield* peer(hubUrl, "far")]
      yield* linked([a, b])
      for (const { peerId } of [a, b]) {
        yield* says(new RegExp(`user <\\d{10}:${peerId}>: incoming packet ALLOCATE processed, success`))
      }
      assert.notInclude(log(), "Cannot find credentials")
    }), 120_000)
})
