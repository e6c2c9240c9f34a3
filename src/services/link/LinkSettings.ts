/** Every period and bound of a link, in one place. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/** @category models */
export interface LinkSettings {
  /** How long the side that does not dial waits for the other's offer before it offers itself. */
  readonly offerWait: Duration.Duration
  /** How long an attempt may take from its offer to an open channel. */
  readonly connectTimeout: Duration.Duration
  /** The pause after the first failed attempt; it doubles with each further one and is jittered by half. */
  readonly retryBase: Duration.Duration
  /** The longest pause between attempts. */
  readonly retryCap: Duration.Duration
  /** Attempts before the peer is given up. */
  readonly attempts: number
  /** The period of the probes on an open link. */
  readonly probeInterval: Duration.Duration
  /** Silence after which an open link is mended by an ICE restart. */
  readonly suspectAfter: Duration.Duration
  /** Silence after which an open link is dead. */
  readonly deadAfter: Duration.Duration
  /** How long a neighbour with a full outbox may take nothing before it is let go. */
  readonly forwardPatience: Duration.Duration
  /** How long a closing link may take to send what was accepted. */
  readonly drainTimeout: Duration.Duration
  /** Bytes that may wait in a link's outbox; beyond, senders wait. */
  readonly outboxBytes: number
  /** Frames that may wait in a link's outbox; beyond, senders wait. */
  readonly outboxFrames: number
  /** Frames that may wait to be handled here; a neighbour who sends more is let go. */
  readonly inboxFrames: number
  /** Bytes that may wait to be handled here; a neighbour who sends more is let go. */
  readonly inboxBytes: number
  /** Bytes of the largest message. */
  readonly maxMessageBytes: number
}

/**
 * The defaults. Dead in 10 s keeps the promise to notice a killed neighbour within 15 s with a probe's period to
 * spare; PeerPigeon's own attempts last 10 to 12 s, so that ours do not give up on a slow one before it does.
 *
 * @category constants
 */
export const defaults: LinkSettings = {
  offerWait: Duration.seconds(2),
  connectTimeout: Duration.seconds(12),
  retryBase: Duration.millis(500),
  retryCap: Duration.seconds(8),
  attempts: 4,
  probeInterval: Duration.seconds(2),
  suspectAfter: Duration.seconds(5),
  deadAfter: Duration.seconds(10),
  forwardPatience: Duration.seconds(5),
  drainTimeout: Duration.seconds(5),
  outboxBytes: 4 * 1024 * 1024,
  outboxFrames: 1024,
  inboxFrames: 65_536,
  inboxBytes: 64 * 1024 * 1024,
  maxMessageBytes: 8 * 1024 * 1024
}

/** The settings in force; the defaults unless provided otherwise. @category references */
export const LinkSettings = Context.Reference<LinkSettings>("homing/LinkSettings", { defaultValue: () => defaults })
