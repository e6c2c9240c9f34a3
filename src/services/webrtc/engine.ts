/** What browsers, werift and libdatachannel have in common: as much of an `RTCPeerConnection` as a connection needs. */
import type * as Duration from "effect/Duration"
import type { Packet } from "../../domain/Frame.ts"
import type { Candidate } from "../../domain/Signal.ts"
import type { ConnectionState, IceServer } from "../WebRtc.ts"

/** A session description, as engines make and take it. @category models */
export interface Description {
  readonly type: "offer" | "answer"
  readonly sdp: string
}

/** What a connection of an engine tells. @category models */
export interface NativeEvents {
  icecandidate: { readonly candidate?: NativeCandidate | null | undefined }
  connectionstatechange: unknown
  iceconnectionstatechange: unknown
  datachannel: { readonly channel: NativeChannel }
}

/** What a channel of an engine tells. @category models */
export interface NativeChannelEvents {
  open: unknown
  message: { readonly data: unknown }
  bufferedamountlow: unknown
  close: unknown
}

/** What an engine says of a local candidate. @category models */
export interface NativeCandidate {
  readonly candidate: string
  readonly sdpMid?: string | null | undefined
  readonly sdpMLineIndex?: number | null | undefined
  readonly usernameFragment?: string | null | undefined
}

/** The part of `RTCDataChannel` that both engines have. @category models */
export interface NativeChannel {
  readonly label: string
  readonly readyState: "connecting" | "open" | "closing" | "closed"
  readonly bufferedAmount: number
  bufferedAmountLowThreshold: number
  close(): void
  addEventListener<K extends keyof NativeChannelEvents>(
    type: K,
    listener: (event: NativeChannelEvents[K]) => void
  ): void
  removeEventListener<K extends keyof NativeChannelEvents>(
    type: K,
    listener: (event: NativeChannelEvents[K]) => void
  ): void
}

/** The part of `RTCPeerConnection` that both engines have. @category models */
export interface NativeConnection<C extends NativeChannel> {
  createOffer(options: { readonly iceRestart: boolean }): Promise<{ readonly sdp?: string | undefined }>
  createAnswer(): Promise<{ readonly sdp?: string | undefined }>
  addIceCandidate(candidate: Omit<Candidate, "homing">): Promise<unknown>
  createDataChannel(label: string, options: { readonly ordered: boolean }): C
  addEventListener<K extends keyof NativeEvents>(type: K, listener: (event: NativeEvents[K]) => void): void
  removeEventListener<K extends keyof NativeEvents>(type: K, listener: (event: NativeEvents[K]) => void): void
}

/** An engine's connection, and how it differs from others. @category models */
export interface Engine<C extends NativeChannel> {
  readonly native: NativeConnection<C>
  state(): ConnectionState | "new"
  /** Has candidates come from these servers from the next gathering on. May throw. Absent: there is no other gathering. */
  readonly useIceServers?: (servers: ReadonlyArray<IceServer>) => void
  /** Applies our own description, without waiting for candidates. */
  setLocalDescription(description: Description): Promise<unknown>
  setRemoteDescription(description: Description): Promise<unknown>
  /** Hands a packet over. May throw. */
  send(channel: C, packet: Packet): void
  /** Whether a channel that the other side made is one of this engine's. */
  isChannel(channel: NativeChannel): channel is C
  /** Called when a channel is about to carry packets. */
  prepare(channel: C): void
  close(): Promise<void>
  /** Bytes waiting to be sent at which `writable` suspends. */
  readonly highWaterMark: number
  /** Bytes waiting to be sent at which it resumes. */
  readonly lowWaterMark: number
  /** How long an answerer keeps the offerer's candidates to itself, so that it is found before it looks. Default: not at all. */
  readonly headStart?: Duration.Input
  /**
   * For an engine whose other side may lose, when the connection closes, what it has received and not yet taken: settles
   * once the other side has closed it, and there is nothing left to lose.
   */
  readonly parted?: Promise<unknown>
}
