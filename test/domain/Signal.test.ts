import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import {
  ClientSignal,
  decodeClientSignal,
  decodeHubSignal,
  decodeMessageType,
  HubSignal,
  maxListed,
  maxSdpLength
} from "../../src/domain/Signal.ts"
import { assertRefused } from "./Refusal.ts"

const ada = "a".repeat(40)
const bob = "b".repeat(40)
const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0"

const decodeJson = (text: string) => decodeClientSignal(JSON.parse(text))
const refusesHub = (value: unknown, ...parts: ReadonlyArray<string>) =>
  assertRefused(decodeHubSignal(JSON.stringify(value)), ...parts)
const refusesClient = (value: unknown, ...parts: ReadonlyArray<string>) =>
  assertRefused(decodeClientSignal(value), ...parts)

/** Whatever JSON can carry of a signal comes back. */
const roundTrips = (
  cases: Readonly<Record<string, Schema.Schema<unknown>>>,
  decode: (text: string) => Result.Result<unknown, unknown>
) => {
  for (const [type, signal] of Object.entries(cases)) {
    it.effect.prop(`carries every ${type} through JSON`, [signal], ([value]) =>
      Effect.sync(() => {
        const text = JSON.stringify(value)
        assert.deepStrictEqual(Result.getOrThrow(decode(text)), JSON.parse(text))
      }))
  }
}

describe("ClientSignal", () => {
  roundTrips(ClientSignal.cases, decodeJson)

  it("leaves what a hub only relays as it is", () => {
    const data = { anything: [1, { at: "all" }], sdp: null }
    const signal = { type: "offer", targetPeerId: bob, data }
    assert.deepStrictEqual<unknown>(Result.getOrThrow(decodeClientSignal(signal)), signal)
  })

  it("drops fields that nobody knows, above all a sender's own word on who it is", () => {
    const decoded = Result.getOrThrow(
      decodeClientSignal({ type: "announce", data: { peerId: ada, extra: 1 }, fromPeerId: bob, maxPeers: 3 })
    )
    assert.deepStrictEqual<unknown>(decoded, { type: "announce", data: { peerId: ada } })
  })

  it("refuses what is no message", () => {
    for (const value of [undefined, null, 7, "announce", [], {}, { type: 7 }, { type: "shout" }, { data: {} }]) {
      refusesClient(value, "\"type\": \"announce\"", "\"type\": \"ping\"")
    }
  })

  it("names the field that is wrong, and why", () => {
    refusesClient({ type: "announce", networkName: "" }, "[\"networkName\"]", "a network name of 1 to 64 characters")
    refusesClient({ type: "announce", networkName: "a/b" }, "[\"networkName\"]", "without control characters")
    refusesClient({ type: "announce", networkName: null }, "[\"networkName\"]", "Expected string")
    refusesClient({ type: "announce", data: { peerId: "me" } }, "[\"data\"][\"peerId\"]", "40 hexadecimal digits")
    refusesClient({ type: "announce", data: { isHub: "yes" } }, "[\"data\"][\"isHub\"]", "Expected boolean")
    refusesClient({ type: "announce", data: { homing: -1 } }, "[\"data\"][\"homing\"]", "greater than or equal to 0")
    refusesClient({ type: "goodbye", networkName: "a".repeat(65) }, "[\"networkName\"]", "1 to 64 characters")
    for (const type of ["offer", "answer", "ice-candidate", "connection-rejected"]) {
      refusesClient({ type, data: {} }, "[\"targetPeerId\"]", "Missing key")
      refusesClient({ type, data: {}, targetPeerId: "all" }, "[\"targetPeerId\"]", "40 hexadecimal digits")
      refusesClient({ type, targetPeerId: bob }, "[\"data\"]", "Missing key")
    }
    for (const type of ["leave", "watch", "unwatch"]) {
      refusesClient({ type, networkName: "a/b" }, "[\"networkName\"]", "without control characters")
    }
    refusesClient({ type: "watch", data: { waiting: 1 } }, "[\"data\"][\"waiting\"]", "Expected boolean")
    refusesClient({ type: "announce", data: { discoverable: 0 } }, "[\"data\"][\"discoverable\"]", "Expected boolean")
  })
})

