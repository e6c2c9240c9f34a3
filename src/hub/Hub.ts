/**
 * The hub: where peers meet before they talk to each other directly.
 *
 * Frames are handled in the sockets' own callbacks (`Router`); whatever waits, fails or must be released
 * is a fiber: one for each connection, from its handshake to its end, and one that tells those who watch.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import type { InvalidInput } from "../domain/Errors.ts"
import { PeerId, short } from "../domain/PeerId.ts"
import { HubAddress, maxAlternatives } from "../domain/Signal.ts"
import * as Admission from "./Admission.ts"
import * as Connection from "./Connection.ts"
import * as Directory from "./Directory.ts"
import * as Drain from "./Drain.ts"
import * as HttpApi from "./HttpApi.ts"
import * as Limits from "./Limits.ts"
import * as Listener from "./Listener.ts"
import * as Lookout from "./Lookout.ts"
import * as Metrics from "./Metrics.ts"
import * as Options from "./Options.ts"
import * as Others from "./Others.ts"
import * as Registry from "./Registry.ts"
import * as Router from "./Router.ts"
import * as Session from "./Session.ts"
import type { CertificateUnusable } from "./Tls.ts"
import * as Traffic from "./Traffic.ts"
import * as Turn from "./Turn.ts"
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
  /**
   * Lets nobody in any more and sends the peers away, each when it does not negotiate with another, and all of them once
   * `drainPatience` is over. They are told of other hubs where any are known. To be run before the layer's scope
   * closes; `/health/ready` says 503 from its beginning.
   */
  readonly drain: Effect.Effect<void>
}>()("homing/Hub") {
  /**
   * A hub that runs until the layer's scope closes. Then nobody new is let in, every peer is told
   * (`hub-closing`, close code 1001), and whoever does not answer within `closingPatience` is cut. To let peers finish
   * what they are about, `drain` before.
   *
   * Fails with `InvalidInput` if an option is not what it must be, with `HubCannotListen` if neither the port nor the ten
   * above it can be had, and with `CertificateUnusable` if the files of the certificate are none.
   */
  static readonly layer = (options: Options.HubOptions = {}): Layer.Layer<Hub, HubError> =>
    Layer.effect(Hub, make(options))
}

/** Why there is no hub. @category errors */
export type HubError = InvalidInput | Listener.HubCannotListen | CertificateUnusable

const decodePeerId = Schema.decodeUnknownResult(PeerId)

/** The id in the query of a request's target, on whatever path; any target can be read. */
const claimedId = (target: string) => {
  const query = target.indexOf("?")
  return decodePeerId(query < 0 ? null : new URLSearchParams(target.slice(query)).get("peerId"))
}

/** What metrics call the reasons of a refusal. */
const refusalOf: Record<Admission.Refused["reason"], Traffic.Refusal> = {
  "Invalid peerId format": "invalid-peer-id",
  "Peer already connected": "peer-id-taken",
  "Maximum connections reached": "hub-full"
}

/** A peer that is in. */
interface Guest extends Drain.Guest {
  readonly session: Session.Session
}

const isHubAddress = Schema.is(HubAddress)

/** Apart, so that what lives as long as the connection keeps nothing of its handshake. */
const bytesOf = (socket: Duplex) => () => socket instanceof Socket ? socket.bytesRead + socket.bytesWritten : 0

