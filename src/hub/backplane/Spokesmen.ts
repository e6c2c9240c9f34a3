/**
 * Who of a network's members at this hub is heard at the other hubs, when they say in which component they are: one for
 * each component, so that a network costs little however many it has, and always the same, so that what was said last is
 * true. Plain data.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** @category models */
export interface Spokesmen {
  /** Whether a member's word is to be passed on. */
  speaks(networkName: NetworkName, peerId: PeerId, label: PeerId): boolean
  /** Forgets a member that left. */
  left(networkName: NetworkName, peerId: PeerId): void
}

/** The most who speak for one network: more components than that are brought together bit by bit. */
const most = 8

/** Nobody speaks yet. @category constructors */
export const make = (): Spokesmen => {
  const networks = new Map<NetworkName, Map<PeerId, PeerId>>()
  return {
    speaks(networkName, peerId, label) {
      const labels = networks.get(networkName) ?? new Map<PeerId, PeerId>()
      if (!labels.has(peerId) && (labels.size >= most || Array.from(labels.values()).includes(label))) return false
      networks.set(networkName, labels.set(peerId, label))
      return true
    },
    left(networkName, peerId) {
      const labels = networks.get(networkName)
      labels?.delete(peerId)
      if (labels?.size === 0) networks.delete(networkName)
    }
  }
}
