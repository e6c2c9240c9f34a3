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
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type WebSocket, WebSocketServer } from "ws"
import type { InvalidInput } from "../domain/Errors.ts"
import { PeerId, short } from "../domain/PeerId.ts"
import * as Admission from "./Admission.ts"
import * as Connection from "./Connection.ts"
import * as Directory from "./Directory.ts"
import * as HttpApi from "./HttpApi.ts"
import * as Labels from "./Labels.ts"
import * as Limits from "./Limits.ts"
import * as Listener from "./Listener.ts"
import * as Lookout from "./Lookout.ts"
import * as Options from "./Options.ts"
import * as Registry from "./Registry.ts"
import * as Router from "./Router.ts"
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

  const registry = Registry.make(Limits.networksPerPeer)
  const traffic = Traffic.make()
  const lookout = Lookout.make({ registry, now })
  const directory = Directory.make({ registry, waiting: lookout.waiting, now })
  const random = yield* Random.Random
  const labels = Labels.make({ now, random: () => random.nextDoubleUnsafe() })
  const router = Router.make({ registry, lookout, directory, labels, traffic, now })
  const admission = Admission.make(router, settings)

  /** Drops the connection once the peer has given no sign of life for too long. */
  const keepAlive = Effect.fnUntraced(function*({ connection, peerId }: Session.Session) {
    yield* connection.alive(settings.heartbeatPatience).pipe(
      Effect.delay(settings.heartbeat),
      Effect.repeat({ while: (alive) => alive })
    )
    yield* Effect.logInfo(`Peer ${short(peerId)} gives no sign of life: its connection is dropped`)
    yield* connection.terminate
  })

  /** Serves a peer until its connection ends, from either side. */
  const serve = Effect.fnUntraced(function*(connection: Connection.Connection, target: string) {
    const claimed = claimedId(target)
    if (Result.isFailure(claimed)) return yield* new Admission.Refused({ reason: "Invalid peerId format" })
    const session = Session.make({ peerId: claimed.success, connection, settings, traffic, now })
    yield* Effect.raceFirst(admission.admit(session), connection.ended)
    session.send(Wire.connected(session.peerId, now()))
    Session.listen(session, router)
    yield* Effect.forkScoped(keepAlive(session))
    yield* connection.ended
    router.lost(session)
  })

  /** One connection from its handshake to its end. */
  const accept = Effect.fnUntraced(
    function*(socket: WebSocket, target: string) {
      yield* Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
      const connection = yield* Connection.make(socket, settings)
      yield* Effect.catchTag(serve(connection, target), "Refused", ({ reason }) => {
        traffic.refused++
        connection.close(Connection.closeCode.policy, reason)
        return Effect.logDebug(`A connection was refused: ${reason}`)
      })
    },
    Effect.scoped,
    Effect.tapDefect((defect) => Effect.logError("A connection ended by a bug", defect))
  )

  const listener = yield* Listener.make(settings)
  const run = yield* FiberSet.makeRuntime<never, void>()
  let open = 0
  const presence = (): Traffic.Presence => ({
    connections: open,
    peers: admission.size,
    networks: registry.networkCount
  })
  yield* Traffic.observe(traffic, presence)
  const stats = Effect.sync((): Traffic.HubStats => ({
    ...presence(),
    ...traffic,
    uptime: Duration.millis(now() - startedAt)
  }))

  yield* Effect.forkScoped(lookout.serve)

  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: settings.maxMessageBytes,
    perMessageDeflate: false
  })
  const request = yield* HttpApi.make({ stats, listing: Effect.sync(() => directory.listing) }, settings)
  const port = yield* listener.listen({
    request,
    upgrade: (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (socket) => {
        run(accept(socket, request.url ?? ""))
      })
  })

  const { host } = settings
  const url = urlOf(host, port)
  yield* Effect.logInfo(`The hub listens at ${url}`)
  return Hub.of({ host, port, url, stats })
})
