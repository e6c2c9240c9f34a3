/** Peers for the hub's tests: a real WebSocket client, and one on bare TCP that does only what it is told. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { connect as connectTcp } from "node:net"
import { WebSocket } from "ws"
import { PeerId } from "../../src/domain/PeerId.ts"

export const ada = PeerId.make("a".repeat(40))
export const bob = PeerId.make("b".repeat(40))
export const cyd = PeerId.make("c".repeat(40))
export const dan = PeerId.make("d".repeat(40))

/** The id of the nth of many peers. */
export const nth = (n: number): PeerId => PeerId.make(n.toString(16).padStart(40, "0"))

const Json = Schema.Record(Schema.String, Schema.Unknown)
export type Json = typeof Json.Type
const decodeText = Schema.decodeUnknownSync(Schema.fromJsonString(Json))
/** Reads a frame, whichever way it is written. */
export const decodeJson = (frame: string | Uint8Array): Json =>
  decodeText(typeof frame === "string" ? frame : Buffer.from(frame).toString())

/** Numbers from 0 up to 1, the same ones every time. */
export const generator = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export const random = generator(1)

export interface Closing {
  readonly code: number
  readonly reason: string
}

/** A connected peer. It is gone when the scope closes. */
export const connect = Effect.fnUntraced(function*(url: string, peerId: string, path = "/", query = "") {
  const inbox = yield* Queue.unbounded<Json>()
  const closing = yield* Deferred.make<Closing>()
  const opened = yield* Deferred.make<void>()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => new WebSocket(`${url}${path}?peerId=${peerId}${query}`)),
    (socket) => Effect.sync(() => socket.terminate())
  )
  socket.on("message", (data) => Queue.offerUnsafe(inbox, decodeJson(String(data))))
  socket.on("error", () => undefined)
  socket.on("open", () => Deferred.doneUnsafe(opened, Effect.void))
  socket.on("close", (code, reason) => Deferred.doneUnsafe(closing, Effect.succeed({ code, reason: String(reason) })))
  yield* Effect.raceFirst(Deferred.await(opened), Deferred.await(closing))

  const next = Queue.take(inbox)
  /** The next frame of a type; what comes before it is passed over. */
  const until = (type: string): Effect.Effect<Json> =>
    Effect.flatMap(next, (frame) => frame["type"] === type ? Effect.succeed(frame) : until(type))
  const sendText = (text: string | Uint8Array) => Effect.sync(() => socket.send(text))
  const send = (message: unknown) => sendText(JSON.stringify(message))
  /** Everything that has arrived by the time the hub has answered a ping. */
  const drain = Effect.gen(function*() {
    yield* send({ type: "ping" })
    const frames: Array<Json> = []
    while (true) {
      const frame = yield* next
      if (frame["type"] === "pong") return frames
      frames.push(frame)
    }
  })
  const announce = (networkName?: string, data: unknown = { peerId }) =>
    send({ type: "announce", data, ...(networkName === undefined ? {} : { networkName }) })
  return { peerId, socket, next, until, send, sendText, announce, drain, closed: Deferred.await(closing) }
})

export type TestPeer = Effect.Success<ReturnType<typeof connect>>

/** A peer that has been greeted and is in these networks; news of them is left in its inbox. */
export const join = Effect.fnUntraced(function*(url: string, peerId: string, ...networkNames: ReadonlyArray<string>) {
  const peer = yield* connect(url, peerId)
  yield* peer.until("connected")
  for (const networkName of networkNames) yield* peer.announce(networkName)
  yield* peer.drain
  return peer
})

/** A TCP connection that sends `text` and then nothing: no pong, no close. */
export const rawTcp = Effect.fnUntraced(function*(port: number, text: string | Uint8Array) {
  const received = yield* Queue.unbounded<Uint8Array>()
  const closed = yield* Deferred.make<void>()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true })),
    (socket) => Effect.sync(() => socket.destroy())
  )
  socket.on("data", (data) => Queue.offerUnsafe(received, data))
  socket.on("error", () => undefined)
  socket.on("end", () => Deferred.doneUnsafe(closed, Effect.void))
  socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
  socket.write(text)
  /** Waits until what has arrived satisfies a test; gives all of it. */
  let seen = new Uint8Array()
  const until = (test: (bytes: Uint8Array) => boolean): Effect.Effect<Uint8Array> =>
    test(seen)
      ? Effect.succeed(seen)
      : Effect.flatMap(Queue.take(received), (bytes) => {
        seen = Buffer.concat([seen, bytes])
        return until(test)
      })
  return { socket, until, closed: Deferred.await(closed) }
})

/** Opcode bytes of frames that a server sends without payload or with a short one. */
export const opcode = { ping: 0x89, close: 0x88 } as const

export const handshake = (peerId: string): string =>
  [
    `GET /?peerId=${peerId} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "",
    ""
  ].join("\r\n")

/** A peer whose network went away without a word: connected, greeted and silent. */
export const halfOpen = Effect.fnUntraced(function*(port: number, peerId: string) {
  const raw = yield* rawTcp(port, handshake(peerId))
  yield* raw.until((bytes) => Buffer.from(bytes).includes("\"connected\""))
  return raw
})

/** A text frame as a client sends it, masked with zeros, of less than 64 KiB. */
export const textFrame = (text: string): Uint8Array => {
  const payload = Buffer.from(text)
  const length = payload.length < 126
    ? [0x80 | payload.length]
    : [0x80 | 126, payload.length >> 8, payload.length & 255]
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload])
}

/** The same text in so many frames, of a byte each but for the last. */
export const fragments = (text: string, count: number): Uint8Array => {
  const bytes = Buffer.from(text)
  return Buffer.concat(Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1
    const frame = Buffer.from(textFrame(bytes.subarray(index, isLast ? undefined : index + 1).toString()))
    frame[0] = (isLast ? 0x80 : 0) | (index === 0 ? 1 : 0)
    return frame
  }))
}

/** Repeats until the test holds. Gives way to the event loop, and needs no clock. */
export const eventually = (test: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(
    test,
    (holds) =>
      holds
        ? Effect.void
        : Effect.andThen(Effect.yieldNow, eventually(test))
  )

export const types = (frames: ReadonlyArray<Json>) => frames.map((frame) => frame["type"])
