/**
 * Tells those who watch a network how many are in it and how many wait for it.
 *
 * Who begins to watch is told at once. From then on, whoever changes a count only marks its network, and one fiber speaks
 * for the whole hub, in rounds: at once when all was quiet, and then after each `countsPeriod` for as long as there is
 * news, or longer where many are told, so that a storm of joins costs a watcher ten frames a second at most and the hub a
 * thousand, and the last count always arrives.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { NetworkCounts } from "../../domain/Signal.ts"
import { alone, type Elsewhere } from "../backplane/Backplane.ts"
import * as Limits from "../Limits.ts"
import type { Peer } from "./Member.ts"
import type { Registry } from "./Registry.ts"
import * as Watches from "./Watches.ts"
import * as Wire from "./Wire.ts"

/** Where watches go in, and counts come out. @category models */
export interface Lookout {
  /** Watches a network; `false` when the peer watches as many as it may. `waiting` says that it wants to go there. */
  watch(peer: Peer, networkName: NetworkName, waiting: boolean): boolean
  /** Watches a network no more. */
  unwatch(peer: Peer, networkName: NetworkName): void
  /** Forgets all that a peer watched. */
  forget(peer: Peer): void
  /** To be called whenever a peer came to a network or left it. */
  moved(peer: Peer, networkName: NetworkName): void
  /** To be called whenever another number waits for a network at another hub. */
  counted(networkName: NetworkName): void
  /** How many wait for a network, here and elsewhere. */
  waiting(networkName: NetworkName): number
  /** Tells what is due, for as long as it runs. */
  readonly serve: Effect.Effect<never>
}

/** Both are the same to whoever was told one of them. */
const isEqual = (one: NetworkCounts | undefined, other: NetworkCounts): boolean =>
  one?.present === other.present && one.waiting === other.waiting

/**
 * A lookout over a registry. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly registry: Registry
  readonly now: () => number
  /** The other hubs. Default: none. */
  readonly elsewhere?: () => Pick<Elsewhere, "waits" | "waiting">
}): Lookout => {
  const { elsewhere = () => alone, now, registry } = options
  const watches = Watches.make({ isMember: registry.has, networksPerPeer: Limits.watchesPerPeer })
  const changed = new Set<NetworkName>()
  const news = Latch.makeUnsafe(false)

  const waiting = (networkName: NetworkName): number => watches.waiting(networkName) + elsewhere().waiting(networkName)

  const mark = (networkName: NetworkName): void => {
    elsewhere().waits(networkName, watches.waiting(networkName))
    if (!watches.has(networkName)) return
    changed.add(networkName)
    news.openUnsafe()
  }

  /** What a watcher sees: everybody who waits but itself. */
  const seenBy = (watch: Watches.Watch): NetworkCounts => ({
    present: registry.present(watch.networkName),
    waiting: waiting(watch.networkName) - (watch.waits ? 1 : 0)
  })

  const tell = (watch: Watches.Watch, counts: NetworkCounts): void => {
    watch.told = counts
    watch.peer.send(Wire.networkCounts(watch.networkName, counts, now()))
  }

  /** Tells what changed, and says to how many. */
  const round = Effect.gen(function*() {
    let told = 0
    const networkNames = Array.from(changed)
    changed.clear()
    for (const networkName of networkNames) {
      for (const watch of watches.of(networkName)) {
        const counts = seenBy(watch)
        if (isEqual(watch.told, counts)) watch.early = false
        else if (watch.early) {
          watch.early = false
          mark(networkName)
        } else {
          tell(watch, counts)
          told++
        }
      }
      // Sockets come first.
      yield* Effect.yieldNow
    }
    return told
  })

  return {
    watch(peer, networkName, waiting) {
      const isNew = !watches.networksOf(peer).includes(networkName)
      const watch = watches.add(peer, networkName, waiting)
      if (watch === undefined) return false
      if (isNew) {
        watch.early = true
        tell(watch, seenBy(watch))
      }
      mark(networkName)
      return true
    },
    unwatch(peer, networkName) {
      watches.remove(peer, networkName)
      mark(networkName)
    },
    forget(peer) {
      for (const networkName of watches.networksOf(peer)) {
        watches.remove(peer, networkName)
        mark(networkName)
      }
    },
    moved(peer, networkName) {
      watches.moved(peer, networkName)
      mark(networkName)
    },
    counted: mark,
    waiting,
    serve: news.await.pipe(
      // Out of the callback that brought the news.
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(Effect.sync(() => news.closeUnsafe())),
      Effect.andThen(round),
      Effect.flatMap((told) =>
        Effect.sleep(Duration.max(Limits.countsPeriod, Duration.times(Limits.countsPace, told)))
      ),
      Effect.forever
    )
  }
}
