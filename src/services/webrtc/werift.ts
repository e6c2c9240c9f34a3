/** What werift 0.25 needs help with. Whatever is not as expected here is left as it is. */
import { createSecretKey, KeyObject } from "node:crypto"
import type { RTCDataChannel, RTCPeerConnection } from "werift"
import type { Packet } from "../../domain/Frame.ts"
import type { ConnectionState } from "../WebRtc.ts"

/**
 * Keeps what the other side sends from ending this process: werift reads SCTP in promises that nobody watches, so a
 * damaged packet, or a message of an unknown kind, would be an unhandled rejection. Here it is dropped.
 *
 * @category workarounds
 */
export const containFaults = (connection: RTCPeerConnection): void => {
  const transport = connection.sctpTransport
  if (transport === undefined) return
  const { dtlsTransport, sctp } = transport
  const readPacket: unknown = Reflect.get(sctp, "handleData")
  const readMessage: unknown = Reflect.get(transport, "datachannelReceive")
  if (typeof readPacket !== "function" || typeof readMessage !== "function") return
  dtlsTransport.dataReceiver = (data) => void contained(async () => Reflect.apply(readPacket, sctp, [data]))
  sctp.onReceive.allUnsubscribe()
  sctp.onReceive.subscribe((...message) => void contained(async () => Reflect.apply(readMessage, transport, message)))
}

const contained = async (run: () => Promise<unknown>): Promise<void> => {
  try {
    await run()
  } catch {
    // The other side's fault, and SCTP sends again what was lost.
  }
}

/**
 * Hands the ciphers of one connection their keys as objects rather than bytes. werift makes a cipher for every datagram,
 * and Node 24 a new key object for every cipher that is given bytes: that is half of what a message costs. Says whether
 * it could; what is not as in werift 0.25 stays as it was, slower and correct. To be called after the handshake.
 *
 * @category workarounds
 */
export const speedUp = (connection: RTCPeerConnection): boolean => {
  const suites = connection.dtlsTransports.map(({ dtls }) => dtls?.cipher?.cipher)
  const fast = suites.map((suite) => suite !== undefined && keyNames.every((name) => keepKey(suite, name)))
  return fast.length > 0 && fast.every((isFast) => isFast)
}

const keyNames = ["clientWriteKey", "serverWriteKey"]

const keepKey = (suite: object, name: string): boolean => {
  const key: unknown = Reflect.get(suite, name)
  if (key instanceof KeyObject) return true
  return key instanceof Uint8Array && Reflect.set(suite, name, createSecretKey(key))
}

/**
 * Starts the checks of an ICE restart, once both descriptions are applied. werift makes new credentials for it and
 * drops the old path, but starts nothing when DTLS is connected already.
 *
 * @category workarounds
 */
export const renewPath = (connection: RTCPeerConnection): void => {
  for (const { iceTransport, state } of connection.dtlsTransports) {
    // A failure is reported as the connection's state.
    if (state === "connected" && iceTransport.state !== "connected") void contained(() => iceTransport.start())
  }
}

/**
 * Keeps a connection that names no STUN server from asking Google's, which is what werift does unasked. To be called
 * before candidates are gathered.
 *
 * @category workarounds
 */
export const withoutDefaultStun = (connection: RTCPeerConnection): void => {
  for (const { connection: ice } of connection.iceTransports) Reflect.set(ice, "stunServer", undefined)
}

/** More than any flight of a DTLS handshake. */
const pastHandshake = 99

/**
 * Lets go of what a closed connection still holds. If it was closed while it gathered candidates, werift goes on to
 * open sockets and to check paths for ever; if it was closed in the DTLS handshake, it repeats itself for half a
 * minute.
 *
 * @category workarounds
 */
export const release = async (connection: RTCPeerConnection, gathering: Promise<unknown>): Promise<void> => {
  for (const { dtls } of connection.dtlsTransports) {
    if (dtls === undefined) continue
    dtls.dtls.flight = pastHandshake
    // A client begins a tenth of a second after it was started, closed or not.
    Reflect.set(dtls, "connect", async () => {})
  }
  await contained(() => gathering)
  for (const { connection: ice } of connection.iceTransports) await contained(() => ice.close())
}

/**
 * Where a connection stands. werift leaves the state at `failed` or `disconnected` when a restart succeeds.
 *
 * @category workarounds
 */
export const connectionState = (connection: RTCPeerConnection): ConnectionState | "new" => {
  const { connectionState, iceConnectionState } = connection
  const lost = connectionState === "failed" || connectionState === "disconnected"
  return lost && iceConnectionState === "connected" ? "connected" : connectionState
}

/** RFC 8831, 6.6: an empty message is one zero byte of these kinds. */
const emptyKinds = { string: 56, binary: 57 } as const

/**
 * Sends an empty message. werift itself would count it and send nothing, after which the channel stands still.
 *
 * @category workarounds
 */
export const sendEmpty = (channel: RTCDataChannel, packet: Packet): void => {
  const kind = typeof packet === "string" ? emptyKinds.string : emptyKinds.binary
  void contained(() => channel.sctp.sctp.send(channel.id, kind, Buffer.alloc(1), { ordered: true }))
}
