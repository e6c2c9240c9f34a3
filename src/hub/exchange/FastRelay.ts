/**
 * The short cut of the router: a signal is passed on as the bytes it came in, with a new head and tail around its data.
 * What it does not take, for whatever reason, is the router's, which says why it does not like it.
 */
import { Buffer } from "node:buffer"
import { global } from "../../domain/NetworkName.ts"
import * as Envelope from "./Envelope.ts"
import type { Peer } from "./Member.ts"
import type { Registry } from "./Registry.ts"
import type { Traffic } from "./Traffic.ts"

/** @category models */
export interface FastRelay {
  /** Passes a message of well-formed UTF-8 on, or does nothing and returns `false`. */
  pass(sender: Peer, bytes: Buffer): boolean
}

/**
 * A short cut over a registry. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly registry: Registry
  readonly traffic: Traffic
  readonly now: () => number
}): FastRelay => {
  const { now, registry, traffic } = options
  return {
    pass(sender, bytes) {
      const envelope = Envelope.read(bytes)
      if (envelope === undefined) return false
      const { data: [from, to], networkName = global, targetPeerId, type } = envelope
      const target = registry.route(sender, networkName, targetPeerId)
      if (target === undefined) return false
      // All of it is ASCII: ids, names and types were looked at.
      const head = `{"type":"${type}","data":`
      const tail =
        `,"fromPeerId":"${sender.peerId}","targetPeerId":"${targetPeerId}","networkName":"${networkName}","timestamp":${now()}}`
      const frame = Buffer.allocUnsafe(head.length + to - from + tail.length)
      frame.write(head, 0, "latin1")
      bytes.copy(frame, head.length, from, to)
      frame.write(tail, head.length + to - from, "latin1")
      if (!target.send(frame, sender.peerId, true)) return false
      traffic.relayed++
      if (type === "offer") registry.acquaint(sender, networkName, target)
      return true
    }
  }
}
