/** Connections between hubs over WebSocket. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Buffer } from "node:buffer"
import { type RawData, WebSocket } from "ws"
import { type Duplex, HubDialer, HubNotThere } from "./Duplex.ts"

/** Where a hub takes connections of other hubs. @category constants */
export const path = "/hub-link"

/** The most bytes of one message between hubs: a peer's frame, quoted. @category constants */
export const maxBytes = 4 * 1024 * 1024

/** The most bytes that wait for a hub that reads slowly; then the connection is given up. */
const maxBuffered = 16 * 1024 * 1024

const textOf = (data: RawData): string =>
  (Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString()

/** A socket that is open, or about to be, as a connection between hubs. @category constructors */
export const duplex = (socket: WebSocket, address: string): Duplex => {
  const ended = Deferred.makeUnsafe<string>()
  const early: Array<string> = []
  let hear: ((text: string) => void) | undefined
  socket.on("message", (data) => {
    if (hear !== undefined) hear(textOf(data))
    // A hub says hello and waits; whoever says more than that is none.
    else if (early.length < 16) early.push(textOf(data))
    else socket.terminate()
  })
  socket.on("error", (error) => Deferred.doneUnsafe(ended, Effect.succeed(error.message)))
  socket.on(
    "close",
    (code, reason) =>
      Deferred.doneUnsafe(ended, Effect.succeed(reason.length > 0 ? reason.toString() : `closed with code ${code}`))
  )
  const close = (code: number, reason: string): void => {
    if (socket.readyState === socket.CONNECTING) return socket.terminate()
    // One that is paused would never see the answer to its closing frame.
    socket.resume()
    socket.close(code, reason)
    Deferred.doneUnsafe(ended, Effect.succeed(reason))
  }
  return {
    address,
    send(text) {
      if (socket.readyState !== socket.OPEN) return false
      if (socket.bufferedAmount > maxBuffered) {
        socket.terminate()
        return false
      }
      socket.send(text)
      return true
    },
    listen(onText) {
      hear = onText
      for (const text of early.splice(0)) onText(text)
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => close(1000, "no longer needed"),
    ended: Deferred.await(ended)
  }
}

/** The URL at which a hub takes other hubs. */
const linkUrl = (url: string): string | undefined => {
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url)
  const scheme = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" }[parsed.protocol]
  if (scheme === undefined) return undefined
  parsed.protocol = scheme
  parsed.pathname = `${parsed.pathname.replace(/\/$/, "")}${path}`
  parsed.search = ""
  parsed.hash = ""
  return parsed.href
}

const open = (url: string): Effect.Effect<WebSocket, HubNotThere> =>
  Effect.callback((resume) => {
    const target = linkUrl(url)
    if (target === undefined) {
      return resume(Effect.fail(new HubNotThere({ url, problem: "it is not a URL such as ws://localhost:3000" })))
    }
    const socket = new WebSocket(target, { maxPayload: maxBytes, perMessageDeflate: false })
    const onError = (error: Error) => {
      // Of several addresses that fail together, Node leaves the message empty.
      const problem = error.message !== ""
        ? error.message
        : "code" in error
        ? String(error.code)
        : "it cannot be reached"
      resume(Effect.fail(new HubNotThere({ url, problem })))
    }
    socket.on("error", onError)
    socket.once("open", () => resume(Effect.succeed(socket)))
    return Effect.sync(() => socket.terminate())
  })

/** Dials over `ws`. @category layers */
export const layer: Layer.Layer<HubDialer> = Layer.succeed(HubDialer, {
  dial: (url) =>
    Effect.acquireRelease(
      Effect.map(open(url), (socket) => duplex(socket, "")),
      (made) => Effect.sync(made.close)
    )
})
