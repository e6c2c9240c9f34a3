/**
 * Who is in which network, and who knows of whom. Plain data: nothing here waits, sends or knows a socket, and a peer may
 * be anywhere, as long as frames can be handed to it.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"
import * as Limits from "../Limits.ts"
import type { Member, Peer } from "./Member.ts"
import { introductions, Network } from "./Network.ts"

/** A member that left. @category models */
export interface Departure {
  readonly member: Member
  /** Those who know of it. */
  readonly acquaintances: ReadonlyArray<Peer>
}

/** A network from outside. @category models */
export interface Outline {
  readonly name: NetworkName
  /** How many members it has. */
  readonly present: number
  /** Whether a member asked that it not be listed. */
  readonly hidden: boolean
}

/** The networks and their members. @category models */
export interface Registry {
  /** How many networks a peer may be in at a time. */
  readonly networksPerPeer: number
  /** Networks with at least one member. */
  readonly networkCount: number
  /** Those networks, in no particular order. */
  readonly outlines: ReadonlyArray<Outline>
  /**
   * Puts a peer into a network, or renews its facts there; returns `false` when it is in as many as it
   * may be.
   */
  join(peer: Peer, networkName: NetworkName, facts: PeerFacts): boolean
  /** Takes a peer out of a network and returns what it was there and who knows of it, if it was there. */
  leave(peer: Peer, networkName: NetworkName): Departure | undefined
  /** The networks a peer is in, in the order in which it joined them. */
  networksOf(peer: Peer): ReadonlyArray<NetworkName>
  /** Whether a peer is in a network. */
  has(peer: Peer, networkName: NetworkName): boolean
  /** The peer in a network with that id. */
  find(networkName: NetworkName, peerId: PeerId): Peer | undefined
  /** The peer with that id, if `sender` and it are both in the network. */
  route(sender: Peer, networkName: NetworkName, target: PeerId): Peer | undefined
  /** How many members a network has. */
  present(networkName: NetworkName): number
  /** All members of a network, in the order of their ids. */
  members(networkName: NetworkName): ReadonlyArray<Member>
  /**
   * The other members of a network here that a peer is to be introduced to, and they to it: as many as were chosen at
   * most, out of all members wherever they are. From then on they know of each other.
   */
  introduce(peer: Peer, networkName: NetworkName): ReadonlyArray<Member>
  /** Notes that two members of a network know of each other from now on, and gives both, if they are there. */
  acquaint(peer: Peer, networkName: NetworkName, other: Peer): readonly [Member, Member] | undefined
}

/** What a registry is made with. @category models */
export interface RegistryOptions {
  /** How many networks a peer may be in at a time. Default 32. */
  readonly networksPerPeer?: number
  /** How many members a newcomer is introduced to at most. Default 20. */
  readonly introductions?: number
  /** Numbers from 0 up to 1, by which some of them are chosen. */
  readonly random: () => number
}

/**
 * An empty registry.
 *
 * @category constructors
 */
export const make = (options: RegistryOptions): Registry => {
  const { networksPerPeer = Limits.networksPerPeer, random } = options
  const quota = introductions(options.introductions ?? Limits.introductions)
  const networks = new Map<NetworkName, Network>()
  const memberships = new Map<Peer, Array<NetworkName>>()

  const forget = (peer: Peer, networkName: NetworkName): void => {
    const names = memberships.get(peer)?.filter((name) => name !== networkName) ?? []
    if (names.length > 0) memberships.set(peer, names)
    else memberships.delete(peer)
  }

  return {
    networksPerPeer,
    get networkCount() {
      return networks.size
    },
    get outlines() {
      return Array.from(networks, ([name, { hidden, size }]) => ({ name, present: size, hidden }))
    },
    join(peer, networkName, facts) {
      const joined = memberships.get(peer) ?? []
      if (!joined.includes(networkName)) {
        if (joined.length >= networksPerPeer) return false
        memberships.set(peer, [...joined, networkName])
      }
      const network = networks.get(networkName) ?? new Network(Limits.acquaintances)
      networks.set(networkName, network)
      network.put({ peer, facts })
      return true
    },
    leave(peer, networkName) {
      forget(peer, networkName)
      const network = networks.get(networkName)
      const seat = network?.seatOf(peer)
      if (network === undefined || seat === undefined) return undefined
      const acquaintances = network.remove(seat).map(({ member }) => member.peer)
      if (network.size === 0) networks.delete(networkName)
      return { member: seat.member, acquaintances }
    },
    networksOf: (peer) => memberships.get(peer) ?? [],
    has: (peer, networkName) => networks.get(networkName)?.seatOf(peer) !== undefined,
    route(sender, networkName, target) {
      const network = networks.get(networkName)
      return network?.seatOf(sender) === undefined ? undefined : network.find(target)?.member.peer
    },
    find: (networkName, peerId) => networks.get(networkName)?.find(peerId)?.member.peer,
    present: (networkName) => networks.get(networkName)?.size ?? 0,
    members: (networkName) => networks.get(networkName)?.members ?? [],
    introduce(peer, networkName) {
      const network = networks.get(networkName)
      const seat = network?.seatOf(peer)
      if (network === undefined || seat === undefined) return []
      const chosen = Array.from(network.choose(seat, quota, random)).filter(({ member }) =>
        member.peer.isElsewhere !== true
      )
      for (const other of chosen) network.acquaint(seat, other)
      return chosen.map(({ member }) => member)
    },
    acquaint(peer, networkName, other) {
      const network = networks.get(networkName)
      const [one, two] = [network?.seatOf(peer), network?.seatOf(other)]
      if (network === undefined || one === undefined || two === undefined) return undefined
      network.acquaint(one, two)
      return [one.member, two.member]
    }
  }
}
