/** How well things go in a simulated world: delays, losses and failures, with their defaults. */
import * as Duration from "effect/Duration"

/** Least and most; each case is drawn in between, all equally likely. @category models */
export type Range = readonly [Duration.Input, Duration.Input]

/** @category models */
export interface Weather {
  /** How long it takes one way between two places; drawn once for each two. Default: 20 to 120 ms. */
  readonly latency?: Range
  /** What a single packet or signal may take longer, at most; order is kept. Default: 10 ms. */
  readonly jitter?: Duration.Input
  /** The share of signals from peer to peer that a hub loses, from 0 to 1. Default: 0. */
  readonly signalLoss?: number
  /** How long a connection takes from the answer to an open channel. Default: 50 to 250 ms. */
  readonly setup?: Range
  /** The share of connections that take `slowSetup` instead, from 0 to 1. Default: 0. */
  readonly slowSetups?: number
  /** Default: 3 to 9 s. */
  readonly slowSetup?: Range
  /** The share of connections that fail, from 0 to 1; they say so after as long as `slowSetup`. Default: 0. */
  readonly failingSetups?: number
  /** How long a hub takes to notice that a peer vanished or cannot be reached. Default: 40 s, as a real hub. */
  readonly hubNotices?: Duration.Input
}

/** Weather in milliseconds, with everything in its place. @category models */
export interface Forecast {
  readonly latency: readonly [number, number]
  readonly jitter: number
  readonly signalLoss: number
  readonly setup: readonly [number, number]
  readonly slowSetups: number
  readonly slowSetup: readonly [number, number]
  readonly failingSetups: number
  readonly hubNotices: number
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))
const range = ([least, most]: Range): readonly [number, number] => [millis(least), millis(most)]

/** Fills in the defaults. @category constructors */
export const resolve = (weather: Weather): Forecast => ({
  latency: range(weather.latency ?? [20, 120]),
  jitter: millis(weather.jitter ?? 10),
  signalLoss: weather.signalLoss ?? 0,
  setup: range(weather.setup ?? [50, 250]),
  slowSetups: weather.slowSetups ?? 0,
  slowSetup: range(weather.slowSetup ?? ["3 seconds", "9 seconds"]),
  failingSetups: weather.failingSetups ?? 0,
  hubNotices: millis(weather.hubNotices ?? "40 seconds")
})
