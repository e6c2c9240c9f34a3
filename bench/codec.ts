/** Prints what it costs to encode and to decode a frame: `node bench/codec.ts`. */
import * as Result from "effect/Result"
import type { Content } from "../src/domain/Content.ts"
import type { Dialect, Frame } from "../src/domain/Frame.ts"
import * as FrameCodec from "../src/domain/FrameCodec.ts"
import { PeerId } from "../src/domain/PeerId.ts"

const peerId = PeerId.make("a".repeat(40))

const gossip = (content: Content): Frame => ({
  type: "gossip",
  id: "0".repeat(32),
  subtype: "chat",
  content,
  from: peerId,
  timestamp: 1,
  ttl: 40,
  path: [peerId, peerId, peerId]
})

/** Microseconds per call, the best of five rounds of at least 100 ms. */
const measure = (run: () => unknown): number => {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    let calls = 0
    let elapsed = 0
    while (elapsed < 100) {
      for (let i = 0; i < 10; i++) run()
      calls += 10
      elapsed = performance.now() - start
    }
    best = Math.min(best, elapsed * 1000 / calls)
  }
  return best
}

const sizes: ReadonlyArray<readonly [string, number]> = [
  ["256 B", 256],
  ["1 KiB", 1024],
  ["16 KiB", 16 * 1024],
  ["1 MiB", 1024 * 1024]
]
const dialects: ReadonlyArray<Dialect> = ["homing", "pigeon"]

for (const dialect of dialects) {
  for (const kind of ["text", "bytes"]) {
    for (const [name, size] of sizes) {
      const frame = gossip(kind === "text" ? "x".repeat(size) : new Uint8Array(size))
      const encoded = FrameCodec.encode(frame, dialect)
      if (Result.isFailure(encoded)) continue
      const decoder = FrameCodec.makeDecoder()
      const encode = measure(() => FrameCodec.encode(frame, dialect))
      const decode = measure(() => encoded.success.map((packet) => decoder.push(packet)))
      console.log(
        `${dialect.padEnd(7)} ${kind.padEnd(6)} ${name.padEnd(7)} encode ${encode.toFixed(1).padStart(8)} µs`
          + `  decode ${decode.toFixed(1).padStart(8)} µs  packets ${encoded.success.length}`
      )
    }
  }
}