describe("HubSignal", () => {
  roundTrips(HubSignal.cases, decodeHubSignal)

  it("reads what a PeerPigeon hub sends", () => {
    const frames = [
      { type: "connected", data: { peerId: ada }, fromPeerId: "system", timestamp: 1 },
      {
        type: "peer-discovered",
        data: { peerId: bob, isHub: false, timestamp: 1 },
        networkName: "dove",
        fromPeerId: "system",
        targetPeerId: ada,
        timestamp: 1
      },
      {
        type: "offer",
        data: { type: "offer", sdp },
        fromPeerId: bob,
        targetPeerId: ada,
        networkName: "dove",
        timestamp: 1
      },
      {
        type: "ice-candidate",
        data: {
          candidate: "candidate:1 1 udp 1 10.0.0.1 9 typ host",
          sdpMid: "0",
          sdpMLineIndex: 0,
          usernameFragment: null
        },
        fromPeerId: bob,
        targetPeerId: ada,
        networkName: "dove"
      },
      { type: "goodbye", data: { peerId: bob, timestamp: 1 }, fromPeerId: bob, networkName: "dove", timestamp: 1 },
      { type: "peer-disconnected", data: { peerId: bob, isHub: false }, networkName: "dove", fromPeerId: "system" },
      {
        type: "peer-disconnected",
        data: { peerId: bob, reason: "closed", timestamp: 1 },
        fromPeerId: bob,
        targetPeerId: ada
      },
      { type: "pong", data: { timestamp: 1 }, fromPeerId: "system", targetPeerId: ada, timestamp: 1 },
      { type: "error", error: "Unknown message type: cleanup-all", timestamp: 1 }
    ]
    for (const frame of frames) {
      assert.strictEqual(Result.getOrThrow(decodeHubSignal(JSON.stringify(frame))).type, frame.type)
    }
  })

  it("refuses what is no message", () => {
    assertRefused(decodeHubSignal("coo"), "JSON")
    assertRefused(decodeHubSignal(""), "JSON")
    assertRefused(decodeHubSignal(undefined), "string")
    for (const value of [null, 7, "connected", [], {}, { type: 7 }, { type: "weather" }]) {
      refusesHub(value, "\"type\": \"connected\"", "\"type\": \"error\"")
    }
  })

  it("names the field that is wrong, and why", () => {
    refusesHub({ type: "connected" }, "[\"data\"]", "Missing key")
    refusesHub({ type: "connected", data: { peerId: "x" } }, "[\"data\"][\"peerId\"]", "40 hexadecimal digits")
    refusesHub(
      { type: "connected", data: { peerId: ada, homing: { version: 1, features: ["x".repeat(65)] } } },
      "[\"data\"][\"homing\"][\"features\"][0]",
      "at most 64"
    )
    refusesHub({ type: "peer-discovered", data: {} }, "[\"data\"][\"peerId\"]", "Missing key")
    refusesHub(
      { type: "peer-discovered", data: { peerId: bob }, networkName: "a\u0000" },
      "[\"networkName\"]",
      "control"
    )
    refusesHub({ type: "peer-discovered", data: { peerId: bob }, timestamp: "now" }, "[\"timestamp\"]", "number")
    refusesHub({ type: "offer", data: { type: "offer", sdp } }, "[\"fromPeerId\"]", "Missing key")
    refusesHub({ type: "offer", data: { type: "offer", sdp }, fromPeerId: "system" }, "[\"fromPeerId\"]", "hexadecimal")
    refusesHub(
      { type: "offer", data: { type: "answer", sdp }, fromPeerId: bob },
      "[\"data\"][\"type\"]",
      "Expected \"offer\""
    )
    refusesHub({ type: "offer", data: { type: "offer", sdp: "o=- 1 1 1 1" }, fromPeerId: bob }, "[\"sdp\"]", "v=0 line")
    refusesHub(
      { type: "answer", data: { type: "answer", sdp: "v=0" }, fromPeerId: bob },
      "[\"sdp\"]",
      "length between 10"
    )
    refusesHub(
      { type: "answer", data: { type: "answer", sdp: `v=0${" ".repeat(maxSdpLength)}` }, fromPeerId: bob },
      "[\"data\"][\"sdp\"]",
      `${maxSdpLength}`
    )
    refusesHub(
      { type: "ice-candidate", data: { candidate: 3 }, fromPeerId: bob },
      "[\"data\"][\"candidate\"]",
      "string"
    )
    refusesHub(
      { type: "ice-candidate", data: { candidate: "", sdpMLineIndex: -1 }, fromPeerId: bob },
      "[\"data\"][\"sdpMLineIndex\"]",
      "greater than or equal to 0"
    )
    refusesHub({ type: "connection-rejected", data: {}, fromPeerId: bob }, "[\"data\"][\"reason\"]", "Missing key")
    refusesHub({ type: "network-counts", data: { present: 1 } }, "[\"data\"][\"waiting\"]", "Missing key")
    refusesHub(
      { type: "network-counts", data: { present: -1, waiting: 0 } },
      "[\"data\"][\"present\"]",
      "greater than or equal to 0"
    )
    const listed = { name: "dove", present: 1, waiting: 0 }
    refusesHub(
      { type: "networks", data: { networks: [{ ...listed, name: "a/b" }] } },
      "[\"networks\"][0][\"name\"]",
      "a network name"
    )
    refusesHub(
      { type: "networks", data: { networks: Array.from({ length: maxListed + 1 }, () => listed) } },
      "[\"networks\"]",
      `at most ${maxListed}`
    )
    refusesHub({ type: "hub-closing", data: {} }, "[\"data\"][\"reason\"]", "Missing key")
    refusesHub({ type: "error", error: "x".repeat(4097) }, "[\"error\"]", "at most 4096")
  })
})

describe("decodeMessageType", () => {
  it("reads any type, known or not", () => {
    assert.deepStrictEqual(Result.getOrThrow(decodeMessageType({ type: "weather", data: 1 })), { type: "weather" })
    assertRefused(decodeMessageType({}), "[\"type\"]", "Missing key")
    assertRefused(decodeMessageType({ type: 7 }), "[\"type\"]", "string")
  })
})
