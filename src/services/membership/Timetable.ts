/** When the overlay wants to be woken: for its next round, for news that wait to be told, and for what it puts off. */
import * as Rules from "./Rules.ts"
import type { State } from "./State.ts"

/** Times are in milliseconds since 1970. @category models */
export interface Timetable {
  /** The first of them. */
  readonly dueAt: number
  readonly roundAt: number
  readonly shareAt: number
  /** Asks for another look at the links at a time. */
  later(at: number): void
  /** Nothing is put off any more: all is looked at now. */
  looking(): void
  /** Something changed, which neighbours should hear of, all of them or only those of the ring. */
  changed(forAll: boolean): void
  /** The component's name was renewed. While all is calm, that goes through the network as a wave, and news go with it. */
  renewed(): void
  /** Whether a round tells all neighbours: while all is calm, only when no wave came for long. */
  readonly isUntold: boolean
  /** News are told now; says whether to all neighbours, which `withAll` asks for. */
  sharing(withAll: boolean): boolean
  /** Sets the time of the next round: sooner when something changed lately. */
  nextRound(): void
  /** Somebody should be looked for in a round that is not far. */
  roundSoon(): void
  /** Nothing is due any more. */
  stop(): void
}

/** The first round is at random within one. @category constructors */
export const make = (state: State): Timetable => {
  let roundAt = state.now + Rules.round * state.random()
  let changedAt = state.now
  let shareAt = Infinity
  let isForAll = false
  let toldAllAt = -Infinity
  let lookAt = Infinity

  const length = () => Math.min(Rules.calmRound, Math.max(Rules.round, (state.now - changedAt) * Rules.calmShare))
  const isCalm = () => length() > Rules.round
  const share = () => {
    shareAt = Math.min(shareAt, state.now + Rules.shareDelay)
  }

  return {
    get dueAt() {
      return Math.min(roundAt, shareAt, lookAt)
    },
    get roundAt() {
      return roundAt
    },
    get shareAt() {
      return shareAt
    },
    later(at) {
      if (at < lookAt) lookAt = at
    },
    looking() {
      lookAt = Infinity
    },
    changed(forAll) {
      changedAt = state.now
      roundAt = Math.min(roundAt, state.now + Rules.round)
      isForAll ||= forAll
      share()
    },
    renewed() {
      if (!isCalm() || state.now - toldAllAt < length() / 2) return
      isForAll = true
      share()
    },
    get isUntold() {
      return !isCalm() || state.now - toldAllAt > 1.5 * length()
    },
    sharing(withAll) {
      const isToAll = isForAll || withAll
      if (isToAll) toldAllAt = state.now
      shareAt = Infinity
      isForAll = false
      return isToAll
    },
    nextRound() {
      roundAt = state.now + length() * (1 + Rules.roundJitter * (2 * state.random() - 1))
    },
    roundSoon() {
      roundAt = Math.min(roundAt, state.now + Rules.round)
    },
    stop() {
      ;[roundAt, shareAt, lookAt] = [Infinity, Infinity, Infinity]
    }
  }
}
