import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Content, isBytes } from "../../src/domain/Content.ts"
import { type Dialect, Frame } from "../../src/domain/Frame.ts"
import * as FrameCodec from "../../src/domain/FrameCodec.ts"
import { PeerId } from "../../src/domain/PeerId.ts"

const dialects: ReadonlyArray<Dialect> = ["homing", "pigeon"]
const ada = PeerId.make("a".repeat(40))

const gossip = (content: Content): Frame => ({
  type: "gossip",
  id: "0".repeat(32),
  subtype: "chat",
  content,
  from: ada,
  timestamp: 1,
  ttl: 40,
  path: [ada]
})

const packets = (frame: Frame, dialect: Dialect, limit?: number) =>
  Result.getOrThrow(FrameCodec.encode(frame, dialect, limit))

const pushAll = (decoder: FrameCodec.Decoder, input: ReadonlyArray<string | Uint8Array>) =>
  input.map((packet) => Result.getOrThrow(decoder.push(packet)))

const roundTrip = (frame: Frame, dialect: Dialect): Frame => {
  const received = pushAll(FrameCodec.makeDecoder(), packets(frame, dialect))
  const frames = received.filter((one) => one._tag === "Frame").map(({ frame }) => frame)
  assert.lengthOf(frames, 1)
  assert.strictEqual(received.at(-1)?._tag, "Frame")
  return frames[0] ?? frame
}

/** JSON has one zero: -0 arrives as 0, and everything else as it was. */
const withOneZero = (frame: Frame): Frame => ({
  ...JSON.parse(JSON.stringify(frame)),
  ...((frame.type === "__BINARY__" || frame.type === "stream-data") && { bytes: frame.bytes }),
  ...(frame.type === "gossip" && isBytes(frame.content) && { content: frame.content })
})

const tag = (result: Result.Result<FrameCodec.Received, { readonly _tag: string }>) =>
  Result.match(result, { onFailure: (error) => error._tag, onSuccess: (received) => received._tag })

const problem = (result: Result.Result<FrameCodec.Received, { readonly message: string }>) =>
  Result.match(result, { onFailure: (error) => error.message, onSuccess: (received) => received._tag })

const fill = (length: number) => Uint8Array.from({ length }, (_, index) => index * 31)

const packet = (kind: number, number: number, ...rest: ReadonlyArray<number>) =>
  Uint8Array.of(kind, number >>> 24, number >>> 16, number >>> 8, number, ...rest)

/** Reproducible noise (mulberry32). */
const noise = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

