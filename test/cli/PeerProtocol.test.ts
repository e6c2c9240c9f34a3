import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { describe as describeEvent } from "../../src/cli/peer/Chat.ts"
import * as PeerProtocol from "../../src/cli/PeerProtocol.ts"
import { Content } from "../../src/domain/Content.ts"
import type { MeshEvent } from "../../src/domain/MeshEvent.ts"
import { NetworkName } from "../../src/domain/NetworkName.ts"
import { short } from "../../src/domain/PeerId.ts"
import { peer } from "../support/simulation.ts"

const networkName = NetworkName.make("gaming")
const refusal = (line: string) => {
  const op = PeerProtocol.decodeOp(line)
  assert(Result.isFailure(op))
  return { id: op.failure.id, message: op.failure.error.message }
}

describe("an op", () => {
  it("is read as it was written", () => {
    const ops: ReadonlyArray<PeerProtocol.Op> = [
      { id: 1, op: "broadcast", content: { deep: [null, true, "ä"] } },
      { id: "two", op: "send", to: peer(1), content: "AQID", encoding: "base64" },
      { id: 3, op: "status" },
      { id: 4, op: "peers" },
      { id: 5, op: "networks" },
      { id: 6, op: "setNetworkName", networkName: "work" },
      { id: 7, op: "setAllowGlobalFallback", allow: false },
      { id: 8, op: "leave" }
    ]
    for (const op of ops) assert.deepStrictEqual(PeerProtocol.decodeOp(JSON.stringify(op)), Result.succeed(op))
  })

  it("is refused with its id, if there is one, and with what was expected", () => {
    assert.deepStrictEqual(refusal("{"), { id: null, message: "line cannot be used: it is not JSON" })
    assert.deepInclude(refusal("[]"), { id: null })
    assert.deepInclude(refusal("{\"id\":{},\"op\":\"status\"}"), { id: null })
    assert.deepInclude(refusal("{\"id\":1,\"op\":\"dance\"}"), {
      id: 1,
      message: "op cannot be used: Expected one of the ops broadcast, send, status, peers, networks, " +
        "setNetworkName, setAllowGlobalFallback, put, get, update, delete, subscribe, unsubscribe, leave at [\"op\"]"
    })
    assert.deepInclude(refusal("{\"op\":\"status\"}"), {
      id: null,
      message: "op cannot be used: Missing key at [\"id\"]"
    })
    assert.deepInclude(refusal("{\"id\":\"x\",\"op\":\"send\",\"to\":\"abc\",\"content\":1}"), {
      id: "x",
      message: "op cannot be used: Expected a peer id of 40 hexadecimal digits at [\"to\"]"
    })
    assert.include(refusal("{\"id\":1,\"op\":\"broadcast\"}").message, "content")
    assert.include(refusal("{\"id\":1,\"op\":\"setNetworkName\",\"networkName\":7}").message, "networkName")
    assert.include(refusal("{\"id\":1,\"op\":\"setAllowGlobalFallback\",\"allow\":\"no\"}").message, "allow")
    assert.include(refusal("{\"id\":1,\"op\":\"broadcast\",\"content\":\"\",\"encoding\":\"hex\"}").message, "encoding")
  })
})

describe("a content", () => {
  it.prop("arrives as it was, bytes or JSON", [Content], ([content]) => {
    const carried = JSON.parse(JSON.stringify(PeerProtocol.carry(content)))
    const back = PeerProtocol.contentOf(Schema.decodeUnknownSync(PeerProtocol.Carried)(carried))
    assert.deepEqual(
      back,
      Result.succeed(content instanceof Uint8Array ? content : JSON.parse(JSON.stringify(content)))
    )
  })

  it("that says it is base64 must be", () => {
    for (const content of ["A", "not base64!", 5, null]) {
      const result = PeerProtocol.contentOf({ content, encoding: "base64" })
      assert(Result.isFailure(result))
      assert.include(result.failure.message, "expected base64 text")
    }
  })
})

describe("a message", () => {
  it.effect("is written on one line, and read back by its schema", () =>
    Effect.gen(function*() {
      const messages: ReadonlyArray<PeerProtocol.PeerMessage> = [
        {
          event: "ready",
          peerId: peer(1),
          networkName,
          originalNetworkName: networkName,
          fallbackMode: false,
          allowGlobalFallback: true
        },
        { event: "error", error: { _tag: "HubUnreachable", message: "No hub\nanswers" } },
        { event: "message", kind: "direct", from: peer(2), content: "two\nlines", networkName, hops: 1 },
        { event: "message", kind: "direct", from: peer(2), content: "\u0085\u2028\u2029", networkName, hops: 1 },
        {
          event: "message",
          kind: "broadcast",
          from: peer(2),
          content: 1,
          networkName,
          hops: 1,
          bridged: { from: peer(3), networkName: NetworkName.make("work"), timestamp: 1, via: [] }
        },
        { event: "peerConnected", peerId: peer(2) },
        { event: "peerDisconnected", peerId: peer(2), reason: "left the network" },
        { event: "statusChanged", type: "hub", message: "connected", networkName },
        {
          event: "statusChanged",
          type: "network",
          message: "moved",
          networkName: NetworkName.make("global"),
          originalNetworkName: networkName,
          fallbackMode: true
        },
        { event: "missed", count: 3 },
        { event: "reply", id: 1, ok: true, result: { networkName, neighbours: 3 } },
        { event: "reply", id: 2, ok: true, result: [{ name: networkName, present: 2, waiting: 1 }] },
        { event: "reply", id: null, ok: false, error: { _tag: "InvalidInput", message: "no" } }
      ]
      for (const message of messages) {
        const line = yield* PeerProtocol.encodeMessage(message)
        // Also what Node's readline and Python's splitlines take for the end of a line.
        assert.notMatch(line, /[\n\r\u0085\u2028\u2029]/)
        const back = Schema.decodeUnknownSync(Schema.fromJsonString(PeerProtocol.PeerMessage))(line)
        assert.deepStrictEqual(back, message)
      }
    }))

  it("says of a bridged message where it comes from", () => {
    const bridged = { from: peer(3), networkName: NetworkName.make("work"), timestamp: 1, via: [] }
    const message: MeshEvent = {
      _tag: "Message",
      kind: "broadcast",
      id: "m",
      from: peer(1),
      content: "hello",
      networkName,
      hops: 2,
      timestamp: 0,
      bridged
    }
    assert.deepInclude(PeerProtocol.messageOf(message), { from: peer(1), bridged })
    assert.include(describeEvent(message), `${short(peer(3))} in work, by the bridge ${short(peer(1))}: hello`)
  })

  it("says what a mesh's event says", () => {
    assert.deepEqual<unknown>(
      PeerProtocol.messageOf({
        _tag: "Message",
        kind: "broadcast",
        id: "m",
        from: peer(1),
        content: new Uint8Array([1, 2, 3]),
        networkName,
        hops: 2,
        timestamp: 0
      }),
      {
        event: "message",
        kind: "broadcast",
        from: peer(1),
        content: "AQID",
        encoding: "base64",
        networkName: "gaming",
        hops: 2
      }
    )
  })
})
