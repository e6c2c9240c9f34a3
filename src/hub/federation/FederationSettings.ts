/** The periods of a federation. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/** @category models */
export interface Timings {
  /** How often a hub says that it lives. */
  readonly beat: Duration.Duration
  /** After how much silence a hub is forgotten, with its peers. */
  readonly silence: Duration.Duration
  /** How long changes are gathered before the next are told; the first are told at once. */
  readonly gather: Duration.Duration
  /** How long shaking hands may take, dialling included. */
  readonly patience: Duration.Duration
  /** The first pause before a hub is dialled again; it doubles. */
  readonly redial: Duration.Duration
  /** The longest such pause. */
  readonly redialAtMost: Duration.Duration
  /** The pause after a hub has refused. */
  readonly redialRefused: Duration.Duration
}

/** The periods, with defaults that forget a hub within 15 s. @category services */
export const Timings = Context.Reference<Timings>("homing/hub/FederationTimings", {
  defaultValue: () => ({
    beat: Duration.seconds(2),
    silence: Duration.seconds(11),
    gather: Duration.millis(20),
    patience: Duration.seconds(5),
    redial: Duration.millis(250),
    redialAtMost: Duration.seconds(5),
    redialRefused: Duration.seconds(30)
  })
})
