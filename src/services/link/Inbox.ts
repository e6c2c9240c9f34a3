/**
 * What came over one link and is not handled yet: first in, first out, bounded by bytes and by number. There is no way to
 * make a data channel's other end wait, so whoever fills its inbox is let go.
 *
 * Probes do not wait: they are answered at once, however long the application takes for what came before them. Nor do frames
 * whose lane is there: they wait in it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Frame } from "../../domain/Frame.ts"
import { isProbe, type Probe } from "../../domain/Probe.ts"

/** A frame and what it took on the wire. @category models */
export interface Arrival {
  readonly frame: Frame
  readonly bytes: number
}

/** @category models */
export interface Inbox {
  /** Puts a frame in; `false` when there is no room. */
  offer(arrival: Arrival): boolean
  /** All that wait; waits for one. They take room until they are `done`. */
  readonly takeAll: Effect.Effect<ReadonlyArray<Arrival>>
  /** Says that those that were taken are on their way: what comes next need not wait behind them. */
  passed(arrivals: ReadonlyArray<Arrival>): void
  /** Gives back the room of arrivals that are handled. */
  done(arrivals: ReadonlyArray<Arrival>): void
  /** Says who is given probes from now on, in the callback in which they come. Until then they wait like all others. */
  onProbe(handle: (probe: Probe) => void): void
  /**
   * Says who is offered frames from now on, in the callback in which they come and while none wait. What is not taken there
   * waits to be taken, and whatever comes after it.
   */
  onFrame(take: (arrival: Arrival) => boolean): void
  /** Notes that something came, if only a part of a frame. */
  hear(): void
  /** When something came last, in milliseconds since 1970; when the inbox was made, if nothing has. */
  lastHeard(): number
}

/** An empty inbox that holds up to `frames`, and up to `bytes` or a single frame of any size. @category constructors */
export const make = Effect.fnUntraced(function*(limit: { readonly bytes: number; readonly frames: number }) {
  const clock = yield* Clock.Clock
  const queue = yield* Queue.bounded<Arrival>(limit.frames)
  let frames = 0
  let bytes = 0
  let lastHeard = clock.currentTimeMillisUnsafe()
  /** Of `frames`, those that wait, or were taken and are not on their way yet. */
  let waiting = 0
  let takeFrame: ((arrival: Arrival) => boolean) | undefined
  let takeProbe: ((probe: Probe) => void) | undefined

  const hear = () => void (lastHeard = clock.currentTimeMillisUnsafe())

  return {
    offer: (arrival) => {
      hear()
      const { frame } = arrival
      if (takeProbe !== undefined && isProbe(frame)) {
        takeProbe(frame)
        return true
      }
      if (frames > 0 && (frames >= limit.frames || bytes + arrival.bytes > limit.bytes)) return false
      frames++
      bytes += arrival.bytes
      if (waiting === 0 && takeFrame?.(arrival) === true) return true
      waiting++
      return Queue.offerUnsafe(queue, arrival)
    },
    takeAll: Queue.takeAll(queue),
    passed: (arrivals) => void (waiting -= arrivals.length),
    done: (arrivals) => {
      frames -= arrivals.length
      for (const arrival of arrivals) bytes -= arrival.bytes
    },
    onProbe: (take) => void (takeProbe = take),
    onFrame: (take) => void (takeFrame = take),
    hear,
    lastHeard: () => lastHeard
  } satisfies Inbox as Inbox
})
