import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Frame, initialTtl, maxPath } from "../../src/domain/Frame.ts"
import { assertRefused } from "./Refusal.ts"

const ada = "a".repeat(40)
const decode = Schema.decodeUnknownResult(Frame)
const gossip = {
  type: "gossip",
  id: "1",
  subtype: "chat",
  content: "coo",
  from: ada,
  networkName: "dove",
  timestamp: 1,
  ttl: initialTtl,
  path: [ada]
}
const refuses = (value: unknown, ...parts: ReadonlyArray<string>) => assertRefused(decode(value), ...parts)

describe("Frame", () => {
  it("takes a message at its limits", () => {
    for (const frame of [gossip, { ...gossip, ttl: 0, path: [] }, { ...gossip, path: Array(maxPath).fill(ada) }]) {
      assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(frame)), frame)
    }
    for (const content of [null, 0, "", [], {}, { a: [1] }, new Uint8Array(3)]) {
      assert.deepStrictEqual<unknown>(Result.getOrThrow(decode({ ...gossip, content })), { ...gossip, content })
    }
  })

  it("refuses what is no message", () => {
    for (const value of [undefined, null, 7, "gossip", [], {}, { type: "signaling" }]) {
      refuses(value, "\"type\": \"gossip\"", "\"type\": \"__BINARY__\"")
    }
  })

  it("refuses gossip out of bounds, and names the field", () => {
    for (const field of ["id", "subtype", "content", "from", "timestamp", "ttl", "path"]) {
      refuses({ ...gossip, [field]: undefined }, `["${field}"]`)
      const { [field]: _, ...rest } = Object.fromEntries(Object.entries(gossip))
      refuses(rest, `["${field}"]`, "Missing key")
    }
    refuses({ ...gossip, id: "" }, "[\"id\"]", "length between 1 and 64")
    refuses({ ...gossip, id: "x".repeat(65) }, "[\"id\"]", "length between 1 and 64")
    refuses({ ...gossip, subtype: "" }, "[\"subtype\"]", "length between 1 and 64")
    refuses({ ...gossip, from: "me" }, "[\"from\"]", "40 hexadecimal digits")
    refuses({ ...gossip, to: "all" }, "[\"to\"]", "40 hexadecimal digits")
    refuses({ ...gossip, networkName: "a:b" }, "[\"networkName\"]", "a network name")
    refuses({ ...gossip, timestamp: Number.NaN }, "[\"timestamp\"]", "finite")
    refuses({ ...gossip, timestamp: "now" }, "[\"timestamp\"]", "number")
    refuses({ ...gossip, ttl: initialTtl + 1 }, "[\"ttl\"]", "between 0 and 40")
    refuses({ ...gossip, ttl: -1 }, "[\"ttl\"]", "between 0 and 40")
    refuses({ ...gossip, ttl: 1.5 }, "[\"ttl\"]", "integer")
    refuses({ ...gossip, path: Array(maxPath + 1).fill(ada) }, "[\"path\"]", "at most 41")
    refuses({ ...gossip, path: [ada, "b"] }, "[\"path\"][1]", "40 hexadecimal digits")
    refuses({ ...gossip, acknowledge: 1 }, "[\"acknowledge\"]", "boolean")
  })

  it("refuses content that is neither JSON nor bytes", () => {
    for (const content of [undefined, () => 1, Symbol.iterator, 1n, new Date(0), { deep: [new Map()] }, Number.NaN]) {
      refuses({ ...gossip, content }, "[\"content\"]", "JSON")
    }
  })

  it("refuses the smaller frames out of bounds", () => {
    refuses({ type: "ping" }, "[\"nonce\"]", "Missing key")
    refuses({ type: "pong", nonce: -1 }, "[\"nonce\"]", "greater than or equal to 0")
    refuses({ type: "ping", nonce: 0.5 }, "[\"nonce\"]", "integer")
    refuses({ type: "eviction", reason: "x".repeat(1025) }, "[\"reason\"]", "at most 1024")
    refuses({ type: "eviction", reason: "room", from: "x" }, "[\"from\"]", "40 hexadecimal digits")
    refuses({ type: "leave" }, "[\"reason\"]", "Missing key")
    refuses({ type: "leave", reason: "x".repeat(1025) }, "[\"reason\"]", "at most 1024")
    refuses({ type: "__BINARY__", bytes: "abc" }, "[\"bytes\"]", "Uint8Array")
  })
})
