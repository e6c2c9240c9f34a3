/** The watches of one session, and what each of them is shown. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { Watched } from "../SignalingTransport.ts"

/** One watch, seen from its session. @category models */
export interface Watch {
  readonly networkName: NetworkName
  readonly waiting: boolean
  /** What is known, the last of it only. */
  readonly seen: PubSub.PubSub<Watched>
}

/** A watch that knows nothing yet. @category constructors */
export const makeWatch = Effect.fnUntraced(function*(networkName: NetworkName, waiting: boolean) {
  const seen = yield* PubSub.sliding<Watched>({ capacity: 1, replay: 1 })
  yield* PubSub.publish(seen, { _tag: "Unknown" })
  return { networkName, waiting, seen } satisfies Watch
})

/** What is known, then every change, until the watch is closed. @category getters */
export const changes = (watch: Watch): Stream.Stream<Watched> => Stream.fromPubSub(watch.seen).pipe(Stream.changes)

/** Ends the stream of changes. @category combinators */
export const close = (watch: Watch): Effect.Effect<void> => PubSub.shutdown(watch.seen)

/**
 * The watches of a session. Several may be of the same network, and are one watch to the hub.
 *
 * @category models
 */
export class Watches {
  readonly #watches = new Set<Watch>()

  get size(): number {
    return this.#watches.size
  }

  [Symbol.iterator](): IterableIterator<Watch> {
    return this.#watches.values()
  }

  add(watch: Watch): void {
    this.#watches.add(watch)
  }

  /** Forgets a watch; says whether there was one to forget. */
  remove(watch: Watch): boolean {
    return this.#watches.delete(watch)
  }

  /** The networks that are watched, each once. */
  get networks(): ReadonlySet<NetworkName> {
    return new Set(Array.from(this.#watches, ({ networkName }) => networkName))
  }

  /** Whether one of a network's watches waits. */
  waiting(networkName: NetworkName): boolean {
    return Array.from(this.#watches).some((watch) => watch.networkName === networkName && watch.waiting)
  }

  /** Shows something to the watches of a network, or to all. */
  show(watched: Watched, networkName?: NetworkName): Effect.Effect<void> {
    return Effect.suspend(() => {
      const concerned = Array.from(this.#watches).filter((watch) =>
        networkName === undefined || watch.networkName === networkName
      )
      // Not `publishUnsafe`, which would keep the outdated for a slow reader and drop the new.
      return Effect.forEach(concerned, ({ seen }) => PubSub.publish(seen, watched), { discard: true })
    })
  }
}