describe("round trips", () => {
  for (const dialect of dialects) {
    it.prop(`carries any frame (${dialect})`, { frame: Frame }, ({ frame }) => {
      // A PeerPigeon peer is never sent a stream's bytes.
      if (dialect === "pigeon" && frame.type === "stream-data") return
      assert.deepStrictEqual(roundTrip(frame, dialect), withOneZero(frame))
    })

    it(`carries contents of every size around a packet's (${dialect})`, () => {
      for (const around of [0, 1, FrameCodec.packetBytes, 2 * FrameCodec.packetBytes]) {
        for (let length = Math.max(0, around - 300); length <= around + 20; length += 7) {
          const text = gossip("x".repeat(length))
          const bytes = gossip(fill(length))
          const direct: Frame = { type: "__BINARY__", bytes: fill(length) }
          for (const frame of [text, bytes, direct]) assert.deepStrictEqual(roundTrip(frame, dialect), frame)
        }
      }
    })

    it(`carries awkward contents exactly (${dialect})`, () => {
      const contents: ReadonlyArray<Content> = [
        "",
        "aGVsbG8=",
        "\ufeffafter a mark",
        "lone \ud83d surrogate \udc38",
        "\u0000\u2028\"\\",
        null,
        [],
        { encoding: "base64", content: "aGVsbG8=" },
        JSON.parse("{\"__proto__\":{\"polluted\":true},\"constructor\":{\"prototype\":1},\"hasOwnProperty\":2}")
      ]
      for (const content of contents) assert.deepStrictEqual(roundTrip(gossip(content), dialect), gossip(content))
      assert.isUndefined(Reflect.get({}, "polluted"))
    })

    it(`carries only the bytes of a view (${dialect})`, () => {
      const view = fill(100).subarray(40, 45)
      for (const frame of [gossip(view), { type: "__BINARY__", bytes: view } as const]) {
        assert.deepStrictEqual(
          JSON.stringify(roundTrip(frame, dialect)),
          JSON.stringify({ ...frame, ...(frame.type === "gossip" ? { content: view } : { bytes: view }) })
        )
      }
      const [, bytes] = packets({ type: "__BINARY__", bytes: view }, "pigeon")
      assert.isTrue(bytes instanceof Uint8Array && bytes.buffer.byteLength === 5)
    })
  }

  it("carries a mebibyte of text that is not ASCII, in fragments no larger than a packet", () => {
    const frame = gossip("🐦ü\ud800€".repeat(100_000))
    const cut = packets(frame, "homing")
    assert.isAbove(cut.length, 64)
    for (const one of cut) assert.isAtMost(one.length, FrameCodec.packetBytes)
    assert.deepStrictEqual(roundTrip(frame, "homing"), frame)
  })

  it("carries a mebibyte of bytes", () => {
    const frame = gossip(fill(1024 * 1024))
    assert.deepStrictEqual(roundTrip(frame, "homing"), frame)
  })

  it("lets text packets through between fragments", () => {
    const frame = gossip("x".repeat(100_000))
    const decoder = FrameCodec.makeDecoder()
    const ping: Frame = { type: "ping", nonce: 7 }
    const received = packets(frame, "homing").flatMap((fragment) =>
      pushAll(decoder, [...packets(ping, "homing"), fragment])
    ).filter((one) => one._tag === "Frame").map(({ frame }) => frame)
    assert.deepStrictEqual(received.at(-1), frame)
    assert.isTrue(received.slice(0, -1).every(({ type }) => type === "ping"))
  })

  it("shares no memory with what it was given", () => {
    for (const dialect of dialects) {
      for (const length of [10, 100_000]) {
        const bytes = fill(length)
        const encoded = packets({ type: "__BINARY__", bytes }, dialect)
        bytes.fill(0)
        const last = pushAll(FrameCodec.makeDecoder(), encoded).at(-1)
        assert.deepStrictEqual(last, { _tag: "Frame", frame: { type: "__BINARY__", bytes: fill(length) } })
      }
    }
  })
})

describe("PeerPigeon", () => {
  it("gets one JSON text packet, with bytes as base64", () => {
    const [text, ...more] = packets(gossip(Uint8Array.of(104, 105)), "pigeon")
    assert.lengthOf(more, 0)
    assert.deepInclude(JSON.parse(String(text)), { content: "aGk=", encoding: "base64" })
  })

  it("gets bytes for a neighbour as a header and the bytes", () => {
    assert.deepStrictEqual(packets({ type: "__BINARY__", bytes: Uint8Array.of(1, 2, 3) }, "pigeon"), [
      "{\"type\":\"__BINARY__\",\"size\":3}",
      Uint8Array.of(1, 2, 3)
    ])
  })

  it("may send types that we do not know, and their bytes", () => {
    const decoder = FrameCodec.makeDecoder()
    const chunk = JSON.stringify({ type: "__STREAM_CHUNK__", streamId: "s", size: 3, encoding: "binary" })
    const received = pushAll(decoder, ["{\"type\":\"signaling\",\"data\":{}}", chunk, Uint8Array.of(1, 2, 3)])
    assert.deepStrictEqual(received, [
      { _tag: "Unknown", type: "signaling" },
      { _tag: "Unknown", type: "__STREAM_CHUNK__" },
      { _tag: "Incomplete" }
    ])
  })

  it("may announce bytes that never come", () => {
    const decoder = FrameCodec.makeDecoder()
    const [lost] = packets({ type: "__BINARY__", bytes: fill(9) }, "pigeon")
    const frame: Frame = { type: "__BINARY__", bytes: fill(10) }
    assert.deepStrictEqual(pushAll(decoder, [lost ?? "", ...packets(frame, "pigeon")]).at(-1), { _tag: "Frame", frame })
  })
})

