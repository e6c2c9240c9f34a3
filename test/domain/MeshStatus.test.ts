import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { HubState, LinkState, MeshStatus } from "../../src/domain/MeshStatus.ts"
import { assertRefused } from "./Refusal.ts"

const decode = Schema.decodeUnknownResult(MeshStatus)
const json = Schema.toCodecJson(MeshStatus)

const status = {
  peerId: "a".repeat(40),
  state: "joined",
  networkName: "dove",
  originalNetworkName: "dove",
  isInFallbackMode: false,
  allowGlobalFallback: true,
  hub: { _tag: "Connected", url: "ws://hub", since: 1 },
  links: [{ peerId: "b".repeat(40), state: "open", dialect: "homing", openSince: 1, rttMillis: 2.5, queued: 0 }],
  connectedCount: 1,
  knownCount: 2,
  minPeers: 2,
  maxPeers: 8,
  dropped: { foreignNetwork: 0, malformed: 0, duplicate: 3, refused: 0, unannounced: 0 },
  actors: [{ path: "mesh/pool", state: "running", mailbox: 0, restarts: 0 }]
}

describe("MeshStatus", () => {
  it.effect.prop("is plain JSON, there and back", { value: MeshStatus }, ({ value }) =>
    Effect.gen(function*() {
      const text = JSON.stringify(yield* Schema.encodeEffect(json)(value))
      assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
      const back = yield* Schema.decodeUnknownEffect(json)(JSON.parse(text))
      assert.deepStrictEqual<unknown>(back, JSON.parse(text))
    }))

  it("takes a whole picture", () => assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(status)), status))

  it("refuses what cannot be, and names the field", () => {
    assertRefused(
      decode({ ...status, state: "lost" }),
      "[\"state\"]",
      "\"idle\" | \"joining\" | \"joined\" | \"leaving\""
    )
    assertRefused(decode({ ...status, connectedCount: -1 }), "[\"connectedCount\"]", "greater than or equal to 0")
    assertRefused(decode({ ...status, knownCount: 1.5 }), "[\"knownCount\"]", "integer")
    assertRefused(
      decode({ ...status, hub: { _tag: "Connected", url: "ws://hub" } }),
      "[\"hub\"][\"since\"]",
      "Missing key"
    )
    assertRefused(decode({ ...status, hub: { _tag: "Gone" } }), "[\"hub\"]", "\"Idle\"", "\"Waiting\"")
    assertRefused(
      decode({ ...status, links: [{ ...status.links[0], state: "ajar" }] }),
      "[\"links\"][0][\"state\"]",
      "open"
    )
    assertRefused(
      decode({ ...status, links: [{ ...status.links[0], dialect: "parrot" }] }),
      "[\"dialect\"]",
      "\"pigeon\""
    )
    assertRefused(decode({ ...status, dropped: {} }), "[\"dropped\"][\"foreignNetwork\"]", "Missing key")
  })
})

describe("HubState", () => {
  it.effect.prop("is one of five, told apart by its tag", { state: HubState }, ({ state }) =>
    Effect.sync(() => {
      const url = HubState.match(state, {
        Idle: () => undefined,
        Connecting: ({ url }) => url,
        Connected: ({ url }) => url,
        Waiting: ({ url }) => url,
        TakenOver: ({ url }) => url
      })
      assert.strictEqual(url === undefined, state._tag === "Idle")
    }))
})

describe("LinkState", () => {
  it("has no other states", () => {
    assertRefused(Schema.decodeUnknownResult(LinkState)("Open"), "\"open\"", "\"closed\"")
  })
})
