/** What the members of each network say of the component that they are in, and who should meet because of it. */
import * as Result from "effect/Result"
import * as Components from "../../domain/Components.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { decodeHeartbeat } from "../../domain/Signal.ts"
import type { Peer } from "./Member.ts"

/** @category models */
export interface Labels {
  /** Takes the heartbeat of a member of a network; says who should be introduced to whom now. */
  heard(peer: Peer, networkName: NetworkName, data: unknown): ReadonlyArray<readonly [Peer, Peer]>
  /** Forgets a peer that left a network. */
  left(peer: Peer, networkName: NetworkName): void
}

/** Nobody has said anything. `now` gives milliseconds since 1970, `random` numbers from 0 up to 1. @category constructors */
export const make = (options: { readonly now: () => number; readonly random: () => number }): Labels => {
  const { now, random } = options
  const networks = new Map<NetworkName, Components.Components<Peer>>()
  return {
    heard(peer, networkName, data) {
      const heartbeat = decodeHeartbeat(data)
      if (Result.isFailure(heartbeat)) return []
      const components = networks.get(networkName) ?? Components.make<Peer>(random)
      networks.set(networkName, components)
      return components.report(peer, heartbeat.success.label, now())
    },
    left(peer, networkName) {
      const components = networks.get(networkName)
      components?.leave(peer)
      if (components?.size === 0) networks.delete(networkName)
    }
  }
}
