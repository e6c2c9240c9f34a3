import { assert, describe, it } from "@effect/vitest"
import * as Errors from "../../src/domain/Errors.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"

const peerId = PeerId.make("0123456789".repeat(4))
const networkName = NetworkName.make("dove")

/** Each error, and what its message must name: the subject first. */
const errors: ReadonlyArray<readonly [error: Error & { readonly _tag: string }, ...names: ReadonlyArray<string>]> = [
  [new Errors.InvalidInput({ field: "maxPeers", problem: "0 is too few" }), "maxPeers", "0 is too few"],
  [
    new Errors.HubUnreachable({ urls: ["ws://a", "ws://b"], problem: "ECONNREFUSED" }),
    "ws://a",
    "ws://b",
    "ECONNREFUSED",
    "Is a hub running there"
  ],
  [new Errors.HubRefused({ url: "ws://a", code: 1008, reason: "full" }), "ws://a", "1008", "full"],
  [new Errors.HubRefused({ url: "ws://a", code: 1008, reason: "" }), "ws://a", "1008", "no reason given"],
  [new Errors.NotJoined({ operation: "broadcast" }), "broadcast", "Join one first"],
  [new Errors.AlreadyJoined({ networkName }), "dove", "Leave it"],
  [
    new Errors.AwayFromHome({
      operation: "get",
      networkName: NetworkName.make("global"),
      originalNetworkName: networkName
    }),
    "Cannot get",
    "dove",
    "global",
    "until somebody is at home"
  ],
  [new Errors.PeerUnreachable({ peerId, networkName, problem: "no path" }), "01234567", "dove", "no path"],
  [new Errors.NoAnswer({ peerId, networkName, problem: "busy" }), "01234567", "dove", "busy"],
  [new Errors.MessageTooLarge({ size: 9, limit: 8 }), "9 bytes", "limit is 8"],
  [new Errors.LinkClosed({ peerId, reason: "evicted" }), "01234567", "evicted"],
  [new Errors.WebRtcError({ step: "make an offer", cause: new Error("no codec") }), "make an offer", "no codec"],
  [new Errors.WebRtcError({ step: "make an offer", cause: "no codec" }), "make an offer", "no codec"],
  [new Errors.RecordTooLarge({ key: "motd", size: 9, limit: 8 }), "motd", "9 bytes", "may have 8", "several keys"],
  [
    new Errors.StoreFull({ key: "motd", networkName, problem: "9 are kept" }),
    "motd",
    "dove",
    "9 are kept",
    "shorter ttl"
  ],
  [new Errors.VersionConflict({ key: "motd", networkName, expected: 3, actual: 4 }), "motd", "dove", "version 3", "4"],
  [
    new Errors.VersionConflict({ key: "motd", networkName, expected: 3, actual: 0 }),
    "motd",
    "no value",
    "Get it again"
  ],
  [
    new Errors.DhtTimeout({ key: "motd", networkName, operation: "put", problem: "no answer" }),
    "put",
    "motd",
    "dove",
    "no answer",
    "Try again"
  ],
  [
    new Errors.StreamRefused({ peerId, networkName, stream: "log", declined: true, problem: "not now" }),
    "01234567",
    "dove",
    "log",
    "not now"
  ],
  [
    new Errors.StreamLost({ peerId, networkName, stream: "log", byPeer: false, problem: "the link closed" }),
    "01234567",
    "dove",
    "log",
    "the link closed"
  ],
  [
    new Errors.FileRefused({ peerId, networkName, file: "a.txt", problem: "too large" }),
    "01234567",
    "dove",
    "a.txt",
    "too large"
  ],
  [
    new Errors.FileLost({ peerId, networkName, file: "a.txt", arrived: 7, problem: "it is gone" }),
    "a.txt",
    "01234567",
    "dove",
    "it is gone",
    "7 bytes"
  ],
  [
    new Errors.ChecksumMismatch({ file: "a.txt", expected: "beef", actual: "dead" }),
    "a.txt",
    "beef",
    "dead",
    "sent again"
  ],
  [new Errors.FileUnusable({ file: "a.txt", operation: "read", problem: "no such file" }), "read", "a.txt", "no such"],
  [new Errors.Malformed({ what: "frame", problem: "ttl is missing" }), "frame", "ttl is missing"],
  [
    new Errors.StoreUnusable({ what: "identity", place: "/home/ada/key", problem: "it is not JSON" }),
    "identity",
    "/home/ada/key",
    "not JSON"
  ],
  [
    new Errors.EngineMissing({ engine: "native", packageName: "node-datachannel", problem: "no such module" }),
    "native",
    "node-datachannel",
    "no such module"
  ]
]

describe("errors", () => {
  for (const [error, ...names] of errors) {
    it(`${error._tag} says what happened, and to whom: ${error.message}`, () => {
      assert.isTrue(error instanceof Error)
      for (const name of names) assert.include(error.message, name)
      assert.notMatch(error.message, /undefined|\[object|NaN/)
    })
  }

  it("are all here", () => {
    const tested = new Set(errors.map(([error]) => error._tag))
    assert.deepStrictEqual(Object.keys(Errors).filter((name) => !tested.has(name)), [])
  })
})
