/** As much of a TURN server as it takes to see who asks it (RFC 8489, RFC 8656): it lets nobody in. */
import * as Effect from "effect/Effect"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { networkInterfaces } from "node:os"
import type { IceServer } from "../../../src/services/WebRtc.ts"

const attribute = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value])
}

const challenge = Buffer.concat([
  // 401, of 12 characters.
  attribute(0x0009, Buffer.from([0, 0, 4, 1, ...Buffer.from("Unauthorized")])),
  attribute(0x0014, Buffer.from("test")),
  attribute(0x0015, Buffer.from("0123456789abcdef"))
])

/** "Who are you?", in answer to a request. */
const answerTo = (request: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(0x0113, 0)
  head.writeUInt16BE(challenge.length, 2)
  return Buffer.concat([head, request.subarray(4, 20), challenge])
}

const usernameType = 0x0006

/** The name by which a request is made, if it gives one. */
const usernameOf = (request: Buffer): string | undefined => {
  for (let at = 20; at + 4 <= request.length;) {
    const length = request.readUInt16BE(at + 2)
    if (request.readUInt16BE(at) === usernameType) return request.toString("utf8", at + 4, at + 4 + length)
    at += 4 + Math.ceil(length / 4) * 4
  }
  return undefined
}

/** Where engines reach it from: a browser asks from the machine's own address alone. */
const address = Object.values(networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal)
  ?.address ?? "127.0.0.1"

/** Starts in the scope: says how it is asked under a name, and who has. */
export const make = Effect.gen(function*() {
  const asked = new Set<string>()
  const socket = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = createSocket("udp4", (request, { address, port }) => {
        const username = usernameOf(request)
        if (username !== undefined) asked.add(username)
        else socket.send(answerTo(request), port, address)
      })
      socket.bind(0, address)
      await once(socket, "listening")
      return socket
    }),
    (socket) => Effect.sync(() => socket.close())
  )
  return {
    asked,
    as: (username: string): ReadonlyArray<IceServer> => [
      { urls: `turn:${address}:${socket.address().port}?transport=udp`, username, credential: "secret" }
    ]
  }
})
