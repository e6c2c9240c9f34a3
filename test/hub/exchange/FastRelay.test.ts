import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import * as Envelope from "../../../src/hub/exchange/Envelope.ts"
import * as Exchange from "../../../src/hub/exchange/Exchange.ts"
import * as FastRelay from "../../../src/hub/exchange/FastRelay.ts"
import type { Sender } from "../../../src/hub/exchange/Router.ts"
import { ada, bob, decodeJson, type Json, random } from "../TestPeer.ts"

const now = 1_234_567

/** Two members of some networks, and what each way of routing does with a message from one of them. */
const world = () => {
  const { registry, router, traffic } = Exchange.make({ now: () => now, random })
  const fast = FastRelay.make({ registry, traffic, now: () => now })
  let inbox: Array<string> = []
  const sender = (peerId: typeof ada): Sender => ({
    peerId,
    send: (frame) => inbox.push(`${peerId} ${typeof frame === "string" ? frame : Buffer.from(frame).toString()}`) > 0,
    afford: () => true,
    strike: () => undefined
  })
  const [a, b] = [sender(ada), sender(bob)]
  for (const name of ["red", "global", "a.b"]) {
    for (const each of [a, b]) router.receive(each, JSON.stringify({ type: "announce", networkName: name }))
  }
  const taken = (act: () => unknown): ReadonlyArray<readonly [to: string, frame: Json]> => {
    inbox = []
    act()
    return inbox.map((line) => [line.slice(0, 40), decodeJson(line.slice(41))])
  }
  return {
    fast: (bytes: Buffer) => {
      let passed = false
      const frames = taken(() => void (passed = fast.pass(a, bytes)))
      return passed ? frames : undefined
    },
    slow: (bytes: Buffer) => taken(() => router.receive(a, bytes.toString()))
  }
}

/** Whatever the short cut does, the router does; returns whether it did anything. */
const agree = ({ fast, slow }: ReturnType<typeof world>, bytes: Buffer): boolean => {
  const passed = fast(bytes)
  if (passed === undefined) return false
  assert.deepStrictEqual(passed, slow(bytes), bytes.toString())
  return true
}

const Text = Schema.String
const Data = Schema.Union([
  Schema.Unknown,
  Schema.Struct({
    type: Schema.Literals(["offer", "answer"]),
    sdp: Text,
    homing: Schema.Struct({ version: Schema.Int })
  }),
  Schema.Struct({ candidate: Text, sdpMid: Schema.NullOr(Text), sdpMLineIndex: Schema.Natural }),
  Schema.Array(Schema.Union([Schema.Finite, Schema.Boolean, Schema.Null, Text])),
  Schema.Record(Text, Schema.Union([Text, Schema.Finite]))
])

const Key = Schema.Literals([
  "type",
  "data",
  "targetPeerId",
  "networkName",
  "fromPeerId",
  "maxPeers",
  "__proto__",
  "x y",
  "t\\u0079pe"
])
const Value = Schema.Literals([
  "\"offer\"",
  "\"answer\"",
  "\"ice-candidate\"",
  "\"connection-rejected\"",
  "\"announce\"",
  `"${bob}"`,
  `"${ada}"`,
  `"${bob.toUpperCase()}"`,
  "\"red\"",
  "\"a.b\"",
  "\"..\"",
  "\"r\\u0065d\"",
  "\"\"",
  "null",
  "3",
  "-0",
  "01",
  "1e999",
  "1.50",
  "123456789012345678901",
  "{}",
  "{\"type\":\"goodbye\",\"type\":1}",
  "{\"__proto__\":{\"a\":1}}",
  "[[[]]]",
  "\"\\ud800\"",
  "\"\\u12\"",
  "\"a\u0001b\"",
  "\"\\/\\n\"",
  "{\"a\":}",
  "[1,]",
  "truely"
])

/** A message that is nearly one: its fields in any order, twice, missing or of the wrong kind. */
const Assembled = Schema.Array(Schema.Tuple([Key, Value])).check(Schema.isMaxLength(7))

