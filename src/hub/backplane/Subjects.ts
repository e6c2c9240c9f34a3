/** The subjects of hubs on NATS. Names of networks are hashed: they may hold dots, and may be nobody's business. */
import { createHash } from "node:crypto"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"

const hash = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 32)

/** @category models */
export interface Subjects {
  /** With what all of them begin. */
  readonly root: string
  /** What all hubs have to hear. */
  readonly presence: string
  /** What one hub has to hear. */
  hub(hub: PeerId): string
  /** What a peer in a network has to hear, answered by the hub that holds it. */
  peer(networkName: NetworkName, peerId: PeerId): string
}

/** The subjects of the hubs of a namespace: others share none with them. @category constructors */
export const make = (namespace: NetworkName): Subjects => {
  const root = `homing.${hash(namespace)}`
  const networks = new Map<NetworkName, string>()
  const networkOf = (networkName: NetworkName): string => {
    const known = networks.get(networkName)
    if (known !== undefined) return known
    // Few enough to compute anew, and never more than these.
    if (networks.size >= 4096) networks.clear()
    const made = `${root}.n.${hash(networkName)}`
    networks.set(networkName, made)
    return made
  }
  return {
    root,
    presence: `${root}.presence`,
    hub: (hub) => `${root}.hub.${hub}`,
    peer: (networkName, peerId) => `${networkOf(networkName)}.${peerId}`
  }
}
