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
import type * as Scope from "effect/Scope"
import { WebSocketServer } from "ws"
import type { InvalidInput } from "../domain/Errors.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { HubView } from "./backplane/Backplane.ts"
import * as Connection from "./connection/Connection.ts"
import * as Connections from "./connection/Connections.ts"
import * as Session from "./connection/Session.ts"
import * as Admission from "./door/Admission.ts"
import * as Entrance from "./door/Entrance.ts"
import * as PeerToken from "./door/PeerToken.ts"
import * as Reception from "./door/Reception.ts"
import * as Farewell from "./drain/Farewell.ts"
import * as Exchange from "./exchange/Exchange.ts"
import * as FastRelay from "./exchange/FastRelay.ts"
import * as Traffic from "./exchange/Traffic.ts"
import * as Wire from "./exchange/Wire.ts"
import * as Federation from "./federation/Federation.ts"
import * as HubSocket from "./federation/HubSocket.ts"
import * as HttpApi from "./http/HttpApi.ts"
import * as Listener from "./http/Listener.ts"
import type { CertificateUnusable } from "./http/Tls.ts"
import * as Limits from "./Limits.ts"
import * as Metrics from "./Metrics.ts"
import * as Options from "./Options.ts"
import type * as Others from "./Others.ts"
import * as Turn from "./Turn.ts"

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
  /**
   * Lets nobody in any more and sends the peers away, each when it does not negotiate with another. Once `drainPatience` is
   * over no negotiation begins any more, and after 5 s more the last are gone. They are told of other hubs where any are
   * known. To be run before the layer's scope closes; `/health/ready` says 503 from its beginning.
   */
  readonly drain: Effect.Effect<void>
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
   * (`hub-closing`, close code 1001), and whoever does not answer within `closingPatience` is cut. To let peers finish
   * what they are about, `drain` before.
   *
   * Fails with `InvalidInput` if an option is not what it must be, with `HubCannotListen` if neither the port nor those
   * above it can be had, and with `CertificateUnusable` if the files of the certificate are none.
   */
  static readonly layer = (options: Options.HubOptions = {}): Layer.Layer<Hub, HubError> =>
    Layer.effect(Hub, make(options))
}

/** Why there is no hub. @category errors */
export type HubError = InvalidInput | Listener.HubCannotListen | CertificateUnusable

/** Where a peer on this machine reaches a hub. */
const urlOf = (host: string, port: number, secure: boolean): string => {
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host
  return `${secure ? "wss" : "ws"}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`
}

