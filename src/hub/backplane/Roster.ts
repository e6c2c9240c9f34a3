/**
 * Who is in which network, over all hubs. Plain data.
 *
 * A peer can be held by two hubs for a while, when it changed from one to the other and the first has not noticed. It
 * counts once, and is reached where it came last.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"

/** A peer in a network, and the hub that holds it. @category models */
export interface Resident {
  readonly peerId: PeerId
  readonly facts: PeerFacts
  readonly hub: PeerId
}

/** @category models */
export interface Roster {
  /** Puts a peer into a network, or renews it there. */
  put(hub: PeerId, networkName: NetworkName, peerId: PeerId, facts: PeerFacts): void
  /** Takes it out; `false` when that hub did not hold it. */
  drop(hub: PeerId, networkName: NetworkName, peerId: PeerId): boolean
  /** Notes how many wait for a network at a hub. */
  wait(hub: PeerId, networkName: NetworkName, count: number): void
  /** Where a peer is, the hub it came to last; `except` is a hub to leave out. */
  locate(networkName: NetworkName, peerId: PeerId, except?: PeerId): Resident | undefined
  /** The hubs that hold a peer in any network, whatever the case of its letters. */
  holders(peerId: PeerId): ReadonlyArray<PeerId>
  /** Whether another hub than one holds a peer in any network. */
  isHeldElsewhere(peerId: PeerId, than: PeerId): boolean
  /** The members of a network, each where it came last. */
  members(networkName: NetworkName): ReadonlyArray<Resident>
  /** Whether a network has members at other hubs than one. */
  isElsewhere(networkName: NetworkName, than: PeerId): boolean
  /** How many wait for a network at all hubs but one. */
  waiting(networkName: NetworkName, except?: PeerId): number
  /** The networks with a member, or somebody who waits. */
  readonly networkNames: ReadonlyArray<NetworkName>
}

interface Network {
  /** By peer the hubs that hold it, the one it came to last at the end. */
  readonly members: Map<PeerId, Map<PeerId, PeerFacts>>
  readonly waiting: Map<PeerId, number>
  /** By hub how many members it holds. */
  readonly held: Map<PeerId, number>
}

/** Nobody anywhere. @category constructors */
export const make = (): Roster => {
  const networks = new Map<NetworkName, Network>()
  /** By peer the hubs that hold it, once for each network: a hub alone, as for nearly all, needs no list. */
  const places = new Map<string, PeerId | ReadonlyArray<PeerId>>()

  const placesOf = (peerId: PeerId): ReadonlyArray<PeerId> => {
    const found = places.get(peerId.toLowerCase())
    return found === undefined ? [] : typeof found === "string" ? [found] : found
  }

  const settle = (peerId: PeerId, hubs: ReadonlyArray<PeerId>): void => {
    const [first] = hubs
    if (first === undefined) places.delete(peerId.toLowerCase())
    else places.set(peerId.toLowerCase(), hubs.length === 1 ? first : hubs)
  }

  const open = (networkName: NetworkName): Network => {
    const known = networks.get(networkName)
    if (known !== undefined) return known
    const made: Network = { members: new Map(), waiting: new Map(), held: new Map() }
    networks.set(networkName, made)
    return made
  }

  const tidy = (networkName: NetworkName, network: Network): void => {
    if (network.members.size === 0 && network.waiting.size === 0) networks.delete(networkName)
  }

  const last = (peerId: PeerId, holders: Iterable<readonly [PeerId, PeerFacts]>, except?: PeerId) => {
    let found: Resident | undefined
    for (const [hub, facts] of holders) if (hub !== except) found = { peerId, facts, hub }
    return found
  }

  return {
    put(hub, networkName, peerId, facts) {
      const { held, members } = open(networkName)
      const holders = members.get(peerId) ?? new Map<PeerId, PeerFacts>()
      // Whoever came last is last.
      if (!holders.delete(hub)) {
        held.set(hub, (held.get(hub) ?? 0) + 1)
        settle(peerId, [...placesOf(peerId), hub])
      }
      members.set(peerId, holders.set(hub, facts))
    },
    drop(hub, networkName, peerId) {
      const network = networks.get(networkName)
      const holders = network?.members.get(peerId)
      if (network === undefined || holders?.delete(hub) !== true) return false
      if (holders.size === 0) network.members.delete(peerId)
      const hubs = placesOf(peerId)
      settle(peerId, hubs.toSpliced(hubs.indexOf(hub), 1))
      const left = (network.held.get(hub) ?? 1) - 1
      if (left > 0) network.held.set(hub, left)
      else network.held.delete(hub)
      tidy(networkName, network)
      return true
    },
    wait(hub, networkName, count) {
      const network = open(networkName)
      if (count > 0) network.waiting.set(hub, count)
      else network.waiting.delete(hub)
      tidy(networkName, network)
    },
    locate: (networkName, peerId, except) => last(peerId, networks.get(networkName)?.members.get(peerId) ?? [], except),
    holders: (peerId) => Array.from(new Set(placesOf(peerId))),
    isHeldElsewhere: (peerId, than) => placesOf(peerId).some((hub) => hub !== than),
    members: (networkName) =>
      Array.from(networks.get(networkName)?.members ?? [], ([peerId, holders]) => last(peerId, holders))
        .filter((resident) => resident !== undefined),
    isElsewhere(networkName, than) {
      const held = networks.get(networkName)?.held
      return held !== undefined && held.size > (held.has(than) ? 1 : 0)
    },
    waiting(networkName, except) {
      let sum = 0
      for (const [hub, count] of networks.get(networkName)?.waiting ?? []) if (hub !== except) sum += count
      return sum
    },
    get networkNames() {
      return Array.from(networks.keys())
    }
  }
}
