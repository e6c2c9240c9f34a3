/** Counts what crosses links, by the type of frame, and messages to everyone by their payload alone. */
import type { PeerOptions } from "../../../src/testing/World.ts"

/** What is counted: how it shows in a packet's text. */
const marks = {
  payloads: "\"subtype\":\"chat\"",
  requests: "\"type\":\"dht-request\"",
  spreads: "\"type\":\"dht-spread\"",
  directs: "\"subtype\":\"dm\""
} as const

export type Counted = keyof typeof marks

const timesIn = (text: string, mark: string): number => {
  let count = 0
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) count++
  return count
}

export interface Wire {
  /** To be given to every peer whose links count. */
  readonly spoil: NonNullable<PeerOptions["spoil"]>
  count(what: Counted): number
}

/** Nothing counted yet. */
export const make = (): Wire => {
  const counts = { payloads: 0, requests: 0, spreads: 0, directs: 0 }
  const note = (packet: unknown) => {
    // Probes, most of what is sent, are shorter than any of these.
    if (typeof packet !== "string" || packet.length < 100) return
    counts.payloads += timesIn(packet, marks.payloads)
    counts.requests += timesIn(packet, marks.requests)
    counts.spreads += timesIn(packet, marks.spreads)
    counts.directs += timesIn(packet, marks.directs)
  }
  return {
    spoil: (webRtc) => ({
      ...webRtc,
      open: ({ handlers, ...connection }) =>
        webRtc.open({
          ...connection,
          handlers: {
            ...handlers,
            onOpen: (channel) =>
              handlers.onOpen({
                ...channel,
                send: (packet) => {
                  note(packet)
                  return channel.send(packet)
                }
              })
          }
        })
    }),
    count: (what) => counts[what]
  }
}
