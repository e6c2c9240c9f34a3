/** When a peer's health is looked at when there is no news. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"

/** @category models */
export interface HealthSchedule {
  /** The pauses between two checks. News wakes the supervisor at once, whatever is left of a pause. */
  readonly checks: Schedule.Schedule<unknown>
  /** A return home to less company than this, before another fallback, doubles the next grace period. */
  readonly settling: Duration.Duration
  /** How a home is looked after by going there for a moment, where the hub cannot count. */
  readonly probes: {
    /** The pause before the first visit; it doubles with each further one. */
    readonly first: Duration.Duration
    /** The longest pause. */
    readonly cap: Duration.Duration
    /** How long a visit lasts. Two who wait for each other meet when their clocks differ by less. */
    readonly stay: Duration.Duration
  }
}

/**
 * Every 5 s, jittered by a fifth either way; a return has settled after 2 minutes of company; visits of 5 s after 30 s, 1, 2 and
 * then every 4 minutes.
 *
 * @category constants
 */
export const defaults: HealthSchedule = {
  checks: Schedule.jittered(Schedule.spaced(Duration.seconds(5))),
  settling: Duration.minutes(2),
  probes: { first: Duration.seconds(30), cap: Duration.minutes(4), stay: Duration.seconds(5) }
}

/** The schedule in force. @category references */
export const HealthSchedule = Context.Reference<HealthSchedule>("homing/HealthSchedule", {
  defaultValue: () => defaults
})
