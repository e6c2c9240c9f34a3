/**
 * Who watches which network from afar, and who of them waits to go there. Plain data: nothing here waits or sends.
 */
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { NetworkCounts } from "../../domain/Signal.ts"
import type { Peer } from "./Member.ts"

/** One peer's eye on one network. @category models */
export interface Watch {
  readonly peer: Peer
  readonly networkName: NetworkName
  /** Whether the peer wants to go there. */
  wants: boolean
  /** Whether it is counted among those who wait: it wants to go there and is not there already. */
  waits: boolean
  /** What it was told last, or nothing when it is owed an answer. */
  told: NetworkCounts | undefined
  /** Whether that was out of turn, so that the next round passes it by. */
  early: boolean
}

/** The watches, by network and by peer. @category models */
export interface Watches {
  /**
   * Watches a network, or changes one's mind about it; either way the peer is owed an answer. Returns nothing when it
   * watches as many networks as it may.
   */
  add(peer: Peer, networkName: NetworkName, wants: boolean): Watch | undefined
  /** Watches a network no more. */
  remove(peer: Peer, networkName: NetworkName): void
  /** Counts a peer again that came to a network or left it. */
  moved(peer: Peer, networkName: NetworkName): void
  /** Whether anybody watches a network. */
  has(networkName: NetworkName): boolean
  /** The networks a peer watches. */
  networksOf(peer: Peer): ReadonlyArray<NetworkName>
  /** Those who watch a network. */
  of(networkName: NetworkName): Iterable<Watch>
  /** How many wait for a network. */
  waiting(networkName: NetworkName): number
}

/** Those who watch one network. */
class Watched {
  readonly watches = new Map<Peer, Watch>()
  waiting = 0

  count(watch: Watch, waits: boolean): void {
    if (watch.waits === waits) return
    watch.waits = waits
    this.waiting += waits ? 1 : -1
  }
}

/**
 * Nobody watches anything. `isMember` tells who is in a network, and `networksPerPeer` is how many a peer may watch at
 * a time.
 *
 * @category constructors
 */
export const make = (options: {
  readonly isMember: (peer: Peer, networkName: NetworkName) => boolean
  readonly networksPerPeer: number
}): Watches => {
  const { isMember, networksPerPeer } = options
  const networks = new Map<NetworkName, Watched>()
  const watching = new Map<Peer, Set<NetworkName>>()

  return {
    add(peer, networkName, wants) {
      const names = watching.get(peer) ?? new Set()
      if (!names.has(networkName) && names.size >= networksPerPeer) return undefined
      watching.set(peer, names.add(networkName))
      const watched = networks.get(networkName) ?? new Watched()
      networks.set(networkName, watched)
      const watch = watched.watches.get(peer) ??
        { peer, networkName, wants, waits: false, told: undefined, early: false }
      watched.watches.set(peer, watch)
      watch.wants = wants
      watch.told = undefined
      watched.count(watch, wants && !isMember(peer, networkName))
      return watch
    },
    remove(peer, networkName) {
      const watched = networks.get(networkName)
      const watch = watched?.watches.get(peer)
      if (watched === undefined || watch === undefined) return
      watched.count(watch, false)
      watched.watches.delete(peer)
      if (watched.watches.size === 0) networks.delete(networkName)
      const names = watching.get(peer)
      names?.delete(networkName)
      if (names?.size === 0) watching.delete(peer)
    },
    moved(peer, networkName) {
      const watched = networks.get(networkName)
      const watch = watched?.watches.get(peer)
      if (watched !== undefined && watch !== undefined) {
        watched.count(watch, watch.wants && !isMember(peer, networkName))
      }
    },
    has: (networkName) => networks.has(networkName),
    networksOf: (peer) => Array.from(watching.get(peer) ?? []),
    of: (networkName) => networks.get(networkName)?.watches.values() ?? [],
    waiting: (networkName) => networks.get(networkName)?.waiting ?? 0
  }
}
