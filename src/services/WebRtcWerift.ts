/** WebRTC for Node, in TypeScript all the way down: werift. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { networkInterfaces } from "node:os"
import { RTCDataChannel, RTCPeerConnection } from "werift"
import { type IceServer, WebRtc } from "./WebRtc.ts"
import { open } from "./webrtc/connection.ts"
import {
  connectionState,
  containFaults,
  release,
  renewPath,
  sendEmpty,
  speedUp,
  withoutDefaultStun
} from "./webrtc/werift.ts"
import { acknowledge } from "./webrtc/werift/acknowledge.ts"

/**
 * Bytes that may wait in werift: 4 KiB, sixteen messages of 256 bytes. Every waiting message is woken for every
 * datagram, and what leaves in one burst overflows the receiver's socket and is then sent again after a second;
 * with 64 KiB, messages of 256 bytes are several times slower.
 */
const highWaterMark = 4 * 1024

/** Writing resumes when everything has left: datagrams in flight keep the path busy meanwhile. */
const lowWaterMark = 0

/** Bytes of the largest message that we take: what Chromium takes too, and PeerPigeon sends. */
const maxMessageSize = 256 * 1024

/** Seconds to wait for a STUN server before gathering counts as complete. Nothing but werift's state waits for it. */
const stunGatherSeconds = 3

/**
 * werift. Candidates of host addresses are found without any server; on a machine without a network, the
 * loopback address takes their place.
 *
 * @category layers
 */
export const layer: Layer.Layer<WebRtc> = Layer.succeed(WebRtc, {
  engine: "werift",
  open: Effect.fnUntraced(function*(options) {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    return yield* open(() => {
      const native = new RTCPeerConnection({
        iceServers: options.iceServers.map(toIceServer),
        iceAdditionalHostAddresses: hasNetwork() ? [] : ["127.0.0.1"],
        iceStunGatherTimeout: stunGatherSeconds,
        bundlePolicy: "max-bundle",
        maxMessageSize
      })
      let servers = options.iceServers
      let gathering: Promise<unknown> = Promise.resolve()
      return {
        native,
        useIceServers: (others) => {
          servers = others
        },
        state: () => connectionState(native),
        setLocalDescription: async (description) => {
          // From now on the other side may send.
          containFaults(native)
          if (!acknowledge(native)) run(Effect.logDebug("werift's SCTP is not as expected, and works harder"))
          // A restart has begun by now, without which werift would not take them.
          if (servers !== options.iceServers) native.setConfiguration({ iceServers: servers.map(toIceServer) })
          if (!namesStun(servers)) withoutDefaultStun(native)
          // werift's promise waits for all candidates; ours, until the description is applied.
          gathering = native.setLocalDescription(description)
          await Promise.race([gathering, native.signalingStateChange.asPromise()])
          if (description.type === "answer") renewPath(native)
        },
        setRemoteDescription: async (description) => {
          await native.setRemoteDescription(description)
          if (description.type === "answer") renewPath(native)
        },
        send: (channel, packet) => {
          if (packet.length === 0) sendEmpty(channel, packet)
          else if (typeof packet === "string") channel.send(packet)
          else channel.send(Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength))
        },
        isChannel: (channel) => channel instanceof RTCDataChannel,
        prepare: () => {
          if (!speedUp(native)) run(Effect.logDebug("werift's ciphers are not as expected, and take twice as long"))
        },
        close: async () => {
          await native.close()
          await release(native, gathering)
        },
        highWaterMark,
        lowWaterMark
      }
    }, options)
  })
})

/** Whether a STUN server is among those configured. */
const namesStun = (servers: ReadonlyArray<IceServer>): boolean =>
  servers.some(({ urls }) => [urls].flat().some((url) => url.startsWith("stun")))

const toIceServer = ({ credential, urls, username }: IceServer) => ({
  urls: typeof urls === "string" ? urls : [...urls],
  ...(username !== undefined && { username }),
  ...(credential !== undefined && { credential })
})

/** Whether the machine has an address that other machines could reach. */
const hasNetwork = (): boolean =>
  Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal))