/**
 * A hub that runs until the scope closes.
 *
 * @see {@link Hub} for its layer
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options.HubOptions
): Effect.fn.Return<Hub["Service"], HubError, Scope.Scope> {
  const settings = yield* Options.resolve(options)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const startedAt = now()

  const random = yield* Random.Random
  const run = yield* FiberSet.makeRuntime<never, void>()
  const { directory, lookout, registry, router, ties, traffic, visit } = Exchange.make({
    hubNetwork: settings.hubMeshNamespace,
    contested: (peerId) => void (admission.holds(peerId) && run(admission.contest(peerId))),
    introductions: settings.introductions,
    networksPerPeer: settings.networksPerPeer,
    now,
    random: () => random.nextDoubleUnsafe()
  })
  const fast = FastRelay.make({ registry, traffic, now })
  const admission = Admission.make({ router, rivals: ties.rivals, settings, now })
  const entrance = Entrance.make(settings, { now, refused: (reason) => Traffic.refuse(traffic, reason) })

  const listener = yield* Listener.make(settings)
  const connections = yield* Connections.make(settings, now)
  const presence = (): Traffic.Presence => ({
    connections: connections.size,
    peers: admission.size,
    // The hubs' own is not for peers.
    networks: registry.networkCount - (registry.present(settings.hubMeshNamespace) > 0 ? 1 : 0)
  })
  const others = (): Others.Others => ties.elsewhere
  const guests = new Set<Session.Session>()
  const farewell = Farewell.make({ settings, guests, others, traffic, now })
  const metrics = yield* Metrics.make({ traffic, presence, others, draining: () => farewell.draining })
  const iceServers = Turn.make(settings)

  const allowance = Limits.messages(settings)
  const strikes = Limits.strikes(settings.malformedBurst)
  const sessions: Session.Surroundings = {
    allowance,
    strikes,
    fullMessages: Limits.full(allowance, startedAt),
    fullStrikes: Limits.full(strikes, startedAt),
    handle: metrics.timed((session, bytes, isText) => {
      if (!farewell.hears(session, bytes)) return
      if (!isText || !fast.pass(session, bytes)) router.receive(session, bytes.toString())
    }),
    traffic,
    now,
    renewed: (session, token) => run(reception.renew(session, token)),
    proved: (session, challenge, proof) => run(reception.judge(session, challenge, proof)),
    ended(session) {
      guests.delete(session)
      admission.release(session)
      session.connection.worked(Limits.fanOutCost)
      router.lost(session)
    }
  }

  /** Gives everybody new credentials before the old ones expire; those who just came, a little early. */
  const renewIceServers = (period: Duration.Duration) =>
    Effect.suspend(() =>
      Effect.forEach(Array.from(guests), (session) => {
        const servers = iceServers.issue(session.peerId, now())
        if (servers !== undefined) session.send(Wire.iceServers(servers, now()))
        // Sockets come first.
        return Effect.yieldNow
      }, { discard: true })
    ).pipe(Effect.delay(period), Effect.forever)

  const reception = yield* Reception.make({
    settings,
    admission,
    sessions,
    iceServers,
    metrics,
    traffic,
    welcomed: (session) => void guests.add(session),
    now
  })

  const stats = Effect.sync((): Traffic.HubStats => ({
    ...presence(),
    ...traffic,
    refusedBy: { ...traffic.refusedBy },
    uptime: Duration.millis(now() - startedAt)
  }))

  yield* Effect.forkScoped(lookout.serve)
  let ownUrl = settings.publicUrl
  const federation = yield* Federation.make(settings)
  ties.attach(
    yield* federation.backplane.open({
      ...ties.house,
      deliver: (envelope) => farewell.takes(envelope) && ties.house.deliver(envelope),
      visit,
      claimed: (claim, answer) => run(Effect.map(admission.answer(claim), answer)),
      about: () => ownUrl === undefined ? {} : { url: ownUrl }
    })
  )
  yield* Effect.forkScoped(connections.serve)
  if (iceServers.renewal !== undefined) yield* Effect.forkScoped(renewIceServers(iceServers.renewal))

  const sockets = new WebSocketServer({
    WebSocket: Connection.HubSocket,
    noServer: true,
    clientTracking: false,
    maxPayload: settings.maxMessageBytes,
    ...Limits.pieces(settings.maxMessageBytes),
    perMessageDeflate: false,
    // Connections do so, once in a turn.
    autoPong: false,
    handleProtocols: PeerToken.chooseSubprotocol
  })
  const links = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: HubSocket.maxBytes,
    ...Limits.pieces(HubSocket.maxBytes),
    perMessageDeflate: false
  })
  const { hubMeshNamespace, isHub } = settings
  const hubId = federation.backplane.hub
  const request = yield* HttpApi.make({
    self: { isHub, hubId, hubMeshNamespace },
    stats,
    listing: Effect.sync(() => directory.listing),
    others: Effect.sync(others),
    draining: Effect.sync(() => farewell.draining),
    metrics: metrics.text
  }, settings)
  const port = yield* listener.listen({
    request,
    connection: entrance.admitsSocket,
    dropped: () => Traffic.refuse(traffic, "hub-full"),
    upgrade(request, tcp, head) {
      if (farewell.draining) {
        Traffic.refuse(traffic, "draining")
        return void Entrance.turnAway(tcp, "503 Service Unavailable", "Retry-After: 5")
      }
      if (!entrance.admitsUpgrade(request, tcp)) return
      if (Federation.isHubRequest(request)) {
        return links.handleUpgrade(request, tcp, head, (socket) => {
          const duplex = HubSocket.duplex(socket, Federation.addressOf(request))
          run(Effect.ensuring(federation.accept(duplex), Effect.sync(duplex.close)))
        })
      }
      const { headers, url: target = "" } = request
      const handshake: Reception.Handshake = { target, host: headers.host, token: PeerToken.ofRequest(target, headers) }
      connections.admit(tcp, () =>
        sockets.handleUpgrade(request, tcp, head, (socket) => {
          run(reception.receive(connections.take(socket, tcp), handshake))
        }))
    }
  })

  const { host } = settings
  const url = urlOf(host, port, listener.secure)
  if (host !== "0.0.0.0" && host !== "::") ownUrl ??= url
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
    drain: Effect.andThen(Effect.logInfo("The hub drains"), farewell.run),
    isHub,
    hubId,
    hubMeshNamespace,
    hubs: Effect.sync(() => ties.elsewhere.hubs)
  })
})
