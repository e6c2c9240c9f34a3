/** How patient a peer is with its hubs. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/** Every period of a hub session. @category models */
export interface HubTimings {
  /** From dialling a hub to its greeting. */
  readonly dialTimeout: Duration.Duration
  /** Silence of the hub after which it is asked for a `pong`, and asked again. */
  readonly pingAfter: Duration.Duration
  /** Silence of the hub after which the connection counts as dead. Longer than two pings. */
  readonly deadAfter: Duration.Duration
  /** How long a hub has to answer a question. */
  readonly answerTimeout: Duration.Duration
  /** The bound of the first random wait; it doubles with each round in vain. */
  readonly backoffInitial: Duration.Duration
  /** The bound that the random wait never exceeds. */
  readonly backoffLimit: Duration.Duration
  /** Peers of a hub that shuts down come back spread over this time. */
  readonly returnSpread: Duration.Duration
  /** How long a closing handshake may take before the socket is cut off. */
  readonly closeTimeout: Duration.Duration
}

/**
 * The timings of sessions that are opened where this is provided. Defaults: dial 10 s, ping after 25 s, dead
 * after 60 s, answer within 5 s, backoff from 500 ms up to 30 s, return within 2 s, close within 1 s.
 *
 * @category references
 */
export const HubTimings = Context.Reference<HubTimings>("homing/HubTimings", {
  defaultValue: () => ({
    dialTimeout: Duration.seconds(10),
    pingAfter: Duration.seconds(25),
    deadAfter: Duration.seconds(60),
    answerTimeout: Duration.seconds(5),
    backoffInitial: Duration.millis(500),
    backoffLimit: Duration.seconds(30),
    returnSpread: Duration.seconds(2),
    closeTimeout: Duration.seconds(1)
  })
})
