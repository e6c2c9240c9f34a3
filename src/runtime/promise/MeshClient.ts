/**
 * The mesh for code that does not use Effect: promises, listeners and async iteration instead of effects and streams.
 */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Content } from "../../domain/Content.ts"
import type { DhtChange, DhtRecord, Stored } from "../../domain/DhtRecord.ts"
import { type EngineMissing, InvalidInput, type StoreUnusable } from "../../domain/Errors.ts"
import type { MeshEvent } from "../../domain/MeshEvent.ts"
import type { LinkStatus, MeshStatus } from "../../domain/MeshStatus.ts"
import { PeerId } from "../../domain/PeerId.ts"
import type { Sent, SentToAll } from "../../domain/Sent.ts"
import type { NetworkSummary } from "../../domain/Signal.ts"
import type { Change, GetOptions, PutOptions, SubscribeOptions, UpdateOptions } from "../../services/Dht.ts"
import type { Identity } from "../../services/Identity.ts"
import type { SignalingTransport } from "../../services/SignalingTransport.ts"
import type { WebRtc } from "../../services/WebRtc.ts"
import type { Audience } from "../Audience.ts"
import { type AskOptions, type BroadcastOptions, Mesh } from "../Mesh.ts"
import type { MeshOptions } from "../MeshOptions.ts"
import * as Remembering from "../Remembering.ts"
import * as MeshStore from "./MeshStore.ts"
import * as Talk from "./Talk.ts"
import * as Transfers from "./Transfers.ts"

/** What a platform gives a mesh. @category models */
export interface Platform {
  /** Everything, with a fresh identity. */
  readonly layer: Layer.Layer<SignalingTransport | WebRtc | Identity, CryptoError.CryptoError | EngineMissing>
  readonly layerSignaling: Layer.Layer<SignalingTransport>
  readonly layerWebRtc: Layer.Layer<WebRtc, EngineMissing>
  /** The store of a profile. */
  readonly layerStore: (profile: string) => Layer.Layer<KeyValueStore, InvalidInput | StoreUnusable>
  /** Its file system. Default: none. */
  readonly files?: Transfers.FileSystem
}

/** What a mesh is made with. @category models */
export interface ClientOptions extends MeshOptions {
  /**
   * Keeps identity, home network and fallback setting across restarts under this name: 1 to 64 lower case letters, digits,
   * dots, hyphens and underscores. On Node that is a directory that its owner alone can read, below `~/.config/homing` or
   * where the system has such things; in a browser it is `localStorage`, which every script of the page can read. One mesh
   * at a time can have it. Default: nothing is kept.
   */
  readonly profile?: string
  /** Keeps the same in a store of your own instead. Default: nothing is kept. */
  readonly store?: MeshStore.MeshStore
}

/** Events by name. @category models */
export interface MeshListeners {
  /** Somebody said something, to everyone or to us. */
  readonly message: Extract<MeshEvent, { readonly _tag: "Message" }>
  readonly peerConnected: Extract<MeshEvent, { readonly _tag: "PeerConnected" }>
  readonly peerDisconnected: Extract<MeshEvent, { readonly _tag: "PeerDisconnected" }>
  readonly statusChanged: Extract<MeshEvent, { readonly _tag: "StatusChanged" }>
  /** Events came faster than the listeners handled them, and some were not kept. */
  readonly missed: Extract<MeshEvent, { readonly _tag: "Missed" }>
}

const nameOf = {
  Message: "message",
  PeerConnected: "peerConnected",
  PeerDisconnected: "peerDisconnected",
  StatusChanged: "statusChanged",
  Missed: "missed"
} as const satisfies { readonly [Tag in MeshEvent["_tag"]]: keyof MeshListeners }

const decodePeerId = Schema.decodeUnknownEffect(PeerId)

const peerIdFrom = (to: string, field = "to") =>
  Effect.mapError(decodePeerId(to), (error) => new InvalidInput({ field, problem: error.message }))

/** Options of which one is a peer's id, as those have them who know no brands. @category models */
export type Unbranded<Options extends { readonly signedBy?: PeerId }> = Omit<Options, "signedBy"> & {
  readonly signedBy?: string
}

const branded = Effect.fnUntraced(function*<Options extends { readonly signedBy?: string }>(options: Options) {
  const { signedBy, ...rest } = options
  return { ...rest, ...(signedBy === undefined ? {} : { signedBy: yield* peerIdFrom(signedBy, "signedBy") }) }
})

/**
 * A peer that can be in a network. Every method rejects with one of our errors, told apart by `_tag`, whose `message`
 * says what happened and what to do.
 *
 * @category models
 */
