/**
 * Sends the peers of a hub away before it stops, each at a moment that suits it: one that said or was
 * told something a moment ago may be about to link with another, and is given time to finish.
 *
 * That is seen in the bytes of its socket, which Node counts anyway, so that signals cost nothing more for it. When peers
 * go, those who knew them are told, which counts as well; but those who are idle go together, at the first moment. Those who
 * say something all the time are sent away when patience is over, unless they are in the middle of a negotiation, of which
 * none begins from then on.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { negotiation } from "./Negotiations.ts"

/** A connection as a drain sees it. @category models */
export interface Guest {
  /** `bytes` came from the peer and went to it so far. */
  readonly connection: { readonly bytes: number }
}

/** The way out of a hub. @category models */
export interface Drain {
  /** Whether the hub lets nobody in any more. */
  readonly draining: boolean
  /** Sends everybody away, and is done when all were told. */
  readonly run: Effect.Effect<void>
}

/**
 * How long there must have been silence between the hub and a peer to send it away: an answer comes within a round trip and the time that WebRTC
 * takes to make one, and candidates follow it closely.
 *
 * @category constants
 */
export const silence = Duration.millis(1500)

/** How often it is looked. */
const step = Duration.millis(100)

/**
 * A hub that does not drain yet. `guests` are those who are there at the moment; `patience` is how long one may begin
 * something new; `dismiss` tells one where else to go, and starts to close its connection. When patience is over, `close` is
 * called once, and whoever `negotiates` may go on for `negotiation` at most. Default: nobody does.
 *
 * @category constructors
 */
export const make = <A extends Guest>({ close, dismiss, guests, negotiates = () => false, patience }: {
  readonly guests: ReadonlySet<A>
  readonly patience: Duration.Duration
  readonly dismiss: (guest: A) => void
  readonly negotiates?: (guest: A) => boolean
  readonly close?: () => void
}): Drain => {
  let draining = false

  const run = Effect.gen(function*() {
    draining = true
    const heard = new Map<A, { readonly bytes: number; readonly at: number }>()
    const told = new WeakSet<A>()
    const needed = Duration.toMillis(silence)
    const closing = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
    const deadline = closing + Duration.toMillis(negotiation)

    const isQuiet = (guest: A, now: number): boolean => {
      const bytes = guest.connection.bytes
      const last = heard.get(guest)
      if (last?.bytes === bytes) return now - last.at >= needed
      heard.set(guest, { bytes, at: now })
      return false
    }

    const mayStay = (guest: A, now: number): boolean =>
      !isQuiet(guest, now) && (now < closing || (now < deadline && negotiates(guest)))

    let isClosing = false
    while (true) {
      const now = yield* Clock.currentTimeMillis
      if (now >= closing && !isClosing) {
        isClosing = true
        close?.()
      }
      const staying = Array.from(guests).filter((guest) => !told.has(guest))
      for (const guest of staying) {
        if (mayStay(guest, now)) continue
        told.add(guest)
        dismiss(guest)
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
