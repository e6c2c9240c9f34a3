/** Who is in which network of a simulated hub, in the order in which they came. Plain data. */
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { PeerFacts } from "../domain/Signal.ts"

/** A peer's connection, as the hub holds it. @category models */
export interface Guest {
  readonly peerId: PeerId
  /** Hands a message over. */
  tell(message: object): void
}

/** A guest in one network, with what it said of itself there. @category models */
export interface Member {
  readonly guest: Guest
  readonly facts: PeerFacts
}

/** @category models */
export class HubRegistry {
  readonly #networks = new Map<NetworkName, Map<PeerId, Member>>()

  join(networkName: NetworkName, member: Member): void {
    const network = this.#networks.get(networkName) ?? new Map<PeerId, Member>()
    this.#networks.set(networkName, network)
    network.set(member.guest.peerId, member)
  }

  /** Takes a guest out of a network and returns what it was there, unless a newer connection has its place. */
  leave(networkName: NetworkName, guest: Guest): Member | undefined {
    const network = this.#networks.get(networkName)
    const member = network?.get(guest.peerId)
    if (network === undefined || member?.guest !== guest) return undefined
    network.delete(guest.peerId)
    if (network.size === 0) this.#networks.delete(networkName)
    return member
  }

  /** The guest with that id, if both are in the network. */
  route(networkName: NetworkName, sender: Guest, target: PeerId): Guest | undefined {
    const network = this.#networks.get(networkName)
    return network?.get(sender.peerId)?.guest === sender ? network.get(target)?.guest : undefined
  }

  members(networkName: NetworkName): ReadonlyArray<Member> {
    return Array.from(this.#networks.get(networkName)?.values() ?? [])
  }

  networksOf(guest: Guest): ReadonlyArray<NetworkName> {
    return Array.from(this.#networks).flatMap(([name, network]) =>
      network.get(guest.peerId)?.guest === guest ? [name] : []
    )
  }

  clear(): void {
    this.#networks.clear()
  }
}
