/**
 * How a hub is together with others, as its options say: not at all, on NATS, or linked with each other. And the door at
 * which other hubs come in.
 */
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { IncomingMessage } from "node:http"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { PeerId } from "../../domain/PeerId.ts"
import { Identity } from "../../services/Identity.ts"
import { Backplane } from "../backplane/Backplane.ts"
import * as BackplaneNats from "../backplane/BackplaneNats.ts"
import * as BackplaneMesh from "./BackplaneMesh.ts"
import type { Duplex } from "./Duplex.ts"
import { Fabric } from "./Fabric.ts"
import type { FabricOptions } from "./FabricWebRtc.ts"
import * as HubSocket from "./HubSocket.ts"

/** What of a hub's options concerns other hubs. @category models */
export interface FederationSettings {
  readonly isHub: boolean
  readonly hubMeshNamespace: NetworkName
  readonly bootstrapHubs: ReadonlyArray<string>
  readonly nearbyHubs: ReadonlyArray<string>
  readonly autoConnect: boolean
  readonly meshMigrationDelay: Duration.Duration
  readonly hubMeshMaxPeers: number
  readonly hubId?: PeerId | undefined
  readonly hubSecret?: Redacted.Redacted | undefined
  readonly natsUrl?: Redacted.Redacted | undefined
}

/** @category models */
export interface Federation {
  readonly backplane: Backplane["Service"]
  /** Serves a connection that another hub dialled, until it ends. */
  accept(duplex: Duplex): Effect.Effect<void>
}

/** Tells another hub that it is not let in, and why. */
const turnAway = (problem: string) => (duplex: Duplex): Effect.Effect<void> =>
  Effect.sync(() => {
    duplex.send(JSON.stringify({ type: "hub-refused", problem }))
    duplex.close()
  })

const freshId = Effect.map(
  SecureRandom.SecureRandom.use((random) => random.randomBytes(20)),
  (bytes) => PeerId.make(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""))
).pipe(Effect.provide(SecureRandom.layerWebCrypto))

/** A fabric whose larger part is loaded when it is woven. A platform without keys has none, and sockets suffice. */
const lazyFabric = (options: FabricOptions) =>
  Layer.effect(
    Fabric,
    Effect.gen(function*() {
      const identity = yield* Identity
      return Fabric.of({
        peerId: identity.peerId,
        weave: Effect.fnUntraced(function*(events, visit) {
          const { layer } = yield* Effect.promise(() => import("./FabricNode.ts"))
          const context = yield* Layer.build(Layer.provide(layer(options), Layer.succeed(Identity, identity)))
          yield* Context.get(context, Fabric).weave(events, visit)
        })
      })
    })
  ).pipe(
    Layer.provide(Layer.fresh(Identity.layer)),
    Layer.catch(() => Layer.empty)
  )

/** @category constructors */
export const make = Effect.fnUntraced(function*(
  settings: FederationSettings
): Effect.fn.Return<Federation, never, Scope.Scope> {
  const hub = settings.hubId ?? (yield* freshId)
  const { hubMeshMaxPeers: maxPeers, hubMeshNamespace: namespace, natsUrl } = settings
  const local = Layer.build(Backplane.layerLocal(hub))
  if (!settings.isHub) {
    return {
      backplane: Context.get(yield* local, Backplane),
      accept: turnAway("this is a signaling server of its own, not a hub")
    }
  }
  if (natsUrl !== undefined) {
    return {
      backplane: Context.get(
        yield* Layer.build(BackplaneNats.layer({ hub, namespace, url: Redacted.value(natsUrl) })),
        Backplane
      ),
      accept: turnAway("this hub is on NATS: give the other hub the same NATS_URL")
    }
  }
  const fabric = maxPeers === 0 ? Layer.empty : lazyFabric({ namespace, maxPeers })
  const context = yield* Layer.build(
    BackplaneMesh.layer({
      hub,
      namespace,
      bootstrap: settings.bootstrapHubs,
      nearby: settings.nearbyHubs,
      autoConnect: settings.autoConnect,
      migrationDelay: settings.meshMigrationDelay,
      secret: settings.hubSecret
    }).pipe(
      Layer.provide([HubSocket.layer, SecureRandom.layerWebCrypto]),
      Layer.provide(fabric)
    )
  )
  return { backplane: Context.get(context, Backplane), accept: Context.get(context, BackplaneMesh.HubDoor).accept }
})

/** Whether a request for a WebSocket is another hub's. @category predicates */
export const isHubRequest = ({ url = "" }: IncomingMessage): boolean =>
  (url.split("?")[0] ?? "").endsWith(HubSocket.path)

/**
 * The address that a hub's request comes from. One that was passed on has none of its own: whoever is behind the proxy is
 * not known to be near. And a page of a browser, which says its origin, is no hub, however near it is.
 *
 * @category getters
 */
export const addressOf = ({ headers, socket }: IncomingMessage): string =>
  headers.origin !== undefined
    ? "a page in a browser"
    : headers["x-forwarded-for"] !== undefined || headers["forwarded"] !== undefined
    ? "an address behind a proxy"
    : socket.remoteAddress ?? ""
