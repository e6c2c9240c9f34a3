/** What werift 0.25 needs help with. Whatever is not as expected here is left as it is. */
import { createSecretKey } from "node:crypto"
import type { RTCDataChannel, RTCPeerConnection } from "werift"
import type { Packet } from "../WebRtc.ts"

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
 * Hands the ciphers their keys as objects rather than bytes. Node 24 takes 40 µs longer to encrypt a datagram with
 * bytes, which is half of what a message costs.
 *
 * @category workarounds
 */
export const speedUp = (connection: RTCPeerConnection): void => {
  for (const { dtls } of connection.dtlsTransports) {
    const suite = dtls?.cipher.cipher
    if (suite === undefined) continue
    for (const name of ["clientWriteKey", "serverWriteKey"]) {
      const key: unknown = Reflect.get(suite, name)
      if (key instanceof Uint8Array) Reflect.set(suite, name, createSecretKey(key))
    }
  }
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
