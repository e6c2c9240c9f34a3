/**
 * Who is in which network. Plain data: nothing here waits, sends or knows a socket.
 */
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { PeerFacts } from "../domain/Signal.ts"

/** A peer as others reach it. Told apart by object, not by id: an id can come back on a newer connection. @category models */
export interface Peer {
  readonly peerId: PeerId
  /** Hands a frame to the peer's connection, or returns `false` when that is closing. Never throws. */
  send(frame: string): boolean
}

/** A peer in one network, with what it said of itself there. @category models */
export interface Member {
  readonly peer: Peer
  readonly facts: PeerFacts
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
  /** Networks with at least one member. */
  readonly networkCount: number
  /** Those networks, in no particular order. */
  readonly outlines: ReadonlyArray<Outline>
  /**
   * Puts a peer into a network, or renews its facts there; returns `false` when it is in as many as it
   * may be.
   */
  join(peer: Peer, networkName: NetworkName, facts: PeerFacts): boolean
  /** Takes a peer out of a network and returns what it was there, if it was there. */
  leave(peer: Peer, networkName: NetworkName): Member | undefined
  /** The networks a peer is in, in the order in which it joined them. */
  networksOf(peer: Peer): ReadonlyArray<NetworkName>
  /** Whether a peer is in a network. */
  has(peer: Peer, networkName: NetworkName): boolean
  /** The peer with that id, if `sender` and it are both in the network. */
  route(sender: Peer, networkName: NetworkName, target: PeerId): Peer | undefined
  /** All members of a network, in no particular order. */
  members(networkName: NetworkName): ReadonlyArray<Member>
  /**
   * At most `limit` other members of a network, going around it, so that every member gets its turn and
   * a peer that asks again meets others.
   */
  sample(peer: Peer, networkName: NetworkName, limit: number): ReadonlyArray<Member>
}

interface Seat {
  member: Member
  index: number
}

const hides = ({ facts }: Member): number => facts.discoverable === false ? 1 : 0

/** The members of one network: by id to find them, in a row to go around. */
class Network {
  readonly seats = new Map<PeerId, Seat>()
  readonly row: Array<Member> = []
  next = 0
  /** Members who ask that the network not be listed. */
  hiders = 0

  seatOf(peer: Peer): Seat | undefined {
    const seat = this.seats.get(peer.peerId)
    return seat?.member.peer === peer ? seat : undefined
  }

  put(member: Member): void {
    const { peerId } = member.peer
    const seat = this.seats.get(peerId)
    if (seat !== undefined) this.hiders -= hides(seat.member)
    this.hiders += hides(member)
    if (seat === undefined) {
      this.seats.set(peerId, { member, index: this.row.push(member) - 1 })
    } else {
      seat.member = member
      this.row[seat.index] = member
    }
  }

  remove(seat: Seat): void {
    this.hiders -= hides(seat.member)
    this.seats.delete(seat.member.peer.peerId)
    const last = this.row.pop()
    if (last === undefined || last === seat.member) return
    this.row[seat.index] = last
    const moved = this.seats.get(last.peer.peerId)
    if (moved !== undefined) moved.index = seat.index
  }
}

/**
 * An empty registry. `networksPerPeer` is how many networks a peer may be in at a time.
 *
 * @category constructors
 */
export const make = (networksPerPeer: number): Registry => {
  const networks = new Map<NetworkName, Network>()
  const memberships = new Map<Peer, Set<NetworkName>>()

  return {
    get networkCount() {
      return networks.size
    },
    get outlines() {
      return Array.from(networks, ([name, { hiders, row }]) => ({ name, present: row.length, hidden: hiders > 0 }))
    },
    join(peer, networkName, facts) {
      const joined = memberships.get(peer) ?? new Set()
      if (!joined.has(networkName) && joined.size >= networksPerPeer) return false
      memberships.set(peer, joined.add(networkName))
      const network = networks.get(networkName) ?? new Network()
      networks.set(networkName, network)
      network.put({ peer, facts })
      return true
    },
    leave(peer, networkName) {
      const network = networks.get(networkName)
      const seat = network?.seatOf(peer)
      const joined = memberships.get(peer)
      joined?.delete(networkName)
      if (joined?.size === 0) memberships.delete(peer)
      if (network === undefined || seat === undefined) return undefined
      const { member } = seat
      network.remove(seat)
      if (network.row.length === 0) networks.delete(networkName)
      return member
    },
    networksOf: (peer) => Array.from(memberships.get(peer) ?? []),
    has: (peer, networkName) => networks.get(networkName)?.seatOf(peer) !== undefined,
    route(sender, networkName, target) {
      const network = networks.get(networkName)
      return network?.seatOf(sender) === undefined ? undefined : network.seats.get(target)?.member.peer
    },
    members: (networkName) => networks.get(networkName)?.row ?? [],
    sample(peer, networkName, limit) {
      const network = networks.get(networkName)
      if (network === undefined) return []
      const chosen: Array<Member> = []
      for (let step = 0; step < network.row.length && chosen.length < limit; step++) {
        const member = network.row[network.next % network.row.length]
        network.next = (network.next + 1) % network.row.length
        if (member !== undefined && member.peer !== peer) chosen.push(member)
      }
      return chosen
    }
  }
}
