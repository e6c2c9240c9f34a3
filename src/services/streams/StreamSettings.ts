/** Every period and bound of streams, in one place. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/** @category models */
export interface StreamSettings {
  /**
   * Bytes that the other end of a stream may send before anything was taken here: what a stream keeps in memory at most,
   * and what bounds its speed to a window a round trip. At least 1 KiB.
   */
  readonly window: number
  /** Streams that one neighbour may have opened to us at a time. */
  readonly incoming: number
  /** Streams that we may have opened to one peer at a time. */
  readonly outgoing: number
  /** How long a link to the peer may take. */
  readonly linkWithin: Duration.Duration
  /** How long an application may take to accept or refuse a stream. */
  readonly decideWithin: Duration.Duration
  /** How long the answer to an opening is waited for: longer than the other end decides. */
  readonly answerWithin: Duration.Duration
  /** How long a stream may be open and carry nothing. */
  readonly idle: Duration.Duration
}

/**
 * The defaults. 512 KiB a stream are 5 MB/s at 100 ms of round trip; 32 streams of it are 16 MiB, a quarter of what a link
 * keeps unhandled, so that streams alone cannot fill its inbox.
 *
 * @category constants
 */
export const defaults: StreamSettings = {
  window: 512 * 1024,
  incoming: 32,
  outgoing: 32,
  linkWithin: Duration.seconds(30),
  decideWithin: Duration.seconds(60),
  answerWithin: Duration.seconds(75),
  idle: Duration.minutes(10)
}

/** The settings in force; the defaults unless provided otherwise. @category references */
export const StreamSettings = Context.Reference<StreamSettings>("homing/StreamSettings", {
  defaultValue: () => defaults
})
