/**
 * One WebSocket: it can be written to, asked for a sign of life and closed. It is a plain object without a fiber or a timer
 * of its own, since a hub holds thousands that say nothing; `Connections` looks after all of them.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Buffer } from "node:buffer"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type RawData, WebSocket } from "ws"
import type { HubSettings } from "../Options.ts"
import { framesPerTurn, type Turns } from "./Turns.ts"

/** WebSocket close codes (RFC 6455, 7.4) as this hub uses them. @category constants */
export const closeCode = { goingAway: 1001, policy: 1008, tryAgainLater: 1013 } as const

/** Who hears what a peer sends. @category models */
export interface Ear {
  /** A message, and whether it came as text, which is well-formed UTF-8 then. */
  onFrame(bytes: Buffer, isText: boolean): void
  /** A ping or a pong of WebSocket, whether the hub asked for it or not. */
  onControl(): void
  /** The connection is closed, or the hub starts to close it; once. */
  onEnd(): void
}

/** What all connections of a hub share. @category models */
export interface Surroundings {
  readonly settings: Pick<HubSettings, "maxBufferedBytes">
  readonly turns: Turns
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** To be told when a socket is closed for good. */
  readonly closed: (connection: Connection) => void
}

const toBuffer = (data: RawData): Buffer =>
  Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)

const asText = { binary: false } as const

/**
 * A WebSocket that knows its connection, so that all of them share their listeners: five functions less for each of
 * thousands.
 *
 * @category models
 */
export class HubSocket extends WebSocket {
  connection: Connection | undefined
}

// An error is always followed by a close, and without a listener it would end the process.
const onError = () => undefined

const connectionOf = (socket: WebSocket): Connection | undefined =>
  socket instanceof HubSocket ? socket.connection : undefined

function onClose(this: WebSocket): void {
  connectionOf(this)?.closedBySocket()
}

function onControl(this: WebSocket): void {
  connectionOf(this)?.controlled()
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  connectionOf(this)?.receive(data, isBinary)
}

/** An open WebSocket, or one that is about to be closed. @category models */
export class Connection {
  readonly #socket: HubSocket
  readonly #tcp: Duplex
  readonly #shared: Surroundings
  #ear: Ear | undefined
  #asked: Deferred.Deferred<void> | undefined
  #ending: Deferred.Deferred<void> | undefined
  #closing: Deferred.Deferred<void> | undefined
  #written = false
  #turn = 0
  #frames = 0
  /** When the peer last gave a sign of life. */
  heardAt: number
  /** When it was asked for one, if it owes it. */
  askedAt: number | undefined
  /** When it may be there no longer, if ever. */
  expiresAt: number | undefined
  /** When the hub began to close, or the socket was closed. */
  endedAt: number | undefined

  /** Takes a socket over, with the TCP or TLS connection below it. Nothing is read before `listen`. */
  constructor(socket: HubSocket, tcp: Duplex, shared: Surroundings) {
    this.#socket = socket
    this.#tcp = tcp
    this.#shared = shared
    this.heardAt = shared.now()
    socket.pause()
    socket.connection = this
    socket.on("error", onError)
    socket.on("close", onClose)
    socket.on("pong", onControl)
    socket.on("ping", onControl)
    socket.on("message", onMessage)
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  /** Bytes that came and went so far. */
  get bytes(): number {
    return this.#tcp instanceof Socket ? this.#tcp.bytesRead + this.#tcp.bytesWritten : 0
  }

  get #isClosed(): boolean {
    return this.#socket.readyState === this.#socket.CLOSED
  }