/** The answer to a handshake while the hub drains. */
const unavailable =
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"

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

  const registry = Registry.make(Limits.networksPerPeer)
  const traffic = Traffic.make()
  const lookout = Lookout.make({ registry, now })
  const directory = Directory.make({ registry, waiting: lookout.waiting, now })
  const router = Router.make({ registry, lookout, directory, traffic, now })
  const admission = Admission.make(router, settings)
  const others = (): Others.Others => Others.none
  const guests = new Set<Guest>()
  const iceServers = Turn.make(settings)
  let open = 0
  const presence = (): Traffic.Presence => ({
    connections: open,
    peers: admission.size,
    networks: registry.networkCount
  })
  const drain = Drain.make({ guests, patience: settings.drainPatience, dismiss: ({ session }) => dismiss(session) })
  const metrics = yield* Metrics.make({ traffic, presence, others, draining: () => drain.draining })
  const timedRouter = metrics.timed(router)

  /** Drops the connection once the peer has given no sign of life for too long. */
  const keepAlive = Effect.fnUntraced(function*({ connection, peerId }: Session.Session) {
    yield* connection.alive(settings.heartbeatPatience).pipe(
      Effect.delay(settings.heartbeat),
      Effect.repeat({ while: (alive) => alive })
    )
    yield* Effect.logInfo(`Peer ${short(peerId)} gives no sign of life: its connection is dropped`)
    yield* connection.terminate
  })

  /** Where peers are sent when this hub stops: hubs that are reached now, then those that the options name. */
  const elsewhere = (): ReadonlyArray<string> => {
    const reached = others().hubs.filter(({ connection }) => connection !== "refused").map(({ url }) => url)
    return Array.from(new Set([...reached, ...settings.moveTo])).filter(isHubAddress).slice(0, maxAlternatives)
  }

  /** Sends a peer to another hub. */
  const dismiss = ({ connection }: Session.Session): void => {
    connection.send(Wire.hubClosing("Hub shutting down", now(), elsewhere()))
    connection.close(Connection.closeCode.goingAway, "Hub shutting down")
  }

  /** Gives everybody new credentials before the old ones expire; those who just came, a little early. */
  const renewIceServers = (period: Duration.Duration) =>
    Effect.suspend(() =>
      Effect.forEach(Array.from(guests), ({ session }) => {
        const servers = iceServers.issue(session.peerId, now())
        if (servers !== undefined) session.send(Wire.iceServers(servers, now()))
        // Sockets come first.
        return Effect.yieldNow
      }, { discard: true })
    ).pipe(Effect.delay(period), Effect.forever)

  /** Serves a peer until its connection ends, from either side. */
  const serve = Effect.fnUntraced(function*(
    connection: Connection.Connection,
    target: string,
    bytes: () => number
  ) {
    const claimed = claimedId(target)
    if (Result.isFailure(claimed)) return yield* new Admission.Refused({ reason: "Invalid peerId format" })
    const session = Session.make({ peerId: claimed.success, connection, settings, traffic, now })
    // Not the parent of anything, or it would be kept for as long as the connection.
    yield* Effect.useSpan(
      "Hub.admit",
      { attributes: { peerId: session.peerId } },
      () => Effect.raceFirst(metrics.timeAdmission(admission.admit(session)), connection.ended)
    )
    session.send(Wire.connected(session.peerId, now(), iceServers.issue(session.peerId, now())))
    Session.listen(session, timedRouter)
    yield* Effect.forkScoped(keepAlive(session))
    const guest: Guest = { session, bytes }
    guests.add(guest)
    yield* Effect.ensuring(connection.ended, Effect.sync(() => guests.delete(guest)))
    router.lost(session)
  })

  /** One connection from its handshake to its end. */
  const accept = Effect.fnUntraced(
    function*(socket: WebSocket, target: string, bytes: () => number) {
      yield* Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
      const connection = yield* Connection.make(socket, settings)
      yield* Effect.catchTag(serve(connection, target, bytes), "Refused", ({ reason }) => {
        Traffic.refuse(traffic, refusalOf[reason])
        connection.close(Connection.closeCode.policy, reason)
        return Effect.logDebug(`A connection was refused: ${reason}`)
      })
    },
    Effect.scoped,
    Effect.tapDefect((defect) => Effect.logError("A connection ended by a bug", defect))
  )

  const listener = yield* Listener.make(settings)
  const run = yield* FiberSet.makeRuntime<never, void>()
  const stats = Effect.sync((): Traffic.HubStats => ({
    ...presence(),
    ...traffic,
    refusedBy: { ...traffic.refusedBy },
    uptime: Duration.millis(now() - startedAt)
  }))

  yield* Effect.forkScoped(lookout.serve)
  if (iceServers.renewal !== undefined) yield* Effect.forkScoped(renewIceServers(iceServers.renewal))

  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: settings.maxMessageBytes,
    perMessageDeflate: false
  })
  const request = yield* HttpApi.make({
    stats,
    listing: Effect.sync(() => directory.listing),
    others: Effect.sync(others),
    draining: Effect.sync(() => drain.draining),
    metrics: metrics.text
  }, settings)
  const port = yield* listener.listen({
    request,
    upgrade: (request, socket, head) => {
      if (drain.draining) {
        Traffic.refuse(traffic, "draining")
        return void socket.end(unavailable)
      }
      const bytes = bytesOf(socket)
      sockets.handleUpgrade(request, socket, head, (socket) => {
        run(accept(socket, request.url ?? "", bytes))
      })
    }
  })

  const { host } = settings
  const url = urlOf(host, port, listener.secure)
  yield* Effect.logInfo(`The hub listens at ${url}`)
  return Hub.of({ host, port, url, stats, drain: Effect.andThen(Effect.logInfo("The hub drains"), drain.run) })
})
