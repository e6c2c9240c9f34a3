/**
 * What other hubs' peers are at this hub: members like any other, at the end of a way that the backplane knows. So they
 * are introduced, counted and reached by the same rules as those who are here.
 *
 * Each hub introduces its own members to those who come elsewhere, and nobody else's. It chooses them out of the whole
 * network, so all hubs together introduce about as many as one would, and two who come at the same moment at different
 * hubs cannot miss each other, since each hub hears of every newcomer in the end.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"
import type { Peer } from "../exchange/Member.ts"
import { alone, type Elsewhere, type House } from "./Backplane.ts"
import type { Rivals } from "./Claims.ts"

/** What a hub does for peers that are elsewhere. @category models */
export interface Guests {
  /** One came into a network; `introduced` says whether to introduce it to members here. */
  arrived(peer: Peer, networkName: NetworkName, facts: PeerFacts, introduced: boolean): void
  /** One left: those here who know it are told. */
  departed(peer: Peer, networkName: NetworkName, farewell: boolean): void
  /** One said in which component of a network it is. */
  labelled(peer: Peer, networkName: NetworkName, label: PeerId): void
  /** Another number of peers waits for a network. */
  counted(networkName: NetworkName): void
  /** Hands a frame to a member here that knows its sender from then on; `false` when there is no such member. */
  deliver(networkName: NetworkName, target: PeerId, from: Peer | undefined, frame: string): boolean
  /** Tells a member here that what it said came to nobody. */
  undelivered(networkName: NetworkName, from: PeerId, target: PeerId): void
}

/** @category models */
export interface Ties {
  /** All other hubs; nobody, until the backplane is open. */
  readonly elsewhere: Elsewhere
  /** The other hubs as rivals for a peer: those of `elsewhere`, from whenever there are any. */
  readonly rivals: Rivals
  readonly house: Pick<House, "deliver" | "undelivered" | "labelled" | "hear">
  /** Uses a backplane that is open. */
  attach(elsewhere: Elsewhere): void
}

/** Members of one network that are introduced when many are found at once: the rest is known to those. @category constants */
export const found = 20

const text = new TextDecoder()

/** No ties yet. `guests` is asked for when somebody comes. @category constructors */
export const make = (guests: () => Guests): Ties => {
  let elsewhere = alone
  const peers = new Map<NetworkName, Map<PeerId, Peer>>()

  const peerOf = (networkName: NetworkName, peerId: PeerId): Peer => {
    const known = peers.get(networkName)?.get(peerId)
    if (known !== undefined) return known
    const peer: Peer = {
      peerId,
      isElsewhere: true,
      send: (frame, from, answered) =>
        from !== undefined && elsewhere.send({
          network: networkName,
          from,
          target: peerId,
          ...(answered === true ? { answered } : {}),
          frame: typeof frame === "string" ? frame : text.decode(frame)
        })
    }
    peers.set(networkName, (peers.get(networkName) ?? new Map<PeerId, Peer>()).set(peerId, peer))
    return peer
  }

  const forget = (networkName: NetworkName, peerId: PeerId): Peer | undefined => {
    const members = peers.get(networkName)
    const peer = members?.get(peerId)
    members?.delete(peerId)
    if (members?.size === 0) peers.delete(networkName)
    return peer
  }

  return {
    get elsewhere() {
      return elsewhere
    },
    rivals: {
      holds: (peerId) => elsewhere.rivals.holds(peerId),
      settles: (peerId) => elsewhere.rivals.settles(peerId),
      tell: (claim) => elsewhere.rivals.tell(claim),
      ask: (claim) => elsewhere.rivals.ask(claim)
    },
    attach(open) {
      elsewhere = open
    },
    house: {
      deliver: ({ frame, from, network, target }) =>
        guests().deliver(network, target, peers.get(network)?.get(from), frame),
      labelled(networkName, peerId, label) {
        const peer = peers.get(networkName)?.get(peerId)
        if (peer !== undefined) guests().labelled(peer, networkName, label)
      },
      undelivered: ({ from, network, target }) => guests().undelivered(network, from, target),
      hear(news) {
        const introduced = new Map<NetworkName, number>()
        for (const item of news) {
          switch (item._tag) {
            case "Arrived": {
              const { networkName } = item
              const count = introduced.get(networkName) ?? 0
              introduced.set(networkName, count + 1)
              const few = !item.bulk || count < found
              guests().arrived(peerOf(networkName, item.peerId), networkName, item.facts, few)
              break
            }
            case "Departed": {
              const peer = forget(item.networkName, item.peerId)
              if (peer !== undefined) guests().departed(peer, item.networkName, item.farewell)
              break
            }
            case "Waiting":
              guests().counted(item.networkName)
              break
            case "HubCame":
            case "HubWent":
            case "Twin":
              break
          }
        }
      }
    }
  }
}
