/**
 * A hub's numbers as metrics. Nothing is written to most of them: they read what the hub counts anyway, when somebody
 * looks. What took how long is measured for a few messages in many.
 *
 * They are in a registry of the hub's own, so that two hubs in one process do not count as one, and in that of the
 * program, for whatever exports its metrics.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Struct from "effect/Struct"
import { performance } from "node:perf_hooks"
import type { Presence, Traffic } from "./exchange/Traffic.ts"
import type { Others } from "./Others.ts"

/** Where the numbers come from. @category models */
export interface Sources {
  readonly traffic: Traffic
  readonly presence: () => Presence
  readonly others: () => Others
  readonly draining: () => boolean
}

/** The metrics of a hub. @category models */
export interface Metrics {
  /** All of them, as Prometheus reads them. */
  readonly text: Effect.Effect<string>
  /** Does the same; some of it is timed. */
  timed<A, B, C>(handle: (a: A, b: B, c: C) => void): (a: A, b: B, c: C) => void
  /** Times how long a peer takes to be let in. */
  timeAdmission<A, E, R>(admission: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
}

/** One message in so many is timed: enough for a histogram, too few to be felt. @category constants */
export const sampling = 64

const handling = Metric.histogram("homing_hub_handling_seconds", {
  description: `From a message's arrival until it was handed on, one in ${sampling}`,
  boundaries: [5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 0.1]
})

const admission = Metric.histogram("homing_hub_admission_seconds", {
  description: "From the handshake until the peer was let in",
  boundaries: [1e-4, 5e-4, 1e-3, 5e-3, 2e-2, 0.1, 0.5, 1, 2, 5]
})

type Registry = Context.Context<never>

/** Shows a value whenever somebody looks. Nothing is ever written to it. */
const shown = <State>(get: () => State) => ({ get, update: constVoid, modify: constVoid })

const gauge = (id: string, description: string, get: () => number) => (registry: Registry) =>
  Metric.registerUnsafe(Metric.gauge(id, { description }), registry, shown(() => ({ value: get() })))

const counter = (id: string, description: string, get: () => number, attributes = {}) => (registry: Registry) =>
  Metric.registerUnsafe(
    Metric.counter(id, { description, incremental: true, attributes }),
    registry,
    shown(() => ({ count: get(), incremental: true }))
  )

/** Everything that is only read. */
const readings = ({ draining, others, presence, traffic }: Sources) => [
  gauge("homing_hub_connections", "Open connections", () => presence().connections),
  gauge("homing_hub_peers", "Peers admitted", () => presence().peers),
  gauge("homing_hub_networks", "Networks with a member", () => presence().networks),
  gauge("homing_hub_hubs", "Other hubs that are known", () => others().hubs.length),
  gauge(
    "homing_hub_hubs_connected",
    "Other hubs that are reached",
    () => others().hubs.filter(({ connection }) => connection !== "refused").length
  ),
  gauge(
    "homing_hub_degraded",
    "1 while other hubs that should be reached are not",
    () => others().health._tag === "Degraded" ? 1 : 0
  ),
  ...Struct.keys(others().counts).map((outcome) =>
    counter(
      "homing_hub_federated_total",
      "What became of what other hubs said",
      () => others().counts[outcome],
      { outcome }
    )
  ),
  gauge("homing_hub_draining", "1 while the hub sends its peers away", () => draining() ? 1 : 0),
  counter("homing_hub_relayed_total", "Messages passed from one peer to another", () => traffic.relayed),
  counter(
    "homing_hub_proven_total",
    "Connections whose peers proved to have the keys of their ids",
    () => traffic.proven
  ),
  counter(
    "homing_hub_held_back_total",
    "Times that a peer spoke too fast, and was read from no faster than it may from then on",
    () => traffic.heldBack
  ),
  ...Struct.keys(traffic.refusedBy).map((reason) =>
    counter("homing_hub_refused_total", "Messages and connections refused", () => traffic.refusedBy[reason], { reason })
  ),
  counter(
    "homing_hub_event_loop_active_seconds_total",
    "Time in which the event loop was busy",
    () => performance.eventLoopUtilization().active / 1000
  ),
  counter("process_cpu_seconds_total", "Processor time of the process", () => {
    const { system, user } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  gauge("process_resident_memory_bytes", "Resident memory of the process", () => process.memoryUsage.rss()),
  gauge("process_start_time_seconds", "When the process started, since 1970", () => performance.timeOrigin / 1000)
]

/** Shows a hub's numbers until the scope closes. @category constructors */
export const make = Effect.fnUntraced(function*(sources: Sources) {
  const clock = yield* Clock.Clock
  const program = yield* Effect.context()
  const own = Context.make(Metric.MetricRegistry, new Map())
  // So that they are there from the beginning, with nothing in them.
  for (const metric of [handling, admission]) metric.valueUnsafe(own)

  yield* Effect.acquireRelease(
    Effect.sync(() => [
      ...readings(sources).flatMap((register) => [register(own), register(program)]),
      ...[handling, admission].map((metric) =>
        Metric.registerUnsafe(metric, program, shown(() => metric.valueUnsafe(own)))
      )
    ]),
    (registrations) => Effect.sync(() => registrations.forEach((registration) => registration.remove()))
  )

  const secondsSince = (start: bigint) => Number(clock.currentTimeNanosUnsafe() - start) / 1e9
  let untimed = 0

  const timed = <A, B, C>(handle: (a: A, b: B, c: C) => void) => (a: A, b: B, c: C): void => {
    if (++untimed < sampling) return handle(a, b, c)
    untimed = 0
    const start = clock.currentTimeNanosUnsafe()
    handle(a, b, c)
    handling.updateUnsafe(secondsSince(start), own)
  }

  return {
    text: Effect.sync(() => PrometheusMetrics.formatUnsafe(own)),
    timed,
    timeAdmission: (effect) =>
      Effect.suspend(() => {
        const start = clock.currentTimeNanosUnsafe()
        return Effect.tap(effect, () => Effect.sync(() => admission.updateUnsafe(secondsSince(start), own)))
      })
  } satisfies Metrics as Metrics
})
