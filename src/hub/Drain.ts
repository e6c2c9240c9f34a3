/**
 * Sends the peers of a hub away before it stops, each at a moment that suits it: one that said something to the hub a
 * moment ago may be about to link with another, and is given time to finish.
 *
 * What a peer said is seen in the bytes that its socket has read, which the operating system's side counts anyway, so
 * that signals cost nothing more for it.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A connection as a drain sees it. @category models */
export interface Guest {
  /** Bytes that came from the peer so far. */
  bytesRead(): number
  /** Tells the peer where else to go, and starts to close its connection. */
  dismiss(): void
}

/** The way out of a hub. @category models */
export interface Drain {
  /** Whether the hub lets nobody in any more. */
  readonly draining: boolean
  /** Sends everybody away, and is done when all were told. */
  readonly run: Effect.Effect<void>
}

/**
 * How long a peer must have been silent to be sent away: an answer comes within a round trip and the time that WebRTC
 * takes to make one, and candidates follow it closely.
 *
 * @category constants
 */
export const silence = Duration.millis(1500)

/** How often it is looked. */
const step = Duration.millis(100)

/**
 * A hub that does not drain yet. `guests` are those who are there at the moment; `patience` is how long one may go on at
 * most.
 *
 * @category constructors
 */
export const make = ({ guests, patience }: {
  readonly guests: ReadonlySet<Guest>
  readonly patience: Duration.Duration
}): Drain => {
  let draining = false

  const run = Effect.gen(function*() {
    draining = true
    const heard = new Map<Guest, { readonly bytes: number; readonly at: number }>()
    const told = new WeakSet<Guest>()
    const needed = Duration.toMillis(silence)
    const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)

    const isQuiet = (guest: Guest, now: number): boolean => {
      const bytes = guest.bytesRead()
      const last = heard.get(guest)
      if (last?.bytes === bytes) return now - last.at >= needed
      heard.set(guest, { bytes, at: now })
      return false
    }

    while (true) {
      const now = yield* Clock.currentTimeMillis
      const staying = Array.from(guests).filter((guest) => !told.has(guest))
      for (const guest of staying) {
        if (!isQuiet(guest, now) && now < deadline) continue
        told.add(guest)
        guest.dismiss()
      }
      if (staying.every((guest) => told.has(guest))) return
      yield* Effect.sleep(step)
    }
  })

  return {
    get draining() {
      return draining
    },
    run
  }
}
