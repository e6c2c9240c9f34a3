/** When this peer's part in the table is to be looked at next: soon while something is under way, and now and then to sweep. */
import * as Limits from "./Limits.ts"

/** What is there to be looked after. @category models */
export interface Work {
  /** Requests, spreads and offers that wait for others. */
  readonly isUnderWay: boolean
  /** Records or watchers, which end. */
  readonly isHolding: boolean
}

/** Times are in milliseconds since 1970. @category models */
export interface Timetable {
  /** Plans anew, after an event. */
  plan(work: Work, now: number): void
  /** Whether it is time to sweep; then it has been done. */
  takeSweep(now: number): boolean
  readonly dueAt: number
}

/** Nothing to do. @category constructors */
export const make = (): Timetable => {
  let sweepAt = Number.POSITIVE_INFINITY
  let tickAt = Number.POSITIVE_INFINITY
  return {
    plan: ({ isHolding, isUnderWay }, now) => {
      if (!isUnderWay) tickAt = Number.POSITIVE_INFINITY
      else if (tickAt <= now || tickAt === Number.POSITIVE_INFINITY) tickAt = now + Limits.tick
      if (sweepAt === Number.POSITIVE_INFINITY && isHolding) sweepAt = now + Limits.sweep
    },
    takeSweep: (now) => {
      if (sweepAt > now) return false
      sweepAt = Number.POSITIVE_INFINITY
      return true
    },
    get dueAt() {
      return Math.min(tickAt, sweepAt)
    }
  }
}
