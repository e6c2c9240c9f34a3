/**
 * Being in one network: everything that belongs to it, in one scope. Two sessions share no state, but that one of the
 * same network knows what an earlier one has received.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Dropped, type LinkStatus, noneDropped } from "../domain/MeshStatus.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import { ConnectionPool } from "../services/ConnectionPool.ts"
import { Dht } from "../services/Dht.ts"
import { Files } from "../services/Files.ts"
import { Gossip } from "../services/Gossip.ts"
import type { Received } from "../services/gossip/Received.ts"
import { Membership } from "../services/Membership.ts"
import { Routing } from "../services/Routing.ts"
import { SessionContext, type SessionEvent } from "../services/SessionContext.ts"
import type { Farewell, HubSession } from "../services/SignalingTransport.ts"
import { Streams } from "../services/Streams.ts"
import type { IceServer } from "../services/WebRtc.ts"

/** What a session is opened with. @category models */
export interface SessionOptions {
  readonly self: PeerId
  readonly networkName: NetworkName
  readonly hub: HubSession
  /** How to take leave, asked when the session ends. */
  readonly farewell: Effect.Effect<Farewell>
  readonly iceServers: ReadonlyArray<IceServer>
  readonly minPeers: number
  readonly maxPeers: number
  readonly emit: (event: SessionEvent) => Effect.Effect<boolean>
  /** Direct messages that the application has had, in any session. */
  readonly received: Received
}

/** @category services */
export class NetworkSession extends Context.Service<NetworkSession, {
  readonly networkName: NetworkName
  readonly gossip: Gossip["Service"]
  readonly dht: Dht["Service"]
  readonly streams: Streams["Service"]
  readonly files: Files["Service"]
  readonly pool: ConnectionPool["Service"]
  readonly membership: Membership["Service"]
  readonly links: Effect.Effect<ReadonlyArray<LinkStatus>>
  readonly dropped: Effect.Effect<Dropped>
}>()("homing/NetworkSession") {
  /** Joins the network and is in it until the scope closes. Fails when no hub takes us. */
  static readonly layer = (options: SessionOptions) =>
    Layer.effect(
      NetworkSession,
      Effect.gen(function*() {
        const context = yield* SessionContext
        const pool = yield* ConnectionPool
        return NetworkSession.of({
          networkName: context.networkName,
          gossip: yield* Gossip,
          dht: yield* Dht,
          streams: yield* Streams,
          files: yield* Files,
          pool,
          membership: yield* Membership,
          links: pool.links,
          dropped: Effect.map(context.hub.foreign, (foreign) => ({
            ...context.dropped,
            foreignNetwork: context.dropped.foreignNetwork + foreign
          }))
        })
      })
    ).pipe(
      Layer.provide([Dht.layer, Files.layer.pipe(Layer.provideMerge(Streams.layer))]),
      Layer.provide(Routing.layer),
      Layer.provide(Gossip.layer),
      Layer.provide(Membership.layer),
      Layer.provide(ConnectionPool.layer),
      Layer.provide(Layer.effect(
        SessionContext,
        Effect.map(options.hub.join(options.networkName, { farewell: options.farewell }), (hub) => ({
          ...options,
          hub,
          received: options.received.of(options.networkName),
          iceServers: Effect.map(options.hub.iceServers, (offered) => [...options.iceServers, ...offered]),
          dropped: { ...noneDropped }
        }))
      ))
    )
}
