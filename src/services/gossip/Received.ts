/**
 * Direct messages that the application has had, by network and by name: a sender that was not told so sends anew, and may
 * find us in the next session of the same network, after we were elsewhere. So this outlives sessions. Networks stay apart.
 */
import * as Duration from "effect/Duration"
import type { NetworkName } from "../../domain/NetworkName.ts"
import * as SeenSet from "./SeenSet.ts"

/** How long a message is remembered; a sender gives up after 15 seconds. @category constants */
export const window = Duration.minutes(1)

/** Messages of one network that are remembered at most. @category constants */
export const capacity = 100_000

/** Networks that are remembered: those that a mesh was in last. @category constants */
export const maxNetworks = 4

/** @category models */
export interface Received {
  /** The messages of a network, from now on the last one that is forgotten. */
  of(networkName: NetworkName): SeenSet.SeenSet
}

/** Nothing received yet. @category constructors */
export const make = (): Received => {
  // In the order in which they were asked for.
  const networks = new Map<NetworkName, SeenSet.SeenSet>()
  return {
    of: (networkName) => {
      const received = networks.get(networkName) ?? SeenSet.make(capacity, Duration.toMillis(window))
      networks.delete(networkName)
      networks.set(networkName, received)
      for (const oldest of networks.keys()) {
        if (networks.size <= maxNetworks) break
        networks.delete(oldest)
      }
      return received
    }
  }
}
