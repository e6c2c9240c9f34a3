/**
 * The way to a hub: a session that stays connected, and in it one membership per network.
 *
 * A session survives its connection: when the hub is lost it reconnects with backoff along the list of hubs and
 * announces its memberships again. `SignalingWebSocket` is the layer for real hubs; a simulated one can
 * stand in its place.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { HubRefused, HubUnreachable } from "../domain/Errors.ts"
import type { HubState } from "../domain/MeshStatus.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HubSignal, IceServer, NetworkSummary, Relayed } from "../domain/Signal.ts"

/** A message to another peer, without the network: the membership adds it. @category models */
export type OutgoingSignal = Relayed extends infer S ? S extends Relayed ? Omit<S, "networkName"> : never : never

/** A membership's news: a signal of its network, or that the membership was announced afresh. @category models */
export type MembershipNews =
  | { readonly _tag: "Signal"; readonly signal: HubSignal }
  | { readonly _tag: "Announced" }

/** Being in one network, at a hub. Closing the scope that joined it takes leave. @category models */
export interface HubMembership {
  readonly networkName: NetworkName
  /** Signals of this network alone, in the order in which they came. Bounded; the oldest give way. */
  readonly news: Queue.Dequeue<MembershipNews>
  /** Hands a signal to the hub, or fails at once when no hub is connected: signals do not keep. */
  send(signal: OutgoingSignal): Effect.Effect<void, HubUnreachable>
  /** Asks the hub to introduce us to other members once more, or fails at once when no hub is connected. */
  readonly announce: Effect.Effect<void, HubUnreachable>
  /** Tells the hub in which component of the network we are, by its name; or fails at once when no hub is connected. */
  report(label: PeerId): Effect.Effect<void, HubUnreachable>
  /** Signals of this connection that named another network and were dropped. */
  readonly foreign: Effect.Effect<number>
}

/**
 * How one takes leave of a network. After a `goodbye` the others close their links to us at once; a `leave` only tells
 * them that we are gone from the hub's list, and links close by themselves, as when one moves to another network. A
 * hub that does not know `leave` is told `goodbye`.
 *
 * @category models
 */
export type Farewell = "goodbye" | "leave"

/** How to be in a network. @category models */
export interface JoinOptions {
  /** Asked when the scope of the membership closes, for it may depend on why. Default `goodbye`. */
  readonly farewell?: Effect.Effect<Farewell>
  /** `false` keeps the network out of the hub's list of networks while we are in it. Default `true`. */
  readonly discoverable?: boolean
}

/** What is known of a watched network. @category models */
export type Watched =
  /** As the hub tells it. We are not among those who wait, but among those who are present, if we are. */
  | { readonly _tag: "Counts"; readonly present: number; readonly waiting: number }
  /** Nothing at the moment: no hub is connected, or it has not answered yet. */
  | { readonly _tag: "Unknown" }
  /** Nothing, for the connected hub cannot count: it is PeerPigeon's. */
  | { readonly _tag: "Unsupported" }

/** A connection to one of several hubs, renewed for as long as its scope lives. @category models */
export interface HubSession {
  readonly state: Effect.Effect<HubState>
  /** The state now, then every change. */
  readonly changes: Stream.Stream<HubState>
  /**
   * Announces this peer in a network, connecting first if need be. Fails when every hub was tried once in
   * vain, or when a hub refuses; a session that was connected once keeps trying instead.
   */
  join(
    networkName: NetworkName,
    options?: JoinOptions
  ): Effect.Effect<HubMembership, HubUnreachable | HubRefused, Scope.Scope>
  /**
   * Watches a network, a member of it or not, until the scope closes. `waiting` makes us count, for others, as one who
   * would go there. It connects if need be, asks again after each reconnect, and never fails.
   *
   * The stream gives what is known now, then every change, and ends with the scope. Who reads slowly misses what is
   * outdated, and never the last.
   */
  watch(
    networkName: NetworkName,
    options?: { readonly waiting?: boolean }
  ): Effect.Effect<Stream.Stream<Watched>, never, Scope.Scope>
  /**
   * The networks that may be listed, those with most members first, connecting if need be. Fails when no hub answers
   * in time, and when the hub cannot list.
   */
  readonly networks: Effect.Effect<ReadonlyArray<NetworkSummary>, HubUnreachable>
  /** The STUN and TURN servers that the hub offers at the moment; those of the last one while no hub is connected. */
  readonly iceServers: Effect.Effect<ReadonlyArray<IceServer>>
}

/** @category services */
export class SignalingTransport extends Context.Service<SignalingTransport, {
  /** Opens a session. `hubs` are `ws:`, `wss:`, `http:` or `https:` URLs, tried in order. */
  open(options: {
    readonly peerId: PeerId
    readonly hubs: readonly [string, ...ReadonlyArray<string>]
  }): Effect.Effect<HubSession, never, Scope.Scope>
}>()("homing/SignalingTransport") {}
