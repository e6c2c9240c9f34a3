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
import { Buffer } from "node:buffer"
import { WebSocketServer } from "ws"
import type { InvalidInput } from "../domain/Errors.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import { PeerId } from "../domain/PeerId.ts"
import type { PeerProof } from "../domain/PeerProof.ts"
import { HubAddress, maxAlternatives } from "../domain/Signal.ts"
import { verifier } from "../services/Identity.ts"
import type { HubView } from "./backplane/Backplane.ts"
import * as Connection from "./connection/Connection.ts"
import * as Connections from "./connection/Connections.ts"
import * as Session from "./connection/Session.ts"
import * as Admission from "./door/Admission.ts"
import * as Antechamber from "./door/Antechamber.ts"
import * as Entrance from "./door/Entrance.ts"
import * as PeerToken from "./door/PeerToken.ts"
import * as Proofs from "./door/Proofs.ts"
import type { Challenge } from "./door/Proofs.ts"
import { Refused } from "./door/Refused.ts"
import * as Drain from "./Drain.ts"
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
import * as Negotiations from "./Negotiations.ts"
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

/** What a request for a WebSocket says. */
interface Handshake {
  readonly target: string
  /** The host that the request is addressed to. */
  readonly host: string | undefined
  readonly token: string | undefined
}

const decodePeerId = Schema.decodeUnknownResult(PeerId)

/** A string of its own: a part of a longer one keeps all of that in memory. */
const detached = (text: string | null): string | null => text === null ? null : Buffer.from(text).toString()

/** The query of a request's target, on whatever path; any target can be read. */
const queryOf = (target: string): URLSearchParams => {
  const query = target.indexOf("?")
  return new URLSearchParams(query < 0 ? "" : target.slice(query))
}

/** What metrics call the reasons of a refusal. */
const refusalOf: Record<Refused["reason"], Traffic.Refusal> = {
  "Invalid peerId format": "invalid-peer-id",
  "Peer already connected": "peer-id-taken",
  "Maximum connections reached": "hub-full",
  "A proof of the peer's key is needed": "proof",
  "A peer token is needed": "token",
  "The peer token is not valid": "token",
  "The peer token has expired": "token",
  "The peer token is for another peer": "token"
}

/** The hosts by which a hub goes, if they are known. */
const hostsOf = ({ proofHosts, publicUrl }: Options.HubSettings): ReadonlyArray<string> | undefined =>
  proofHosts ?? (publicUrl === undefined ? undefined : [new URL(publicUrl).host])

const isHubAddress = Schema.is(HubAddress)

