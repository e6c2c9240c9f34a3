/**
 * The hub: where peers meet before they talk to each other directly.
 *
 * Frames are handled in the sockets' own callbacks (`FastRelay`, `Router`). What waits is a fiber: one for each newcomer
 * until it is let in, one that looks after all connections, and one that tells those who watch.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { WebSocketServer } from "ws"
import type { InvalidInput } from "../domain/Errors.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import { PeerId } from "../domain/PeerId.ts"
import * as Admission from "./Admission.ts"
import type { HubView } from "./backplane/Backplane.ts"
import * as Connection from "./Connection.ts"
import * as Connections from "./Connections.ts"
import * as Entrance from "./Entrance.ts"
import * as Exchange from "./Exchange.ts"
import * as FastRelay from "./FastRelay.ts"
import * as Federation from "./federation/Federation.ts"
import * as HubSocket from "./federation/HubSocket.ts"
import * as HttpApi from "./HttpApi.ts"
import * as Limits from "./Limits.ts"
import * as Listener from "./Listener.ts"
import * as Options from "./Options.ts"
import * as PeerToken from "./PeerToken.ts"
import { Refused } from "./Refused.ts"
import * as Session from "./Session.ts"
import * as Traffic from "./Traffic.ts"
import * as Wire from "./Wire.ts"

/** A running hub. @category services */
export class Hub extends Context.Service<Hub, {
  /** The name or address that was chosen to listen at. */
  readonly host: string
  /** The port that is bound, which need not be the one that was chosen. */
  readonly port: number
  /** Where a peer on this machine reaches the hub, such as `ws://localhost:3000`. */
  readonly url: string
  /** The hub in numbers, now. */
  readonly stats: Effect.Effect<Traffic.HubStats>
  /** Whether it is one hub among others. */
  readonly isHub: boolean
  /** Its id among hubs. */
  readonly hubId: PeerId
  /** The network on which hubs find each other. */
  readonly hubMeshNamespace: NetworkName
  /** The other hubs that are known, and how each is connected. */
  readonly hubs: Effect.Effect<ReadonlyArray<HubView>>
}>()("homing/Hub") {
  /**
   * A hub that runs until the layer's scope closes. Then nobody new is let in, every peer is told
   * (`hub-closing`, close code 1001), and whoever does not answer within `closingPatience` is cut.
   *
   * Fails with `InvalidInput` if an option is not what it must be, and with `HubCannotListen` if neither the
   * port nor the ten above it can be had.
   */
  static readonly layer = (
    options: Options.HubOptions = {}
  ): Layer.Layer<Hub, InvalidInput | Listener.HubCannotListen> => Layer.effect(Hub, make(options))
}

/** What a request for a WebSocket says. */
interface Guest {
  readonly target: string
  readonly token: string | undefined
}

const decodePeerId = Schema.decodeUnknownResult(PeerId)

/** The id in the query of a request's target, on whatever path; any target can be read. */
const claimedId = (target: string) => {
  const query = target.indexOf("?")
  return decodePeerId(query < 0 ? null : new URLSearchParams(target.slice(query)).get("peerId"))
}

/** Where a peer on this machine reaches a hub. */
const urlOf = (host: string, port: number): string => {
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host
  return `ws://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`
}

