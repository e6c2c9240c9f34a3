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
import type { Held } from "./Held.ts"
import type { Turns } from "./Turns.ts"

/** WebSocket close codes (RFC 6455, 7.4) as this hub uses them. @category constants */
export const closeCode = { goingAway: 1001, policy: 1008, tryAgainLater: 1013 } as const

/**
 * Bytes that are read of a connection at a time. All that is in them is acted on, so that they are few at first and where
 * they turn out to be much work, as announcements are, and many where they are not.
 *
 * @category constants
 */
export const sliceBytes = { first: 1024, fewest: 512, most: 8192 } as const

/** A slice that makes more work than this, in tokens, was too large. The largest message makes less. @category constants */
export const workPerSlice = 32

/**
 * The size of the next slice, in bytes, after one of a size that made so much work.
 *
 * @category getters
 */
export const nextSlice = (size: number, work: number): number =>
  work > workPerSlice ? Math.max(sliceBytes.fewest, size >> 1) : Math.min(sliceBytes.most, size << 1)

/** Who hears what a peer sends. @category models */
export interface Ear {
  /** Whether it has said so much that others come first. */
  readonly isTalkative: boolean
  /** So little was read that is no message yet, nor the rest of one, that it was not worth it. */
  onCrumb(): void
  /** It has been held back for as long as a silent peer is borne. */
  onInsist(): void
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
  readonly held: Held
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** To be told when a socket is closed for good. */
  readonly closed: (connection: Connection) => void
}

const toBuffer = (data: RawData): Buffer =>
  Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)

const asText = { binary: false } as const

/** So little is read at once whoever else talks: a description. */
const fewBytes = 2048

const owner = Symbol("homing/Connection")

/** A TCP or TLS connection that knows whose it is. @category models */
export interface Tcp extends Duplex {
  [owner]?: Connection
}

function onReadable(this: Tcp): void {
  this[owner]?.arrived()
}

// What a socket has not given to anybody when it is closed is nobody's: it would all be taken apart for nothing.
function discard(this: Duplex): void {
  this.removeAllListeners("data")
  this.read()
}

/**
 * A WebSocket that knows its connection, so that all of them share their listeners: five functions less for each of
 * thousands.
 *
 * @category models
 */
export class HubSocket extends WebSocket {
  connection: Connection | undefined
}

const connectionOf = (socket: WebSocket): Connection | undefined =>
  socket instanceof HubSocket ? socket.connection : undefined

// An error is always followed by a close, and without a listener it would end the process.
function onError(this: WebSocket): void {
  connectionOf(this)?.failed()
}

function onClose(this: WebSocket): void {
  connectionOf(this)?.closedBySocket()
}

function onPong(this: WebSocket): void {
  connectionOf(this)?.ponged()
}

function onPing(this: WebSocket, data: Buffer): void {
  connectionOf(this)?.pinged(data)
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  connectionOf(this)?.receive(data, isBinary)
}

/** An open WebSocket, or one that is about to be closed. @category models */
export class Connection {
  readonly #socket: HubSocket
  readonly #tcp: Tcp
  readonly #shared: Surroundings
  #ear: Ear | undefined
  #asked: Deferred.Deferred<void> | undefined
  #ending: Deferred.Deferred<void> | undefined
  #closing: Deferred.Deferred<void> | undefined
  #written = false
  /** What the last ping said, until it is answered. */
  #ping: Buffer | undefined
  /** When it is read from: when something arrives, when it is its turn, when its budget allows, or not any more. */
  #reads: "at once" | "in line" | "held back" | "never" = "at once"
  #heldUntil: number | undefined
  #messages = 0
  #sliceBytes: number = sliceBytes.first
  /** When the peer last gave a sign of life. */
  heardAt: number
  /** When it was asked for one, if it owes it. */
  askedAt: number | undefined
  /** When it may be there no longer, if ever. */
  expiresAt: number | undefined
  /** When it was asked for a sign of life that no message is, since those that are read now may be old. */
  behindSince: number | undefined
  /** When the hub began to close, or the socket was closed. */
  endedAt: number | undefined

  /** Takes a socket over, with the TCP or TLS connection below it. Nothing is read before `listen`. */
  constructor(socket: HubSocket, tcp: Tcp, shared: Surroundings) {
    this.#socket = socket
    this.#tcp = tcp
    this.#shared = shared
    this.heardAt = shared.now()
    socket.pause()
    socket.connection = this
    socket.on("error", onError)
    socket.on("close", onClose)
    socket.on("pong", onPong)
    socket.on("ping", onPing)
    socket.on("message", onMessage)
    tcp.prependListener("close", discard)
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
    this.#gather()
    socket.send(frame, asText)
    return true
  }