describe("limits", () => {
  it("refuses to encode what is too large, and says how large it is", () => {
    for (const dialect of dialects) {
      for (
        const frame of [
          gossip("€".repeat(2000)),
          gossip(fill(7000)),
          { type: "__BINARY__", bytes: fill(7000) } as const
        ]
      ) {
        const result = FrameCodec.encode(frame, dialect, 6000)
        assert.strictEqual(Result.isFailure(result) && result.failure._tag, "MessageTooLarge")
        assert.isAbove(Result.isFailure(result) ? result.failure.size : 0, 6000)
      }
    }
    assert.isTrue(Result.isFailure(FrameCodec.encode(gossip("x".repeat(300_000)), "pigeon")))
    assert.isTrue(Result.isSuccess(FrameCodec.encode(gossip("x".repeat(300_000)), "homing")))
    assert.isTrue(Result.isFailure(FrameCodec.encode(gossip("x".repeat(9_000_000)), "homing")))
  })

  it("encodes up to the limit exactly", () => {
    for (const dialect of dialects) {
      const frame = gossip("€".repeat(2000))
      const size = new TextEncoder().encode(JSON.stringify(frame)).length
      assert.isTrue(Result.isSuccess(FrameCodec.encode(frame, dialect, size)))
      assert.isTrue(Result.isFailure(FrameCodec.encode(frame, dialect, size - 1)))
    }
  })

  it("refuses to decode what is too large", () => {
    const decoder = FrameCodec.makeDecoder({ maxMessageBytes: 1000 })
    const [text] = packets(gossip("x".repeat(1000)), "homing")
    const [envelope] = packets(gossip(fill(1000)), "homing")
    assert.strictEqual(tag(decoder.push(text ?? "")), "MessageTooLarge")
    assert.strictEqual(tag(decoder.push(envelope ?? "")), "MessageTooLarge")
    assert.strictEqual(tag(decoder.push(packet(0xfe, 1001, 1))), "MessageTooLarge")
    assert.strictEqual(tag(decoder.push("{\"type\":\"__BINARY__\",\"size\":1001}")), "MessageTooLarge")
    assert.strictEqual(tag(decoder.push("{\"type\":\"ping\",\"nonce\":1}")), "Frame")
  })

  it("allocates nothing for a total that is a lie", () => {
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 1000 }, () => FrameCodec.makeDecoder())
    for (const decoder of decoders) {
      assert.strictEqual(tag(decoder.push(packet(0xfe, FrameCodec.maxMessageBytes, 1))), "Incomplete")
    }
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 16 * 1024 * 1024)
  })
})