  /** Completes when the socket is closed. */
  get closed(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#isClosed ? Effect.void : Deferred.await(this.#closing ??= Deferred.makeUnsafe<void>())
    )
  }

  /** Completes when the socket is closed, or starts to be closed by the hub. */
  get ended(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.endedAt !== undefined ? Effect.void : Deferred.await(this.#ending ??= Deferred.makeUnsafe<void>())
    )
  }

  /**
   * Hands a frame over, as text; `false` when the socket is closing, or is closed because it reads too slowly. The bytes
   * must not change afterwards. Never throws.
   */
  send(frame: string | Uint8Array): boolean {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return false
    const { maxBufferedBytes } = this.#shared.settings
    // What only waits for the end of the turn is nobody's fault.
    if (socket.bufferedAmount > maxBufferedBytes && this.#written) this.#tcp.uncork()
    if (socket.bufferedAmount > maxBufferedBytes) {
      this.close(closeCode.tryAgainLater, "Reading too slowly")
      return false
    }
    if (!this.#written) {
      this.#written = true
      this.#tcp.cork()
      this.#shared.turns.wrote(this)
    }
    socket.send(frame, asText)
    return true
  }

  /** Lets leave what was handed over. */
  flush(): void {
    this.#written = false
    this.#tcp.uncork()
  }

  /** Starts to close, unless that has begun. The reason may have 123 bytes. */
  close(code: number, reason: string): void {
    // A paused socket would never see the answer to its closing frame.
    this.#socket.resume()
    this.#socket.close(code, reason)
    this.#end()
  }

  /** Starts to close, and hears nothing any more: whoever speaks too fast would go on. The reason may have 123 bytes. */
  expel(reason: string): void {
    this.#socket.close(closeCode.policy, reason)
    this.#socket.pause()
    this.#tcp.end()
    this.#end()
  }

  /** Drops the socket without a word. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** Asks for a sign of life. */
  ping(): void {
    if (!this.isOpen) return
    this.askedAt = this.#shared.now()
    this.#socket.ping()
  }

  /** Asks for a sign of life and waits until it comes: a pong, or anything else that the peer sends. */
  alive(patience: HubSettings["heartbeatPatience"]): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (!this.isOpen) return Effect.succeed(false)
      const question = this.#asked ??= Deferred.makeUnsafe<void>()
      this.ping()
      return Deferred.await(question).pipe(
        Effect.timeoutOption(patience),
        Effect.map(Option.isSome),
        Effect.ensuring(Effect.sync(() => {
          if (this.#asked === question) this.#asked = undefined
        }))
      )
    })
  }

  /** Starts to read. Until then, whatever the peer sends waits in its own machine. */
  listen(ear: Ear): void {
    this.#ear = ear
    this.#socket.resume()
  }

  /** Reads on after a pause. */
  resume(): void {
    if (this.endedAt === undefined) this.#socket.resume()
  }

  /** A message came. */
  receive(data: RawData, isBinary: boolean): void {
    this.heard()
    // What arrives after a close began is not answered and must not be acted on.
    if (!this.isOpen) return
    const { turns } = this.#shared
    if (this.#turn !== turns.number) {
      this.#turn = turns.number
      this.#frames = 0
    }
    if (++this.#frames === framesPerTurn) {
      this.#socket.pause()
      turns.wait(this)
    }
    this.#ear?.onFrame(toBuffer(data), !isBinary)
  }

  /** A ping or a pong came. */
  controlled(): void {
    this.heard()
    if (this.isOpen) this.#ear?.onControl()
  }

  /** The socket is closed. */
  closedBySocket(): void {
    this.#end()
    if (this.#closing !== undefined) Deferred.doneUnsafe(this.#closing, Effect.void)
    this.#shared.closed(this)
  }

  /** The peer gave a sign of life. */
  heard(): void {
    this.heardAt = this.#shared.now()
    this.askedAt = undefined
    if (this.#asked !== undefined) Deferred.doneUnsafe(this.#asked, Effect.void)
  }

  #end(): void {
    if (this.endedAt !== undefined) return
    this.endedAt = this.#shared.now()
    if (this.#ending !== undefined) Deferred.doneUnsafe(this.#ending, Effect.void)
    this.#ear?.onEnd()
  }
}