  /** Lets leave what was handed over. */
  flush(): void {
    this.#written = false
    if (this.#ping !== undefined && this.isOpen) this.#socket.pong(this.#ping)
    this.#ping = undefined
    this.#tcp.uncork()
  }

  /** Starts to close, unless that has begun. The reason may have 123 bytes. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    this.#end()
    // The answer to the closing frame is behind what was held back.
    this.#shared.held.drop(this)
    if (this.#reads === "held back") this.released()
    this.#socket.resume()
  }

  /** Starts to close on who breaks the rules. The reason may have 123 bytes. */
  expel(reason: string): void {
    this.close(closeCode.policy, reason)
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
      // Its answer would have to wait for us.
      if (this.#reads === "held back") return Effect.succeed(true)
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

  /** Starts to read, or goes on for another ear. Until then, whatever the peer sends waits in its own machine. */
  listen(ear: Ear): void {
    const isFirst = this.#ear === undefined
    this.#ear = ear
    if (!isFirst) return
    // Not by "data": then all that has arrived is taken apart at once, however much it is.
    this.#tcp[owner] = this
    this.#tcp.on("readable", onReadable)
  }

  /**
   * Reads no more until a time, in milliseconds since 1970. Whatever was read already is acted on, and the peer is asked for a
   * sign of life, since it cannot give another.
   */
  hold(until: number): void {
    this.#heldUntil = until
    if (this.behindSince !== undefined || !this.isOpen) return
    this.behindSince = this.#shared.now()
    this.#socket.ping()
  }

  /** Notes work that was done for its peer, in tokens. */
  worked(tokens: number): void {
    this.#shared.turns.worked(tokens)
  }

  /** It has been held back for long enough. */
  insist(): void {
    this.#ear?.onInsist()
  }

  /** Reads on when it is its turn. */
  released(): void {
    this.#heldUntil = undefined
    this.#waitInLine()
  }

  /** Reads a slice, now that it is its turn. */
  resume(): void {
    this.#reads = "at once"
    if (this.#isClosed) return
    this.#slice()
    this.#settle()
  }

  /** Something has arrived, or the peer has ended. */
  arrived(): void {
    if (this.#reads === "held back") return this.#ear?.onCrumb()
    if (this.#reads !== "at once") return
    const { turns } = this.#shared
    const waiting = this.#tcp.readableLength
    if (waiting > 0 && (this.#ear?.isTalkative === true || (waiting > fewBytes && turns.isBusy))) {
      return this.#waitInLine()
    }
    do this.#slice()
    while (this.#reads === "at once" && this.#tcp.readableLength > 0 && this.#heldUntil === undefined && !turns.isBusy)
    this.#settle()
  }

  /** A message came. */
  receive(data: RawData, isBinary: boolean): void {
    this.#messages++
    this.heard()
    // What arrives after a close began is not answered and must not be acted on.
    if (this.isOpen) this.#ear?.onFrame(toBuffer(data), !isBinary)
  }

  /** A WebSocket ping came. Of several in a turn, the last is answered for all (RFC 6455, 5.5.3). */
  pinged(data: Buffer): void {
    this.#messages++
    this.heard()
    if (!this.isOpen) return
    this.#ping = data
    this.#gather()
    this.#ear?.onControl()
  }

  /** A WebSocket pong came. */
  ponged(): void {
    if (this.isOpen) this.#ear?.onControl()
    this.behindSince = undefined
    this.#messages++
    this.heard()
  }

  /** What came was not WebSocket, or too large, and the socket starts to close. */
  failed(): void {
    this.#end()
  }

  /** The socket is closed. */
  closedBySocket(): void {
    this.#end()
    this.#shared.held.drop(this)
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

  /** Lets what is written from now on leave together, when the turn ends. */
  #gather(): void {
    if (this.#written) return
    this.#written = true
    this.#tcp.cork()
    this.#shared.turns.wrote(this)
  }

  #slice(): void {
    const { turns } = this.#shared
    const waiting = this.#tcp.readableLength
    const size = this.#sliceBytes
    // Whoever goes on while its connection is closed is not listened to any more.
    if (this.endedAt !== undefined && waiting > sliceBytes.most) return this.#ignore()
    const before = turns.work
    this.#messages = 0
    // To take bytes apart is work, too, where there are many frames in them.
    turns.worked(1 + (Math.min(waiting, size) >> 10))
    // Only without a size does it say that the peer has ended.
    this.#tcp.read(waiting > size ? size : undefined)
    if (this.#messages === 0 && waiting > 0 && waiting < sliceBytes.fewest) this.#ear?.onCrumb()
    const work = turns.work - before
    if (waiting > size || work > workPerSlice) this.#sliceBytes = nextSlice(size, work)
  }

  #ignore(): void {
    this.#reads = "never"
  }

  #settle(): void {
    if (this.#reads === "never") return
    if (this.#heldUntil !== undefined && this.endedAt === undefined) {
      this.#reads = "held back"
      this.#shared.held.add(this, this.#heldUntil)
    } else if (this.#tcp.readableLength > 0) this.#waitInLine()
  }

  #waitInLine(): void {
    this.#reads = "in line"
    this.#shared.turns.wait(this)
  }
}
