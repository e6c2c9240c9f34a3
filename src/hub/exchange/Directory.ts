/**
 * The networks of a hub for whoever looks for one.
 *
 * Listed is a network with a member, unless a member asked that it not be (`discoverable: false`): one who wants to be
 * hidden must not depend on the others. `global` is known to everybody and cannot be hidden. A network that peers only
 * wait for is not listed either, since nobody is there to say whether it may be.
 */
import * as Duration from "effect/Duration"
import * as NetworkName from "../../domain/NetworkName.ts"
import { maxListed, type NetworkSummary } from "../../domain/Signal.ts"
import * as Limits from "../Limits.ts"
import type { Registry } from "./Registry.ts"

/** What may be known of the networks. @category models */
export interface Listing {
  /** How many networks may be listed. */
  readonly total: number
  /** The first `maxListed` of them, those with most members first. Whoever asks may be among those who wait. */
  readonly networks: ReadonlyArray<NetworkSummary>
}

/** The list of the networks. @category models */
export interface Directory {
  /** The list as it was at most `Limits.listPeriod` ago. */
  readonly listing: Listing
}

const byImportance = (one: NetworkSummary, other: NetworkSummary): number =>
  other.present - one.present || other.waiting - one.waiting || (one.name < other.name ? -1 : 1)

/**
 * A directory of a registry's networks. `waiting` tells how many wait for a network, and `now` gives milliseconds since
 * 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly registry: Registry
  readonly waiting: (networkName: NetworkName.NetworkName) => number
  readonly now: () => number
  /** The network of the hubs, which is never listed. */
  readonly hubNetwork?: NetworkName.NetworkName
}): Directory => {
  const { hubNetwork, now, registry, waiting } = options
  const period = Duration.toMillis(Limits.listPeriod)
  let made: { readonly at: number; readonly listing: Listing } | undefined

  const list = (): Listing => {
    const listed = registry.outlines
      .filter(({ hidden, name }) => name !== hubNetwork && (!hidden || name === NetworkName.global))
      .map(({ name, present }) => ({ name, present, waiting: waiting(name) }))
      .toSorted(byImportance)
    return { total: listed.length, networks: listed.slice(0, maxListed) }
  }

  return {
    get listing() {
      const at = now()
      // A clock that goes back makes a new list, too.
      if (made === undefined || Math.abs(at - made.at) >= period) made = { at, listing: list() }
      return made.listing
    }
  }
}
