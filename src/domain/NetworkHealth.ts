/**
 * The facts that decide where a peer should be, and the default verdict on them as a pure function.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { global, NetworkName } from "./NetworkName.ts"

/** How a peer's networks are at one moment. @category schemas */
export const NetworkHealth = Schema.Struct({
  /** When this was so, on the peer's clock: milliseconds since 1970. */
  at: Schema.Finite,
  /** The network that the peer is in. */
  networkName: NetworkName,
  /** The network that it wants to be in: its home. */
  originalNetworkName: NetworkName,
  allowGlobalFallback: Schema.Boolean,
  /** Links in the current network. */
  openLinks: Schema.Natural,
  linksUnderWay: Schema.Natural,
  /** Other members of the current network that are known, linked or not. */
  candidates: Schema.Natural,
  /** Whether a hub is connected. */
  hubReachable: Schema.Boolean,
  /** Others in the home network, as the hub counts them; absent when it cannot. */
  othersAtHome: Schema.optionalKey(Schema.Natural),
  /** Others who are away and wait for the home network; absent when the hub cannot count. */
  othersWaiting: Schema.optionalKey(Schema.Natural),
  /**
   * For how long there has been nobody in the current network, with a hub that says so: no link, none under way, no
   * candidate. In milliseconds; 0 when there is.
   */
  aloneForMillis: Schema.Finite,
  /** Since the peer came into its current network, in milliseconds. */
  sinceSwitchMillis: Schema.Finite,
  /** Returns that soon ended in another fallback, one after the other. */
  failedReturns: Schema.Natural
})
/** @category models */
export type NetworkHealth = typeof NetworkHealth.Type

/** What to do about it. @category schemas */
export const FallbackDecision = Schema.TaggedUnion({
  Stay: { reason: Schema.String },
  /** Go to another network, from home or from a third. */
  FallBack: { to: NetworkName, reason: Schema.String },
  GoHome: { reason: Schema.String }
})
/** @category models */
export type FallbackDecision = typeof FallbackDecision.Type

/** What the default verdict depends on. @category models */
export interface FallbackSettings {
  /** How long a peer stays alone at home before it falls back. Default 10 s. */
  readonly grace: Duration.Duration
  /** The longest grace that failed returns lead to. Default 5 minutes. */
  readonly graceCap: Duration.Duration
  /** Where to fall back to. Default `global`. */
  readonly refuge: NetworkName
}

/** @category constants */
export const defaultSettings: FallbackSettings = {
  grace: Duration.seconds(10),
  graceCap: Duration.minutes(5),
  refuge: global
}

/**
 * How long to stay alone at home: the grace, doubled by each return that soon ended in another fallback, up to its cap.
 *
 * @category getters
 */
export const graceAfter = (failedReturns: number, settings: FallbackSettings = defaultSettings): number =>
  Math.min(Duration.toMillis(settings.grace) * 2 ** failedReturns, Duration.toMillis(settings.graceCap))

/** The verdict that nothing is to be done. @category verdicts */
export const stay = (reason: string): FallbackDecision => ({ _tag: "Stay", reason })

/** The verdict to go to another network, from home or from any other. @category verdicts */
export const fallBack = (to: NetworkName, reason: string): FallbackDecision => ({ _tag: "FallBack", to, reason })

/** The verdict to go home. @category verdicts */
export const goHome = (reason: string): FallbackDecision => ({ _tag: "GoHome", reason })

/**
 * The default verdict. At home it leaves only when alone for the grace period, with a hub that is reachable and knows of
 * nobody; away it goes home as soon as anybody is there, or waits for it too.
 *
 * @category verdicts
 */
export const decide = (health: NetworkHealth, settings: FallbackSettings = defaultSettings): FallbackDecision => {
  const { allowGlobalFallback, hubReachable, originalNetworkName, othersAtHome = 0, othersWaiting = 0 } = health
  if (health.networkName !== originalNetworkName) {
    if (!allowGlobalFallback) return goHome("falling back is not allowed")
    if (!hubReachable) return stay("no hub is reachable, and so nobody at home can be met")
    if (othersAtHome > 0) return goHome(`${othersAtHome} at home`)
    if (othersWaiting > 0) return goHome(`${othersWaiting} more waiting to go home`)
    return stay("nobody is at home")
  }
  if (originalNetworkName === settings.refuge) return stay("home is the refuge itself")
  if (!allowGlobalFallback) return stay("falling back is not allowed")
  if (health.openLinks > 0) return stay("linked")
  if (health.linksUnderWay > 0) return stay("a link is under way")
  if (!hubReachable) return stay("a hub that cannot be reached is not an empty network")
  if ((health.othersAtHome ?? health.candidates) > 0) return stay("others are at home")
  const grace = graceAfter(health.failedReturns, settings)
  if (health.aloneForMillis < grace) return stay(`alone for less than ${grace / 1000} s`)
  return fallBack(
    settings.refuge,
    `alone in ${originalNetworkName} for ${Math.round(health.aloneForMillis / 1000)} s`
  )
}
