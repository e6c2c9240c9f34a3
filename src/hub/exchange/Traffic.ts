/**
 * What a hub counts. The hot path adds to plain numbers; `Metrics` reads them when somebody looks.
 */
import type * as Duration from "effect/Duration"

/** Nothing refused, for any reason: those of connections first, then those of messages. */
const nothingRefused = {
  "invalid-peer-id": 0,
  "peer-id-taken": 0,
  "hub-full": 0,
  "proof": 0,
  "token": 0,
  "origin": 0,
  "address-connections": 0,
  "address-rate": 0,
  "draining": 0,
  "malformed": 0,
  "unknown-type": 0,
  "not-a-member": 0,
  "nobody-there": 0,
  "not-passed-on": 0,
  "not-permitted": 0,
  "too-many-networks": 0,
  "too-many-watches": 0,
  "too-fast": 0
}

/** Why something was refused. @category models */
export type Refusal = keyof typeof nothingRefused

/** Counts since the hub started. @category models */
export interface Traffic {
  /** Messages passed from one peer to another. */
  relayed: number
  /** Connections whose peers have proved that they have the keys of their ids. */
  proven: number
  /** How often a peer that spoke too fast was held back. */
  heldBack: number
  /** Messages and connections that were refused. */
  refused: number
  /** Those, by reason. */
  readonly refusedBy: Record<Refusal, number>
}

/** What there is now. @category models */
export interface Presence {
  /** Open connections, those that wait to be admitted among them. */
  readonly connections: number
  /** Peers that were admitted. */
  readonly peers: number
  /** Networks with a member. */
  readonly networks: number
}

/** A hub in numbers. @category models */
export interface HubStats extends Presence, Readonly<Omit<Traffic, "refusedBy">> {
  /** What was refused, by reason. */
  readonly refusedBy: Readonly<Record<Refusal, number>>
  /** How long the hub has been there. */
  readonly uptime: Duration.Duration
}

/** Nothing counted yet. @category constructors */
export const make = (): Traffic => ({
  relayed: 0,
  proven: 0,
  heldBack: 0,
  refused: 0,
  refusedBy: { ...nothingRefused }
})

/** Counts something that was refused. @category combinators */
export const refuse = (traffic: Traffic, reason: Refusal): void => {
  traffic.refused++
  traffic.refusedBy[reason]++
}