/** What begins a negotiation, as a peer sends it, and as hubs hand it on. */
const decodeOffer = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Struct({ type: Schema.tag("offer"), targetPeerId: PeerId }))
)
const isOffer = (frame: string): boolean => frame.startsWith("{\"type\":\"offer\"")

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
  const proofs = Proofs.make(yield* verifier, hostsOf(settings))
  const tokens = settings.peerTokenSecret === undefined
    ? PeerToken.anybody
    : PeerToken.make(settings.peerTokenSecret, now)
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
  const negotiations = Negotiations.make(now)
  const drain = Drain.make({
    guests,
    patience: settings.drainPatience,
    dismiss: (session) => dismiss(session),
    negotiates: ({ peerId }) => negotiations.has(peerId),
    close: negotiations.close
  })
  const metrics = yield* Metrics.make({ traffic, presence, others, draining: () => drain.draining })
  const iceServers = Turn.make(settings)

  const allowance = Limits.messages(settings)
  const strikes = Limits.strikes(settings.malformedBurst)
  const sessions: Session.Surroundings = {
    allowance,
    strikes,
    fullMessages: Limits.full(allowance, startedAt),
    fullStrikes: Limits.full(strikes, startedAt),
    handle: metrics.timed((session, bytes, isText) => {
      if (drain.draining && !mayGoOn(session, bytes)) return
      if (!isText || !fast.pass(session, bytes)) router.receive(session, bytes.toString())
    }),
    traffic,
    now,
    renewed: (session, token) => run(renew(session, token)),
    proved: (session, challenge, proof) => run(judge(session, challenge, proof)),
    ended(session) {
      guests.delete(session)
      admission.release(session)
      router.lost(session)
    }
  }

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

  /** While the hub drains: whether a message may be acted on. Who would begin a negotiation at its end is sent away. */
  const mayGoOn = (session: Session.Session, bytes: Uint8Array): boolean => {
    const offer = decodeOffer(bytes.toString())
    if (Result.isFailure(offer) || negotiations.offered(session.peerId, offer.success.targetPeerId)) return true
    Traffic.refuse(traffic, "draining")
    session.send(Wire.error("The offer went nowhere: this hub is about to stop. Make it at another", now()))
    if (!negotiations.has(session.peerId)) dismiss(session)
    return false
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

  const grant = (session: Session.Session, { expiresAt, networks }: PeerToken.Grant) => {
    session.connection.expiresAt = expiresAt
    session.networks = networks
  }

  const remaining = (expiresAt: number) => Math.max(0, Math.floor(expiresAt - now()))

  /** Lets a peer stay for longer. What it may do already it may go on doing: less begins with another connection. */
  const renew = (session: Session.Session, token: string) =>
    tokens.verify(token, session.peerId).pipe(
      Effect.filterOrFail(
        (fresh) => PeerToken.covers(fresh, session),
        () => ({ reason: "It is for fewer networks than the one that you came with" })
      ),
      Effect.match({
        onFailure: ({ reason }) => void session.send(Wire.error(`Your fresh token does not count: ${reason}`, now())),
        onSuccess(fresh) {
          grant(session, fresh)
          if (fresh.expiresAt !== undefined) session.send(Wire.token(remaining(fresh.expiresAt), now()))
        }
      })
    )

  let isHostNoted = false
  /** Looks at the proof of a peer that was asked for one. */
  const judge = (session: Session.Session, challenge: Challenge, proof: PeerProof) =>
    challenge.check(proof, (finding) => {
      if (finding === "proven") {
        session.proven = true
        traffic.proven++
        return Effect.void
      }
      const problem = finding === "forged" ? "it was not made by the key of your id" : "it is for another host"
      session.send(Wire.error(`Your proof does not count: ${problem}`, now()))
      if (finding === "forged" || isHostNoted) return Effect.void
      isHostNoted = true
      const host = JSON.stringify(proof.host.slice(0, 128))
      return Effect.logWarning(
        `Proofs of peers that name the host ${host} do not count. If this hub goes by that name, say so by PROOF_HOSTS`
      )
    })

  /** Lets a peer in, or says why not. From then on its connection calls, and no fiber waits. */
  const serve = Effect.fnUntraced(function*(connection: Connection.Connection, handshake: Handshake) {
    const query = queryOf(handshake.target)
    const claimed = decodePeerId(detached(query.get("peerId")))
    if (Result.isFailure(claimed)) return yield* new Refused({ reason: "Invalid peerId format" })
    const session = new Session.Session(claimed.success, connection, sessions)
    grant(session, yield* tokens.verify(handshake.token, session.peerId))
    const challenge = query.get("proof") === "1" ? proofs.challenge(session.peerId, handshake.host) : undefined
    session.challenge = challenge
    const antechamber = challenge === undefined ? undefined : Antechamber.make(session, challenge, now)
    const admitted = Effect.useSpan(
      "Hub.admit",
      { attributes: { peerId: session.peerId } },
      () => metrics.timeAdmission(admission.admit(session, antechamber?.prove))
    )
    yield* admission.mustWait(session.peerId) ? Effect.raceFirst(admitted, connection.ended) : admitted
    if (connection.endedAt !== undefined) return admission.release(session)
    guests.add(session)
    const { expiresAt } = connection
    session.send(Wire.connected(session.peerId, now(), iceServers.issue(session.peerId, now()), {
      challenge: antechamber?.asked === true ? undefined : challenge?.nonce,
      expiresIn: expiresAt === undefined ? undefined : remaining(expiresAt)
    }))
    if (antechamber === undefined) connection.listen(session)
    else antechamber.leave()
  })

  /** One connection from its handshake until it is let in. */
  const accept = (connection: Connection.Connection, handshake: Handshake) =>
    serve(connection, handshake).pipe(
      Effect.catchTag("Refused", ({ reason }) => {
        Traffic.refuse(traffic, refusalOf[reason])
        connection.close(Connection.closeCode.policy, reason)
        return Effect.logDebug(`A connection was refused: ${reason}`)
      }),
      Effect.tapDefect((defect) => Effect.logError("A connection ended by a bug", defect))
    )

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
      deliver(envelope) {
        const { frame, from, target } = envelope
        if (drain.draining && isOffer(frame) && !negotiations.offered(from, target)) return false
        return ties.house.deliver(envelope)
      },
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
    draining: Effect.sync(() => drain.draining),
    metrics: metrics.text
  }, settings)
  const port = yield* listener.listen({
    request,
    connection: entrance.admitsSocket,
    dropped: () => Traffic.refuse(traffic, "hub-full"),
    upgrade(request, tcp, head) {
      if (drain.draining) {
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
      const handshake: Handshake = { target, host: headers.host, token: PeerToken.ofRequest(target, headers) }
      sockets.handleUpgrade(request, tcp, head, (socket) => {
        run(accept(connections.take(socket, tcp), handshake))
      })
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
    drain: Effect.andThen(Effect.logInfo("The hub drains"), drain.run),
    isHub,
    hubId,
    hubMeshNamespace,
    hubs: Effect.sync(() => ties.elsewhere.hubs)
  })
})
