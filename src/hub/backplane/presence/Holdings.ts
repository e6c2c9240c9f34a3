/**
 * Who holds what: takes changes of hubs over into what is known of each and into the roster of all, and says what that
 * means for this hub.
 */
import type { NetworkName } from "../../../domain/NetworkName.ts"
import type { PeerId } from "../../../domain/PeerId.ts"
import type { PeerFacts } from "../../../domain/Signal.ts"
import * as Limits from "../../Limits.ts"
import type { Change, Entry } from "../HubMessage.ts"
import type { Roster } from "../Roster.ts"
import type { News } from "./News.ts"
import * as Replica from "./Replica.ts"

/** @category models */
export interface Holdings {
  /** Takes a change over; what it means for others is added to `news`. `bulk`: with many others. */
  apply(replica: Replica.Replica, change: Change, news: Array<News>, bulk: boolean): void
  /** Puts all that a hub holds in the place of what was known. */
  replace(replica: Replica.Replica, entries: ReadonlyArray<Entry>, news: Array<News>): void
}

/** Nobody holds anything. What `own` holds is bounded by its connections. @category constructors */
export const make = (own: Replica.Replica, roster: Roster): Holdings => {
  /** Memberships and waits of all other hubs. */
  let all = 0

  /** Makes room for one more, if there is any. */
  const enter = (replica: Replica.Replica): boolean => {
    if (replica === own) return true
    if (replica.size + replica.waits.size >= Limits.membershipsPerHub || all >= Limits.memberships) {
      replica.leftOut++
      return false
    }
    all++
    return true
  }

  /** Something that is not there any more, or for which there was no room. */
  const leave = (replica: Replica.Replica, wasThere: boolean): void => {
    if (replica === own) return
    if (wasThere) all--
    else if (replica.leftOut > 0) replica.leftOut--
  }

  const put = (replica: Replica.Replica, networkName: NetworkName, peerId: PeerId, facts: PeerFacts): boolean => {
    if (!Replica.holds(replica, networkName, peerId)) {
      if (!enter(replica)) return false
      replica.size++
    }
    const members = replica.networks.get(networkName) ?? new Map<PeerId, PeerFacts>()
    replica.networks.set(networkName, members.set(peerId, facts))
    roster.put(replica.hub, networkName, peerId, facts)
    return true
  }

  const drop = (replica: Replica.Replica, networkName: NetworkName, peerId: PeerId): boolean => {
    const members = replica.networks.get(networkName)
    const wasThere = members?.delete(peerId) === true
    if (wasThere) replica.size--
    leave(replica, wasThere)
    if (members?.size === 0) replica.networks.delete(networkName)
    // Somewhere else it may still be.
    return roster.drop(replica.hub, networkName, peerId) &&
      roster.locate(networkName, peerId, own.hub) === undefined
  }

  const wait = (replica: Replica.Replica, networkName: NetworkName, count: number): boolean => {
    if (count > 0) {
      if (!replica.waits.has(networkName) && !enter(replica)) return false
      replica.waits.set(networkName, count)
    } else leave(replica, replica.waits.delete(networkName))
    roster.wait(replica.hub, networkName, count)
    return true
  }

  const apply: Holdings["apply"] = (replica, change, news, bulk) => {
    const networkName = change.network
    switch (change.op) {
      case "put": {
        const { facts, peer: peerId } = change
        if (put(replica, networkName, peerId, facts)) news.push({ _tag: "Arrived", networkName, peerId, facts, bulk })
        return
      }
      case "drop": {
        const { farewell, peer: peerId } = change
        if (drop(replica, networkName, peerId)) news.push({ _tag: "Departed", networkName, peerId, farewell })
        return
      }
      case "wait":
        if (wait(replica, networkName, change.count)) news.push({ _tag: "Waiting", networkName })
    }
  }

  return {
    apply,
    replace(replica, entries, news) {
      replica.leftOut = 0
      const kept = new Map<NetworkName, Set<PeerId>>()
      const waited = new Set<NetworkName>()
      for (const entry of entries) {
        if (entry.op === "wait") waited.add(entry.network)
        else kept.set(entry.network, (kept.get(entry.network) ?? new Set()).add(entry.peer))
      }
      for (const [network, members] of Array.from(replica.networks)) {
        for (const peer of Array.from(members.keys())) {
          if (kept.get(network)?.has(peer) !== true) {
            apply(replica, { op: "drop", network, peer, farewell: false }, news, true)
          }
        }
      }
      for (const network of Array.from(replica.waits.keys())) {
        if (!waited.has(network)) apply(replica, { op: "wait", network, count: 0 }, news, true)
      }
      for (const entry of entries) {
        // Whoever was there before has not come; what it says of itself may be new.
        const isNew = entry.op === "wait" || !Replica.holds(replica, entry.network, entry.peer)
        apply(replica, entry, isNew ? news : [], true)
      }
    }
  }
}
