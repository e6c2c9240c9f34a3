/**
 * One WebSocket, owned by a scope: it can be written to, asked for a sign of life and closed. When the scope
 * closes the socket is closed too, politely at first.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Buffer } from "node:buffer"
import type { RawData, WebSocket } from "ws"
import { waitAtMost } from "../services/Patience.ts"
import type { HubSettings } from "./Options.ts"
import * as Wire from "./Wire.ts"

/** WebSocket close codes (RFC 6455, 7.4) as this hub uses them. @category constants */
export const closeCode = { goingAway: 1001, policy: 1008, tryAgainLater: 1013 } as const

/** An open WebSocket, or one that is about to be closed. @category models */
export interface Connection {
  /** Completes when the socket is closed, or starts to be closed by the hub. */
  readonly ended: Effect.Effect<void>
  /** Hands a frame over; `false` when the socket is closing, or is closed because it reads too slowly. Never throws. */
  send(frame: string | Uint8Array): boolean
  /** Starts to close, unless that has begun. The reason may have 123 bytes. */
  close(code: number, reason: string): void
  /** Drops the socket without a word. */
  readonly terminate: Effect.Effect<void>
  /** Asks for a sign of life and waits until it comes: a pong, or anything else that the peer sends. */
  alive(patience: HubSettings["heartbeatPatience"]): Effect.Effect<boolean>
  /**
   * Starts to read, with `onFrame` for each message and `onPing` for each WebSocket ping. Until then,
   * whatever the peer sends waits in its own machine.
   */
  listen(handlers: { readonly onFrame: (frame: string, bytes: number) => void; readonly onPing: () => void }): void
}

const toBuffer = (data: RawData): Buffer =>
  Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)

/**
 * Takes a socket over. The finalizer says `hub-closing` if the socket is still open, since then it is the hub that
 * ends; it waits `closingPatience` for the peer and cuts the socket if that was not enough.
 *
 * @category constructors
 */
export const make = (
  socket: WebSocket,
  settings: Pick<HubSettings, "closingPatience" | "maxBufferedBytes">
): Effect.Effect<Connection, never, Scope.Scope> => {
  const closed = Deferred.makeUnsafe<void>()
  const ended = Deferred.makeUnsafe<void>()
  let asked: Deferred.Deferred<void> | undefined

  const heard = () => {
    if (asked !== undefined) Deferred.doneUnsafe(asked, Effect.void)
  }

  const close = (code: number, reason: string) => {
    // A paused socket would never see the answer to its closing frame.
    socket.resume()
    socket.close(code, reason)
    Deferred.doneUnsafe(ended, Effect.void)
  }

  const connection: Connection = {
    ended: Deferred.await(ended),
    send(frame) {
      if (socket.readyState !== socket.OPEN) return false
      if (socket.bufferedAmount > settings.maxBufferedBytes) {
        close(closeCode.tryAgainLater, "Reading too slowly")
        return false
      }
      socket.send(frame)
      return true
    },
    close,
    terminate: Effect.sync(() => socket.terminate()),
    alive: (patience) =>
      Effect.suspend(() => {
        if (socket.readyState !== socket.OPEN) return Effect.succeed(false)
        const question = asked ??= Deferred.makeUnsafe<void>()
        socket.ping()
        return Deferred.await(question).pipe(
          Effect.timeoutOption(patience),
          Effect.map(Option.isSome),
          Effect.ensuring(Effect.sync(() => {
            if (asked === question) asked = undefined
          }))
        )
      }),
    listen({ onFrame, onPing }) {
      socket.on("message", (data) => {
        heard()
        const bytes = toBuffer(data)
        // What arrives after a close began is not answered and must not be acted on.
        if (socket.readyState === socket.OPEN) onFrame(bytes.toString(), bytes.length)
      })
      socket.on("ping", () => {
        heard()
        onPing()
      })
      socket.resume()
    }
  }

  const acquire = Effect.sync(() => {
    socket.pause()
    socket.on("close", () => {
      Deferred.doneUnsafe(closed, Effect.void)
      Deferred.doneUnsafe(ended, Effect.void)
    })
    // An error is always followed by a close, and without a listener it would end the process.
    socket.on("error", () => undefined)
    socket.on("pong", heard)
    return connection
  })

  const release = Effect.gen(function*() {
    if (socket.readyState === socket.OPEN) {
      connection.send(Wire.hubClosing("Hub shutting down", yield* Clock.currentTimeMillis))
      connection.close(closeCode.goingAway, "Hub shutting down")
    }
    yield* waitAtMost(settings.closingPatience)(Deferred.await(closed))
    yield* connection.terminate
  })

  return Effect.acquireRelease(acquire, () => release)
}
