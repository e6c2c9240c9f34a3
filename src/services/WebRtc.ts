/**
 * Makes WebRTC peer connections with one data channel each.
 *
 * The port is as small as a link needs: descriptions and candidates go in and come out, and a channel that is
 * ordered, reliable and named `messages` opens. `WebRtcWerift` and `WebRtcBrowser` are its layers; a
 * simulated one can stand in their place, since nothing above this file knows what carries the packets.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LinkClosed, WebRtcError } from "../domain/Errors.ts"
import type { Packet } from "../domain/Frame.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Candidate } from "../domain/Signal.ts"

/** The label of the data channel, as in PeerPigeon. @category constants */
export const channelLabel = "messages"

/** A STUN or TURN server, as in `RTCConfiguration.iceServers`. @category models */
export interface IceServer {
  /** Such as `stun:stun.example.org:3478` or `turn:turn.example.org?transport=tcp`. */
  readonly urls: string | ReadonlyArray<string>
  readonly username?: string
  readonly credential?: string
}

/** Where a connection stands, as in `RTCPeerConnection.connectionState`. @category models */
export type ConnectionState = "connecting" | "connected" | "disconnected" | "failed" | "closed"

/**
 * What a connection reports, in the order in which it happens. Called from the engine's own callbacks, so that a
 * packet costs no fiber; must not throw. Nothing is called any more once the connection's scope is closed.
 *
 * @category models
 */
export interface ConnectionHandlers {
  /** A local candidate to tell the other side. */
  onCandidate(candidate: Candidate): void
  onState(state: ConnectionState): void
  /** The channel can carry packets. Called once, before the first packet. */
  onOpen(channel: Channel): void
  onPacket(packet: Packet): void
  /** The channel carries nothing any more. Called once, if it was ever open. */
  onClose(): void
}

/** An open data channel. @category models */
export interface Channel {
  /** Suspends while the engine has too much to send, and fails once the channel is closed. */
  readonly writable: Effect.Effect<void, LinkClosed>
  /** Hands a packet to the engine at once; wait for `writable` before. */
  send(packet: Packet): Effect.Effect<void, LinkClosed>
  /** As `send`, from a callback; `false` when the channel is closed or the engine does not take the packet. */
  sendUnsafe(packet: Packet): boolean
  /** Bytes that the engine has accepted and not yet sent. */
  bufferedAmount(): number
}

/** A peer connection; closing the scope that opened it closes it. @category models */
export interface Connection {
  /**
   * Uses these STUN and TURN servers from the next ICE restart on: what the connection was opened with may have ended by
   * then, as credentials do. An engine that cannot restart keeps those that it has, and so does one that refuses these.
   */
  setIceServers(servers: ReadonlyArray<IceServer>): Effect.Effect<void>
  /** Makes an offer and applies it here. With `restart`, new ICE credentials for a connection that stands. */
  offer(options?: { readonly restart: boolean }): Effect.Effect<string, WebRtcError>
  /** Applies an offer from the other side, which may carry audio and video sections, and makes the answer. */
  accept(sdp: string): Effect.Effect<string, WebRtcError>
  /** Applies the answer to our offer. */
  complete(sdp: string): Effect.Effect<void, WebRtcError>
  /** Adds a candidate of the other side. May be called before the other side's description is applied. */
  addCandidate(candidate: Candidate): Effect.Effect<void, WebRtcError>
}

/** What a connection is opened with. @category models */
export interface ConnectionOptions {
  /** For errors: the other side. */
  readonly peerId: PeerId
  /** The offerer creates the channel; the other side receives it. */
  readonly role: "offerer" | "answerer"
  readonly iceServers: ReadonlyArray<IceServer>
  readonly handlers: ConnectionHandlers
}

/** @category services */
export class WebRtc extends Context.Service<WebRtc, {
  /** The engine's name, such as `werift`. */
  readonly engine: string
  open(options: ConnectionOptions): Effect.Effect<Connection, WebRtcError, Scope.Scope>
}>()("homing/WebRtc") {}