export interface MeshClient extends Talk.Talk, Transfers.Transfers {
  readonly peerId: string
  /** Joins the home network; resolves once a hub has taken us, with links still on their way. */
  join(): Promise<void>
  /** Leaves the network: what was accepted is sent, neighbours and hub are told. */
  leave(): Promise<void>
  /**
   * Sends JSON or bytes to everyone; resolves once it is on its way. With `{ audience: "home" }` it rejects with
   * `AwayFromHome` while the mesh has fallen back; with `{ ordered: true }` it is heard after what was so sent before.
   */
  broadcast(content: Content, options?: BroadcastOptions): Promise<SentToAll>
  /** Sends JSON or bytes to one peer; resolves once that peer has confirmed. The audience is as for `broadcast`. */
  send(to: string, content: Content, audience?: Audience): Promise<Sent>
  /**
   * Asks a peer, and resolves with its answer. Rejects with `NoAnswer` when it declines or takes longer than `timeout`
   * (in milliseconds; default: 10,000).
   */
  ask(to: string, content: Content, options?: AskOptions): Promise<Content>
  /**
   * Stores JSON or bytes (64 KiB at most) under a key, with the peers of the network, for a day or as long as `ttl` says;
   * resolves with the version and how many peers hold it. With `signed` every reader can tell that it is ours.
   */
  dhtPut(key: string, value: Content, options?: PutOptions & Audience): Promise<Stored>
  /**
   * The record of a key; `undefined` when it has no value. With `fresh` it is asked of the peer nearest to the key; with
   * `signedBy` only what that peer has signed counts.
   */
  dhtGet(key: string, options?: Unbranded<GetOptions> & Audience): Promise<DhtRecord | undefined>
  /**
   * Stores a value, or what a function makes of the record that is there, if nobody else has meanwhile. Rejects with
   * `VersionConflict` if somebody has; with a function and no `version` only when it was so 16 times.
   */
  dhtUpdate(key: string, change: Change, options?: UpdateOptions & Audience): Promise<Stored>
  /** The key with that name that belongs to this peer: nobody else's writes are kept under it. */
  dhtOwnKey(name: string): string
  /** Removes the value of a key. */
  dhtDelete(key: string, options?: PutOptions & Audience): Promise<Stored>
  /**
   * Calls a listener with the record of a key, if there is one, and at every change; follows the mesh when it moves, until
   * it leaves. Resolves once that is registered.
   */
  dhtSubscribe(
    key: string,
    listener: (change: DhtChange) => void,
    options?: Unbranded<SubscribeOptions> & Audience
  ): Promise<void>
  /** Calls a listener, or every listener of the key, no more. */
  dhtUnsubscribe(key: string, listener?: (change: DhtChange) => void): Promise<void>
  /** The peers with an open link. */
  peers(): Promise<ReadonlyArray<LinkStatus>>
  /** Everything there is to see. */
  getStatus(): Promise<MeshStatus>
  /** The network that the mesh is in, or will join; `global` while it has fallen back. */
  getNetworkName(): Promise<string>
  /** The network that the mesh wants to be in: its home. */
  getOriginalNetworkName(): Promise<string>
  isUsingGlobalFallback(): Promise<boolean>
  /** The networks in which somebody is, as the hub lists them (256 at most): those with most members first. */
  networks(): Promise<ReadonlyArray<NetworkSummary>>
  /** Chooses the network to join next. Rejects with `AlreadyJoined` while in one; `moveTo` moves a mesh that has joined. */
  setNetworkName(name: string): Promise<void>
  /** Makes another network the home and goes there. Stays where it is, and rejects, when that cannot be joined. */
  moveTo(name: string): Promise<void>
  /** Allows or forbids going to `global` while the network is empty. Forbidding it while away means going home now. */
  setAllowGlobalFallback(allow: boolean): Promise<void>
  /** Calls a listener for every event of a name, from now on; returns how to stop that. */
  on<Name extends keyof MeshListeners>(name: Name, listener: (event: MeshListeners[Name]) => void): () => void
  /** Every event from now on, for `for await`. */
  events(): AsyncIterable<MeshEvent>
  /** Leaves and releases everything. The client cannot be used any more. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A listener of a key, and the fiber that calls it. */
interface Watching {
  readonly key: string
  readonly listener: (change: DhtChange) => void
  readonly fiber: Fiber.Fiber<void, unknown>
}

/** The store that the options ask for, if they do. */
const storeOf = (
  platform: Platform,
  { profile, store }: ClientOptions
): Layer.Layer<KeyValueStore, InvalidInput | StoreUnusable> | undefined => {
  if (store !== undefined && profile !== undefined) {
    return Layer.unwrap(Effect.fail(new InvalidInput({ field: "profile", problem: "a store is given too" })))
  }
  if (store !== undefined) return MeshStore.layer(store)
  return profile === undefined ? undefined : platform.layerStore(profile)
}

/**
 * Makes a client on a platform. Rejects with `InvalidInput` when an option cannot be used, and with `StoreUnusable` when
 * what is kept is damaged or in use by another mesh.
 *
 * @category constructors
 */
export const make = (platform: Platform) => async (options: ClientOptions): Promise<MeshClient> => {
  const store = storeOf(platform, options)
  const layer = store === undefined
    ? platform.layer
    : Layer.mergeAll(platform.layerSignaling, platform.layerWebRtc, Layer.provide(Remembering.layer, store))
  const runtime = ManagedRuntime.make(Mesh.layer(options).pipe(Layer.provide(Layer.fresh(layer))))
  const listeners = new Map<keyof MeshListeners, Set<(event: MeshEvent) => void>>()
  const mesh = await runtime.runPromise(Mesh).catch(async (error: unknown) => {
    // Or a profile would stay in use.
    await runtime.dispose()
    throw error
  })

  const tell = (event: MeshEvent) =>
    Effect.forEach(
      listeners.get(nameOf[event._tag]) ?? [],
      (listener) =>
        Effect.try({ try: () => listener(event), catch: (cause) => cause }).pipe(
          // A listener's own failure is the application's, and no reason to stop telling the others.
          Effect.catch((cause) => Effect.logError(`a listener of ${nameOf[event._tag]} failed`, cause))
        ),
      { discard: true }
    )
  runtime.runFork(Stream.runForEach(mesh.events, tell))

  const on: MeshClient["on"] = (name, listener) => {
    const heard = (event: MeshEvent) => {
      if (isNamed(name, event)) listener(event)
    }
    const all = listeners.get(name) ?? new Set()
    listeners.set(name, all.add(heard))
    return () => void all.delete(heard)
  }

  const watching = new Set<Watching>()

  const watch = Effect.fnUntraced(function*(
    key: string,
    listener: Watching["listener"],
    options: Unbranded<SubscribeOptions> & Audience = {}
  ) {
    const scope = yield* Scope.make()
    const changes = yield* mesh.dht.subscription(key, yield* branded(options)).pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => exit._tag === "Failure" ? Scope.close(scope, exit) : Effect.void)
    )
    const entry: Watching = {
      key,
      listener,
      fiber: runtime.runFork(
        Stream.runForEach(
          changes,
          (change) =>
            Effect.try({ try: () => listener(change), catch: (cause) => cause }).pipe(
              Effect.catch((cause) => Effect.logError(`a listener of the key "${key}" failed`, cause))
            )
        ).pipe(
          Effect.ignore,
          Effect.onExit((exit) => Effect.andThen(Effect.sync(() => watching.delete(entry)), Scope.close(scope, exit)))
        )
      )
    }
    watching.add(entry)
  })

  const unwatch = (fits: (entry: Watching) => boolean) =>
    Effect.suspend(() => Fiber.interruptAll(Array.from(watching).filter(fits).map(({ fiber }) => fiber)))

  const close = async () => {
    await Effect.runPromise(unwatch(() => true))
    await runtime.dispose()
  }

  return {
    peerId: mesh.peerId,
    join: () => runtime.runPromise(mesh.join),
    leave: () => runtime.runPromise(mesh.leave),
    ...Talk.make(mesh, runtime),
    ...Transfers.make(mesh, runtime, platform.files ?? Transfers.noFileSystem, peerIdFrom),
    broadcast: (content, options) => runtime.runPromise(mesh.broadcast(content, options)),
    ask: (to, content, options) =>
      runtime.runPromise(Effect.flatMap(peerIdFrom(to), (peerId) => mesh.ask(peerId, content, options))),
    send: (to, content, audience) =>
      runtime.runPromise(Effect.flatMap(peerIdFrom(to), (peerId) => mesh.send(peerId, content, audience))),
    dhtPut: (key, value, options) => runtime.runPromise(mesh.dht.put(key, value, options)),
    dhtOwnKey: mesh.dht.ownKey,
    dhtGet: (key, options = {}) =>
      runtime.runPromise(
        branded(options).pipe(
          Effect.flatMap((options) => mesh.dht.get(key, options)),
          Effect.map(Option.getOrUndefined)
        )
      ),
    dhtUpdate: (key, change, options) => runtime.runPromise(mesh.dht.update(key, change, options)),
    dhtDelete: (key, options) => runtime.runPromise(mesh.dht.delete(key, options)),
    dhtSubscribe: (key, listener, options) => runtime.runPromise(watch(key, listener, options)),
    dhtUnsubscribe: (key, listener) =>
      runtime.runPromise(
        unwatch((entry) => entry.key === key && (listener === undefined || entry.listener === listener))
      ),
    peers: () => runtime.runPromise(mesh.peers),
    getStatus: () => runtime.runPromise(mesh.status),
    getNetworkName: () => runtime.runPromise(mesh.networkName),
    getOriginalNetworkName: () => runtime.runPromise(mesh.originalNetworkName),
    isUsingGlobalFallback: () => runtime.runPromise(mesh.isUsingGlobalFallback),
    networks: () => runtime.runPromise(mesh.networks),
    moveTo: (name) => runtime.runPromise(mesh.moveTo(name)),
    setNetworkName: (name) => runtime.runPromise(mesh.setNetworkName(name)),
    setAllowGlobalFallback: (allow) => runtime.runPromise(mesh.setAllowGlobalFallback(allow)),
    on,
    events: () => Stream.toAsyncIterable(mesh.events),
    close,
    [Symbol.asyncDispose]: close
  }
}

const isNamed = <Name extends keyof MeshListeners>(
  name: Name,
  event: MeshEvent
): event is Extract<MeshEvent, MeshListeners[Name]> => nameOf[event._tag] === name
