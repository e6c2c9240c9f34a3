/**
 * Proves that both ends of an open link live, measures the round trip, and notices silence.
 *
 * One end leads: it asks at every beat and says what round trip it measured. For the other end each question is a
 * proof of life with the round trip in it, so it asks for itself only when no such question came: at first, when the
 * leading end is stuck or dead, and with peers of older versions, which ask without saying what they measured.
 */
import * as Duration from "effect/Duration"
import * as Probe from "../../domain/Probe.ts"
import type { Channel } from "../WebRtc.ts"
import type { LinkSettings } from "./LinkSettings.ts"

/** Bytes that wait to be sent beyond which no question is answered: a neighbour that asks must also read. */
const maxUnsent = 1024 * 1024

/** @category models */
export interface ProberOptions {
  /** Whether this end asks at every beat. Exactly one of the two does. */
  readonly leads: boolean
  readonly channel: Pick<Channel, "sendUnsafe" | "bufferedAmount">
  readonly settings: LinkSettings
  /** When the link opened, in milliseconds since 1970. */
  readonly since: number
  /** When anything came from the other side, in milliseconds since 1970. */
  readonly lastHeard: () => number
  /** The other side is silent for `suspectAfter`. Said once for each silence. */
  readonly suspected: () => void
  /** It is silent for `deadAfter`. */
  readonly lost: (reason: string) => void
}

/** @category models */
export interface Prober {
  /** Looks after the link; to be called every `probeInterval`. */
  beat(now: number): void
  /** Takes a probe that came just now. */
  take(probe: Probe.Probe): void
  /** The last round trip in milliseconds. */
  rttMillis(): number | undefined
}

/** A prober that has not asked yet. @category constructors */
export const make = ({ channel, lastHeard, leads, lost, settings, since, suspected }: ProberOptions): Prober => {
  const interval = Duration.toMillis(settings.probeInterval)
  const suspectAfter = Duration.toMillis(settings.suspectAfter)
  const deadAfter = Duration.toMillis(settings.deadAfter)
  let lastBeat = since
  let excused = since
  let suspecting = false
  let nonce = 0
  let asked: { readonly nonce: number; readonly at: number } | undefined
  let toldAt = -Infinity
  let rttMillis: number | undefined

  /** Whether the next question can wait: the other end asks, or has hardly had the time to answer the last one. */
  const isNeedless = (now: number) =>
    (!leads && now - toldAt < 1.5 * interval) || (asked !== undefined && now - asked.at < interval / 2)

  const ask = (now: number) => {
    asked = { nonce: ++nonce, at: now }
    channel.sendUnsafe(Probe.write({
      type: "ping",
      nonce,
      ...(leads && rttMillis !== undefined && { rtt: Math.round(rttMillis) })
    }))
  }

  return {
    beat: (now) => {
      // A beat that comes late was held up here (a frozen tab, a busy machine): the silence is ours, not theirs.
      if (now - lastBeat > 2 * interval) excused = now - interval
      lastBeat = now
      const silence = now - Math.max(lastHeard(), excused)
      if (silence >= deadAfter) return lost(`no answer for ${Math.round(silence / 1000)} s`)
      const suspicious = silence >= suspectAfter
      if (suspicious && !suspecting) suspected()
      suspecting = suspicious
      if (!isNeedless(now)) ask(now)
    },
    take: (probe) => {
      if (probe.type === "ping") {
        if (channel.bufferedAmount() <= maxUnsent) channel.sendUnsafe(Probe.write({ type: "pong", nonce: probe.nonce }))
        if (leads || probe.rtt === undefined) return
        toldAt = lastHeard()
        rttMillis = probe.rtt
      } else if (probe.nonce === asked?.nonce) {
        rttMillis = lastHeard() - asked.at
        asked = undefined
      }
    },
    rttMillis: () => rttMillis
  }
}