const usual = (data: unknown, networkName?: string) => ({
  type: "offer",
  data,
  maxPeers: 3,
  ...(networkName === undefined ? {} : { networkName }),
  targetPeerId: bob
})

const bytesOf = (message: unknown): Buffer => Buffer.from(JSON.stringify(message))

/** What a peer of ours and a PeerPigeon one send. */
const common = [
  usual({ type: "offer", sdp: "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n", homing: { version: 1, attempt: "abc" } }, "red"),
  usual({ type: "offer", sdp: "v=0 \"ü\" \\ 🕊" }),
  { type: "answer", data: { type: "answer", sdp: "v=0" }, networkName: "a.b", targetPeerId: bob },
  {
    type: "ice-candidate",
    data: { candidate: "candidate:1 1 udp 1 ::1 9 typ host", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null },
    targetPeerId: bob,
    networkName: "red"
  }
]

describe("the short cut", () => {
  it.each(common)("takes what peers send", (message) => {
    assert.isTrue(agree(world(), bytesOf(message)))
  })

  it.prop("does what the router does, for whatever data", [Data, Schema.Boolean], ([data, named]) => {
    agree(world(), bytesOf(usual(data, named ? "red" : undefined)))
  }, { arbitrary: { seed: 1, runs: 500 } })

  it.prop("does what the router does, for fields in any order, twice or wrong", [Assembled], ([fields]) => {
    const text = `{${fields.map(([key, value]) => `"${key}":${value}`).join(",")}}`
    agree(world(), Buffer.from(text))
  }, { arbitrary: { seed: 2, runs: 2000 } })

  it.prop(
    "does what the router does, for a message with one change",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: common.length - 1 })),
      Schema.Natural,
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })),
      Schema.Literals(["replace", "insert", "drop", "repeat"])
    ],
    ([which, where, byte, how]) => {
      const bytes = bytesOf(common[which])
      const at = where % bytes.length
      const middle = how === "replace"
        ? [Buffer.from([byte])]
        : how === "insert"
        ? [Buffer.from([byte]), bytes.subarray(at, at + 1)]
        : how === "drop"
        ? []
        : [bytes.subarray(at, at + (byte % 40)), bytes.subarray(at, at + 1)]
      const changed = Buffer.concat([bytes.subarray(0, at), ...middle, bytes.subarray(at + 1)])
      // The socket lets no other text through.
      if (Buffer.from(changed.toString()).equals(changed)) agree(world(), changed)
    },
    { arbitrary: { seed: 3, runs: 3000 } }
  )

  it.each([
    ["a key twice", `{"type":"offer","data":1,"targetPeerId":"${bob}","targetPeerId":"${ada}","networkName":"red"}`],
    [
      "a key with an escape",
      `{"type":"offer","data":1,"targetPeerId":"${bob}","networkName":"red","t\\u0079pe":"leave"}`
    ],
    ["a name with an escape", `{"type":"offer","data":1,"targetPeerId":"${bob}","networkName":"r\\u0065d"}`],
    ["a rejection", `{"type":"connection-rejected","data":{"reason":"x"},"targetPeerId":"${bob}","networkName":"red"}`],
    ["no data", `{"type":"offer","targetPeerId":"${bob}","networkName":"red"}`],
    [
      "deep data",
      `{"type":"offer","data":${"[".repeat(20)}${"]".repeat(20)},"targetPeerId":"${bob}","networkName":"red"}`
    ],
    ["a number that is not written as it is read", `{"type":"offer","data":1e400,"targetPeerId":"${bob}"}`],
    ["a control character", `{"type":"offer","data":"\n","targetPeerId":"${bob}","networkName":"red"}`],
    ["something after the end", `{"type":"offer","data":1,"targetPeerId":"${bob}","networkName":"red"} `]
  ])("leaves a message with %s to the router", (_, text) => {
    assert.isUndefined(Envelope.read(Buffer.from(text)))
  })

  it("leaves what it cannot route to the router", () => {
    const { fast } = world()
    assert.isUndefined(fast(bytesOf({ ...usual(1), targetPeerId: "c".repeat(40) })))
    assert.isUndefined(fast(bytesOf(usual(1, "blue"))))
  })
})
