/** WebRTC for Node in native code: libdatachannel, by way of the package `node-datachannel`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EngineMissing } from "../domain/Errors.ts"
import { WebRtc } from "./WebRtc.ts"
import { open } from "./webrtc/connection.ts"
import { make } from "./webrtc/datachannel.ts"

/** Only who asks for this engine needs the package, which has binaries for many platforms, but not for all. */
const load = Effect.tryPromise({
  try: () => import("node-datachannel"),
  catch: (cause) =>
    new EngineMissing({
      engine: "native",
      packageName: "node-datachannel",
      problem: cause instanceof Error ? cause.message.split("\n")[0] ?? "" : String(cause)
    })
})

/**
 * libdatachannel. Opens links faster and carries more than werift, with less work for this process's own thread. It
 * cannot restart ICE, and so has no use for other ICE servers later: a link whose path is lost is made anew, by the servers
 * of that moment. A peer that runs on it, and has more than a thousand packets
 * waiting for its own thread when the other side closes, loses those beyond; links say farewell, and wait for the answer,
 * before they close. Of the ICE servers it uses one STUN server and two TURN servers over UDP.
 *
 * Fails with `EngineMissing` when `node-datachannel` is not installed, or has no binary for this platform.
 *
 * @category layers
 */
export const layer: Layer.Layer<WebRtc, EngineMissing> = Layer.effect(
  WebRtc,
  Effect.map(load, (module) =>
    WebRtc.of({
      engine: "native",
      open: (options) => open(() => make(module, options.iceServers), options)
    }))
)