describe("hostile packets", () => {
  it("are malformed, and the error names the field", () => {
    const cases: ReadonlyArray<readonly [string, RegExp, ...ReadonlyArray<string | Uint8Array>]> = [
      ["no JSON", /not JSON/, "{"],
      ["no object", /type/, "[]"],
      ["null", /type/, "null"],
      ["a type that is no string", /type/, "{\"type\":1}"],
      ["an inherited type", /type/, "{\"__proto__\":{\"type\":\"ping\"}}"],
      ["a field missing", /nonce/, "{\"type\":\"ping\"}"],
      ["content missing", /content/, JSON.stringify({ ...gossip(null), content: undefined })],
      ["no base64", /content/, JSON.stringify({ ...gossip("!"), encoding: "base64" })],
      ["base64 that is no text", /content/, JSON.stringify({ ...gossip({}), encoding: "base64" })],
      ["a deep nest", /nests deeper/, JSON.stringify(gossip(null)).replace("null", "[".repeat(5e4) + "]".repeat(5e4))],
      ["an announced size that is no number", /size/, "{\"type\":\"__BINARY__\",\"size\":\"3\"}"],
      ["a negative announced size", /size/, "{\"type\":\"__BINARY__\",\"size\":-1}"],
      ["other bytes than announced", /size/, "{\"type\":\"__BINARY__\",\"size\":3}", Uint8Array.of(1)],
      ["an empty packet", /packet/, new Uint8Array(0)],
      ["bytes that nothing announced", /kind/, Uint8Array.of(1, 2, 3, 4, 5, 6)],
      ["an envelope with a long header", /header length/, packet(0xfd, 99, 1)],
      ["an envelope without JSON", /JSON/, packet(0xfd, 1, 1)],
      ["an envelope that is not UTF-8", /UTF-8/, packet(0xfd, 1, 0xff)],
      ["a ping in an envelope", /type/, packet(0xfd, 15, ...new TextEncoder().encode("{\"type\":\"ping\"}"))],
      ["a next fragment first", /first/, packet(0xff, 0, 1)],
      ["a fragment left out", /offset/, packet(0xfe, 100, 1), packet(0xff, 2, 1)],
      ["a fragment repeated", /offset/, packet(0xfe, 100, 1), packet(0xff, 1, 1), packet(0xff, 1, 1)],
      ["a first fragment again", /first/, packet(0xfe, 100, 1), packet(0xfe, 100, 1)],
      ["more than the total", /fragment/, packet(0xfe, 2, 1, 1, 1)],
      ["an empty fragment", /packet/, packet(0xfe, 2)],
      ["fragments of a short envelope", /header length/, packet(0xfe, 1, 0xfd)]
    ]
    for (const [name, expected, ...input] of cases) {
      const decoder = FrameCodec.makeDecoder()
      const results = input.map((one) => decoder.push(one))
      const last = results.at(-1)
      assert.match(last === undefined ? "" : problem(last), expected, name)
      assert.strictEqual(tag(decoder.push("{\"type\":\"ping\",\"nonce\":1}")), "Frame", name)
    }
  })

  it("do not pile up announcements", () => {
    const decoder = FrameCodec.makeDecoder()
    const tags = Array.from({ length: 100 }, () => tag(decoder.push("{\"type\":\"__BINARY__\",\"size\":3}")))
    assert.include(tags, "Malformed")
  })

  it("never make it throw: noise", () => {
    const random = noise(1)
    const decoder = FrameCodec.makeDecoder()
    const starts = [0xfd, 0xfe, 0xff, 0x7b]
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: random() * 40 }, () => random() * 256)
      if (random() < 0.8) bytes[0] = starts[Math.floor(random() * 4)] ?? 0
      if (random() < 0.8) bytes.fill(0, 1, 4)
      decoder.push(random() < 0.2 ? String.fromCharCode(...bytes) : bytes)
    }
    assert.strictEqual(tag(decoder.push("{\"type\":\"ping\",\"nonce\":1}")), "Frame")
  })

  it("never make it throw: honest packets, damaged", () => {
    const random = noise(2)
    const honest = [gossip(fill(50)), gossip("x".repeat(40_000)), gossip({ a: [1, 2, { b: "c" }] }), {
      type: "__BINARY__" as const,
      bytes: fill(40_000)
    }].flatMap((frame) => dialects.flatMap((dialect) => packets(frame, dialect)))
    const decoder = FrameCodec.makeDecoder()
    for (let round = 0; round < 5000; round++) {
      const one = honest[Math.floor(random() * honest.length)] ?? ""
      const at = Math.floor(random() * one.length)
      if (typeof one === "string") {
        decoder.push(
          one.slice(0, at) + (random() < 0.5 ? "" : String.fromCharCode(random() * 65536) + one.slice(at + 1))
        )
      } else {
        const copy = one.slice(0, random() < 0.5 ? one.length : at)
        copy[at] = random() * 256
        decoder.push(copy)
      }
    }
  })
})

describe("types", () => {
  it("a frame that was decoded is one that the schema accepts", () => {
    const isFrame = Schema.is(Frame)
    for (const dialect of dialects) assert.isTrue(isFrame(roundTrip(gossip(fill(20)), dialect)))
  })
})

describe("packets that share one", () => {
  it.prop(
    "come apart as they were, whatever text is in them",
    [Schema.NonEmptyArray(Schema.String)],
    ([texts]) => {
      const joined = FrameCodec.join(texts.flatMap((text) => packets(gossip(text), "homing")))
      const received = pushAll(FrameCodec.makeDecoder(), FrameCodec.split(joined))
      assert.deepStrictEqual(
        received.map((one) => one._tag === "Frame" && one.frame.type === "gossip" ? one.frame.content : undefined),
        [...texts]
      )
    },
    { arbitrary: { seed: 7 } }
  )

  it("fit a packet, and a stranger's are bounded in number", () => {
    assert.isAtMost(new TextEncoder().encode("\u20ac".repeat(FrameCodec.joinedLength)).length, FrameCodec.packetBytes)
    assert.isAtMost(FrameCodec.split("\n".repeat(100_000)).length, 4096)
  })
})
