/**
 * What a hub counts. The hot path adds to plain numbers; metrics read them when somebody looks.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"

/** Counts since the hub started. @category models */
export interface Traffic {
  /** Messages passed from one peer to another. */
  relayed: number
  /** Messages and connections that were refused. */
  refused: number
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
export interface HubStats extends Presence, Readonly<Traffic> {
  /** How long the hub has been there. */
  readonly uptime: Duration.Duration
}

/** Nothing counted yet. @category constructors */
export const make = (): Traffic => ({ relayed: 0, refused: 0 })

/** Counts what was relayed. @category metrics */
export const relayed = Metric.counter("homing_hub_relayed_total", {
  description: "Messages passed from one peer to another",
  incremental: true
})

/** Counts what was refused. @category metrics */
export const refused = Metric.counter("homing_hub_refused_total", {
  description: "Messages and connections refused",
  incremental: true
})

/** The open connections. @category metrics */
export const connections = Metric.gauge("homing_hub_connections", { description: "Open connections" })

/** The peers that were admitted. @category metrics */
export const peers = Metric.gauge("homing_hub_peers", { description: "Peers admitted" })

/** The networks with a member. @category metrics */
export const networks = Metric.gauge("homing_hub_networks", { description: "Networks with a member" })

/** Shows a value whenever somebody looks. Nothing is ever written to it. */
const shown = <State>(get: () => State) => ({ get, update: constVoid, modify: constVoid })

/**
 * Makes the metrics show a hub's numbers until the scope closes.
 *
 * @category metrics
 */
export const observe = (traffic: Traffic, presence: () => Presence): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.contextWith((context) =>
      Effect.sync(() => [
        Metric.registerUnsafe(relayed, context, shown(() => ({ count: traffic.relayed, incremental: true }))),
        Metric.registerUnsafe(refused, context, shown(() => ({ count: traffic.refused, incremental: true }))),
        Metric.registerUnsafe(connections, context, shown(() => ({ value: presence().connections }))),
        Metric.registerUnsafe(peers, context, shown(() => ({ value: presence().peers }))),
        Metric.registerUnsafe(networks, context, shown(() => ({ value: presence().networks })))
      ])
    ),
    (registrations) => Effect.sync(() => registrations.forEach((registration) => registration.remove()))
  )
