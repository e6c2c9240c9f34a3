/** WebRTC of a browser, or of anything else that has a global `RTCPeerConnection`. */
import * as Layer from "effect/Layer"
import { type IceServer, WebRtc } from "./WebRtc.ts"
import { open } from "./webrtc/connection.ts"

/**
 * Bytes that may wait in the browser: 256 KiB keep a fast link busy while a task waits its turn, and are far
 * below the 16 MiB at which Chromium closes the channel.
 */
const highWaterMark = 256 * 1024

/** Bytes at which writing resumes, early enough that the channel does not run dry. */
const lowWaterMark = 64 * 1024

/**
 * The browser's own WebRTC. Without a global `RTCPeerConnection`, opening a connection fails with a
 * `WebRtcError` that says so.
 *
 * @category layers
 */
export const layer: Layer.Layer<WebRtc> = Layer.succeed(WebRtc, {
  engine: "browser",
  open: (options) =>
    open(() => {
      if (typeof globalThis.RTCPeerConnection !== "function") {
        throw new TypeError("there is no RTCPeerConnection here; in Node, use the layer of WebRtcWerift")
      }
      const native = new globalThis.RTCPeerConnection(configuration(options.iceServers))
      return {
        native,
        useIceServers: (servers) => native.setConfiguration(configuration(servers)),
        state: () => native.connectionState,
        setLocalDescription: (description) => native.setLocalDescription(description),
        setRemoteDescription: (description) => native.setRemoteDescription(description),
        send: (channel, packet) => typeof packet === "string" ? channel.send(packet) : channel.send(unshared(packet)),
        isChannel: (channel) => channel instanceof RTCDataChannel,
        prepare: (channel) => {
          channel.binaryType = "arraybuffer"
        },
        close: async () => native.close(),
        highWaterMark,
        lowWaterMark
      }
    }, options)
})

/** All of a connection's configuration: a browser takes a new one only if nothing but the servers is another. */
const configuration = (iceServers: ReadonlyArray<IceServer>): RTCConfiguration => ({
  iceServers: iceServers.map(({ urls, ...server }) => ({
    ...server,
    urls: typeof urls === "string" ? urls : [...urls]
  })),
  bundlePolicy: "max-bundle"
})

/** The same bytes, in memory that a browser may send from: not shared with a worker. */
const unshared = ({ buffer, byteLength, byteOffset }: Uint8Array): Uint8Array<ArrayBuffer> =>
  buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength))
