/**
 * The hash table of whatever network the mesh is in: each operation concerns the network of its moment, and a subscription
 * follows the mesh when it moves.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Content } from "../domain/Content.ts"
import { type DhtChange, type DhtRecord, ownedKey, type Stored } from "../domain/DhtRecord.ts"
import type { AwayFromHome, DhtTimeout, InvalidInput, NotJoined, StoreFull, VersionConflict } from "../domain/Errors.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Change, GetOptions, PutOptions, SubscribeOptions, UpdateOptions, WriteError } from "../services/Dht.ts"
import type { Audience } from "./Audience.ts"
import type { NetworkSession } from "./NetworkSession.ts"
import * as Whereabouts from "./Whereabouts.ts"

/** Why nobody was asked. @category errors */
export type Nowhere = NotJoined | AwayFromHome

/**
 * Values under keys, kept by the peers of the network together. Records of one network are not seen in another. Keys have 1
 * to 512 characters, values are JSON or bytes, 64 KiB at most.
 *
 * Anybody may write a key, and who wrote it is hearsay unless it is signed. A key that begins with `@` and a peer's id
 * belongs to that peer: nobody else's writes are kept under it.
 *
 * @category models
 */
export interface MeshDht {
  /** The key with that name that belongs to this peer: `@<peer id>/<name>`. What it writes there is always signed. */
  ownKey(name: string): string
  /** Stores a value, whatever was there, and says its version and how many peers hold it. */
  put(key: string, value: Content, options?: PutOptions & Audience): Effect.Effect<Stored, WriteError | Nowhere>
  /** The record of a key, if it has a value. */
  get(
    key: string,
    options?: GetOptions & Audience
  ): Effect.Effect<Option.Option<DhtRecord>, InvalidInput | DhtTimeout | Nowhere>
  /**
   * Stores a value if the record is still the one that was read: fails with `VersionConflict` when it is not. Given a
   * function and no version it reads and tries again, up to 16 times, before it does.
   */
  update(
    key: string,
    change: Change,
    options?: UpdateOptions & Audience
  ): Effect.Effect<Stored, WriteError | VersionConflict | Nowhere>
  /** Removes a value, and remembers for the time of `ttl` (default: 24 h) that it is gone, so that no old copy comes back. */
  delete(
    key: string,
    options?: PutOptions & Audience
  ): Effect.Effect<Stored, InvalidInput | StoreFull | DhtTimeout | Nowhere>
  /**
   * The record of a key as it is, if there is one, and then each change, deletion included, but not the end of a `ttl`. Each
   * names its network: the stream goes on in the next one when the mesh moves, and with `audience: "home"` is silent while
   * that is away. It ends when the mesh leaves.
   */
  subscribe(
    key: string,
    options?: SubscribeOptions & Audience
  ): Stream.Stream<DhtChange, InvalidInput | StoreFull | DhtTimeout | NotJoined>
  /** The same, for those who want to know when it is registered: it is once this succeeds, and until the scope closes. */
  subscription(
    key: string,
    options?: SubscribeOptions & Audience
  ): Effect.Effect<
    Stream.Stream<DhtChange, InvalidInput | StoreFull | DhtTimeout>,
    InvalidInput | StoreFull | DhtTimeout | NotJoined,
    Scope.Scope
  >
}

/** What it is made of. @category models */
export interface MeshDhtOptions {
  readonly self: PeerId
  readonly whereabouts: Whereabouts.Whereabouts
  /** The session in use, if it fits the audience. */
  readonly joined: (
    operation: string,
    audience: Audience | undefined
  ) => Effect.Effect<NetworkSession["Service"], Nowhere>
}

type Session = NetworkSession["Service"]

/** @category constructors */
export const make = ({ joined, self, whereabouts }: MeshDhtOptions): MeshDht => {
  const subscription = Effect.fnUntraced(function*(key: string, options?: SubscribeOptions & Audience) {
    const states = yield* whereabouts.changes
    // Who is away and asks for home alone has something to wait for.
    const first = yield* Effect.catchTag(joined("subscribe", undefined), "AwayFromHome", Effect.die)
    const place = (session: Session | undefined) => ({
      session,
      isHeard: options?.audience !== "home" || session?.networkName === whereabouts.home()
    })
    const registered = place(first).isHeard ? yield* first.dht.subscription(key, options) : undefined
    return Stream.make(place(first)).pipe(
      Stream.concat(
        Stream.fromSubscription(states).pipe(Stream.map((state) => place(Whereabouts.sessionOf(state))))
      ),
      Stream.changesWith((one, other) => one.session === other.session && one.isHeard === other.isHeard),
      Stream.takeUntil(({ session }) => session === undefined),
      // One subscription after the other, each for as long as the mesh is in that network.
      Stream.switchMap(({ isHeard, session }) => {
        if (session === undefined) return Stream.empty
        if (!isHeard) return Stream.never
        return session === first && registered !== undefined
          ? registered
          : Stream.unwrap(session.dht.subscription(key, options))
      })
    )
  })

  return {
    ownKey: (name) => ownedKey(self, name),
    put: (key, value, options) => Effect.flatMap(joined("put", options), ({ dht }) => dht.put(key, value, options)),
    get: (key, options) => Effect.flatMap(joined("get", options), ({ dht }) => dht.get(key, options)),
    update: (key, change, options) =>
      Effect.flatMap(joined("update", options), ({ dht }) => dht.update(key, change, options)),
    delete: (key, options) => Effect.flatMap(joined("delete", options), ({ dht }) => dht.delete(key, options)),
    subscription,
    subscribe: (key, options) => Stream.unwrap(subscription(key, options))
  }
}