/**
 * A hub that runs until the scope closes.
 *
 * @see {@link Hub} for its layer
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options.HubOptions
): Effect.fn.Return<Hub["Service"], InvalidInput | Listener.HubCannotListen, Scope.Scope> {
  const settings = yield* Options.resolve(options)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const startedAt = now()

  const run = yield* FiberSet.makeRuntime<never, void>()
  const random = yield* Random.Random
  const { directory, lookout, registry, router, ties, traffic, visit } = Exchange.make({
    hubNetwork: settings.hubMeshNamespace,
    contested: (peerId) => run(admission.doubt(peerId)),
    introductions: settings.introductions,
    networksPerPeer: settings.networksPerPeer,
    now,
    random: () => random.nextDoubleUnsafe()
  })
  const fast = FastRelay.make({ registry, traffic, now })
  const admission = Admission.make(router, settings)
  const tokens = settings.peerTokenSecret === undefined
    ? PeerToken.anybody
    : PeerToken.make(settings.peerTokenSecret, now)
  const entrance = Entrance.make(settings, { now, refused: () => traffic.refused++ })

  const allowance = Limits.messages(settings)
  const strikes = Limits.strikes(settings.malformedBurst)
  const sessions: Session.Surroundings = {
    allowance,
    strikes,
    fullMessages: Limits.full(allowance, startedAt),
    fullStrikes: Limits.full(strikes, startedAt),
    router,
    fast,
    traffic,
    now,
    ended(session) {
      admission.release(session)
      router.lost(session)
    }
  }

  /** Lets a peer in, or says why not. From then on its connection calls, and no fiber waits. */
  const serve = Effect.fnUntraced(function*(connection: Connection.Connection, guest: Guest) {
    const claimed = claimedId(guest.target)
    if (Result.isFailure(claimed)) return yield* new Refused({ reason: "Invalid peerId format" })
    const session = new Session.Session(claimed.success, connection, sessions)
    const { networks } = yield* tokens.verify(guest.token, session.peerId)
    if (networks !== undefined) session.networks = networks
    const admitted = admission.admit(session)
    yield* admission.isTaken(session.peerId) ? Effect.raceFirst(admitted, connection.ended) : admitted
    if (connection.endedAt !== undefined) return admission.release(session)
    session.send(Wire.connected(session.peerId, now()))
    connection.listen(session)
  })

  /** One connection from its handshake until it is let in. */
  const accept = (connection: Connection.Connection, guest: Guest) =>
    serve(connection, guest).pipe(
      Effect.catchTag("Refused", ({ reason }) => {
        traffic.refused++
        connection.close(Connection.closeCode.policy, reason)
        return Effect.logDebug(`A connection was refused: ${reason}`)
      }),
      Effect.tapDefect((defect) => Effect.logError("A connection ended by a bug", defect))
    )

  const listener = yield* Listener.make(settings)
  const connections = yield* Connections.make(settings, now)
  const presence = (): Traffic.Presence => ({
    connections: connections.size,
    peers: admission.size,
    // The hubs' own is not for peers.
    networks: registry.networkCount - (registry.present(settings.hubMeshNamespace) > 0 ? 1 : 0)
  })
  yield* Traffic.observe(traffic, presence)
  const stats = Effect.sync((): Traffic.HubStats => ({
    ...presence(),
    ...traffic,
    uptime: Duration.millis(now() - startedAt)
  }))

  yield* Effect.forkScoped(lookout.serve)
  let ownUrl = settings.publicUrl
  const federation = yield* Federation.make(settings)
  const elsewhere = yield* federation.backplane.open({
    ...ties.house,
    visit,
    about: () => ownUrl === undefined ? {} : { url: ownUrl }
  })
  ties.attach(elsewhere)
  yield* Effect.forkScoped(connections.serve)

  const sockets = new WebSocketServer({
    WebSocket: Connection.HubSocket,
    noServer: true,
    clientTracking: false,
    maxPayload: settings.maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: PeerToken.chooseSubprotocol
  })
  const links = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: HubSocket.maxBytes,
    perMessageDeflate: false
  })
  const request = yield* HttpApi.make({
    stats,
    listing: Effect.sync(() => directory.listing),
    federation: Effect.sync(() => ({
      hub: federation.backplane.hub,
      kind: federation.backplane.kind,
      namespace: settings.hubMeshNamespace,
      hubs: elsewhere.hubs,
      health: elsewhere.health
    }))
  }, settings)
  const port = yield* listener.listen({
    request,
    connection: entrance.admitsSocket,
    upgrade(request, tcp, head) {
      if (!entrance.admitsUpgrade(request, tcp)) return
      if (Federation.isHubRequest(request)) {
        return links.handleUpgrade(request, tcp, head, (socket) => {
          const duplex = HubSocket.duplex(socket, Federation.addressOf(request))
          run(Effect.ensuring(federation.accept(duplex), Effect.sync(duplex.close)))
        })
      }
      const { headers, url: target = "" } = request
      const guest: Guest = { target, token: PeerToken.ofRequest(target, headers) }
      sockets.handleUpgrade(request, tcp, head, (socket) => {
        run(accept(connections.take(socket, tcp), guest))
      })
    }
  })

  const { host } = settings
  const url = urlOf(host, port)
  if (host !== "0.0.0.0" && host !== "::") ownUrl ??= url
  const { hubMeshNamespace, isHub } = settings
  yield* Effect.logInfo(
    isHub
      ? `The hub listens at ${url}, on the hubs' namespace ${hubMeshNamespace}`
      : `The signaling server listens at ${url}`
  )
  return Hub.of({
    host,
    port,
    url,
    stats,
    isHub,
    hubId: federation.backplane.hub,
    hubMeshNamespace,
    hubs: Effect.sync(() => elsewhere.hubs)
  })
})
