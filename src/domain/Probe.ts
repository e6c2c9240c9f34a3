/**
 * Probes as text, written and read without JSON and Schema: most of what an idle mesh says are probes, in exactly the
 * form in which `write` writes them. Any other form is `FrameCodec`'s business, and just as good.
 */
import type { Frame, Ping, Pong } from "./Frame.ts"

/** What proves that the other end of a link lives. @category models */
export type Probe = Ping | Pong

/** @category guards */
export const isProbe = (frame: Frame): frame is Probe => frame.type === "ping" || frame.type === "pong"

/** The text of a probe: the same as JSON's. @category encoding */
export const write = (probe: Probe): string =>
  probe.type === "ping" && probe.rtt !== undefined
    ? `{"type":"ping","nonce":${probe.nonce},"rtt":${probe.rtt}}`
    : `{"type":"${probe.type}","nonce":${probe.nonce}}`

// Numbers of 15 digits are safe integers.
const form = /^\{"type":"(ping|pong)","nonce":(0|[1-9]\d{0,14})(?:,"rtt":(0|[1-9]\d{0,14}))?\}$/

/** No probe in this form is longer. */
const maxLength = 70

/** The probe that a text is, if it is one in the form of `write`. @category decoding */
export const read = (text: string): Probe | undefined => {
  if (text.length > maxLength) return undefined
  const found = form.exec(text)
  if (found === null) return undefined
  const [, type, nonce, rtt] = found
  if (type === "ping") {
    return rtt === undefined ? { type, nonce: Number(nonce) } : { type, nonce: Number(nonce), rtt: Number(rtt) }
  }
  return type === "pong" && rtt === undefined ? { type, nonce: Number(nonce) } : undefined
}
