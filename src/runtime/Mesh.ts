/**
 * The root of it all: a peer that can be in a network, and what an application does with it.
 *
 * A mesh is built once and joins when told to. While its home network is empty it may go to another, and it comes back
 * as soon as somebody is at home. It leaves politely when its scope closes.
 *
 * Where `Preferences.layer` is provided, it starts with the home network and the fallback setting that it joined with or
 * was told last, unless its options say otherwise.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Content, problemWith } from "../domain/Content.ts"
import {
  AlreadyJoined,
  AwayFromHome,
  type HubRefused,
  type HubUnreachable,
  InvalidInput,
  type MessageTooLarge,
  NoAnswer,
  NotJoined,
  type PeerUnreachable,
  type StreamRefused
} from "../domain/Errors.ts"
import type { Broadcast, MeshEvent } from "../domain/MeshEvent.ts"
import { type HubState, type LinkStatus, type MeshStatus, noneDropped } from "../domain/MeshStatus.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Sent, SentToAll } from "../domain/Sent.ts"
import type { NetworkSummary } from "../domain/Signal.ts"
import * as FallbackSupervisor from "../services/FallbackSupervisor.ts"
import type { SendError } from "../services/Files.ts"
import type { FileOffer } from "../services/files/Offered.ts"
import type { FileSource } from "../services/files/Ports.ts"
import type { FileSent, SendFileOptions } from "../services/files/Sending.ts"
import { Identity } from "../services/Identity.ts"
import { Preferences } from "../services/Preferences.ts"
import type { Posted } from "../services/SessionContext.ts"
import * as HubProof from "../services/signaling/HubProof.ts"
import { HubToken } from "../services/signaling/HubToken.ts"
import { SignalingTransport } from "../services/SignalingTransport.ts"
import type { StreamOptions } from "../services/Streams.ts"
import type { Duplex, StreamRequest } from "../services/streams/Duplex.ts"
import { Supervisor } from "../services/Supervisor.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import * as Answers from "./Answers.ts"
import type { Audience } from "./Audience.ts"
import * as Channel from "./Channel.ts"
import * as FileOffers from "./FileOffers.ts"
import * as Health from "./Health.ts"
import * as MeshDht from "./MeshDht.ts"
import { hubTokenOf, type MeshOptions, networkNameFrom, resolve } from "./MeshOptions.ts"
import * as Offers from "./Offers.ts"
import * as Subscribers from "./Subscribers.ts"
import * as Whereabouts from "./Whereabouts.ts"

const shown = { Idle: "idle", Joining: "joining", Joined: "joined", Moving: "joined", Leaving: "leaving" } as const

const describeHub = (state: HubState): string => {
  switch (state._tag) {
    case "Idle":
      return "not connected to a hub"
    case "Connecting":
      return `connecting to the hub at ${state.url}`
    case "Connected":
      return `connected to the hub at ${state.url}`
    case "Waiting":
      return `the hub at ${state.url} cannot be reached (${state.problem}); trying again`
    case "TakenOver":
      return `not connected to a hub: ${state.problem}`
  }
}

/** How a broadcast is to be sent. @category models */
export interface BroadcastOptions extends Audience {
  /** Whether others hear it after everything ordered that this peer said before. Default: no, which is sooner. */
  readonly ordered?: boolean
}

/** How to ask. @category models */
export interface AskOptions extends Audience {
  /** How long the answer may take. Default: 10 seconds. */
  readonly timeout?: Duration.Input
}

/** A channel of a mesh. @category models */
export type MeshChannel<A> = Channel.Channel<A, SentToAll, NotJoined | AwayFromHome | MessageTooLarge | InvalidInput>

const askTimeout = Duration.seconds(10)

/** @category services */
export class Mesh extends Context.Service<Mesh, {
  readonly peerId: PeerId
  /**
   * Joins the home network; succeeds once a hub has taken us, with links still on their way. Fails with
   * `HubUnreachable` when no hub answers, `HubRefused` when one refuses, and `AlreadyJoined` when in a network.
   */
  readonly join: Effect.Effect<void, HubUnreachable | HubRefused | AlreadyJoined>
  /** Leaves the network: what was accepted is sent, neighbours and hub are told. Does nothing when in none. */
  readonly leave: Effect.Effect<void>
  /**
   * Sends JSON or bytes (8 MiB at most) to everyone in the network. Succeeds once it is on its way, and says where to;
   * waits while links are slow.
   */
  broadcast(
    content: Content,
    options?: BroadcastOptions
  ): Effect.Effect<SentToAll, NotJoined | AwayFromHome | MessageTooLarge | InvalidInput>
  /**
   * Sends JSON or bytes (8 MiB at most) to one peer of the network, across other peers if need be. Succeeds once that
   * peer has confirmed, or fails with `PeerUnreachable`. Messages to one peer arrive in the order in which they were
   * sent, as long as the way to it stays the same.
   */
  send(
    to: PeerId,
    content: Content,
    audience?: Audience
  ): Effect.Effect<Sent, NotJoined | AwayFromHome | PeerUnreachable | MessageTooLarge | InvalidInput>
  /**
   * Asks a peer of the network, and succeeds with its answer. Fails with `NoAnswer` when it declines or takes longer than
   * `timeout` (default: 10 s), and with `PeerUnreachable` when it cannot be asked.
   */
  ask(to: PeerId, content: Content, options?: AskOptions): Effect.Effect<
    Content,
    NotJoined | AwayFromHome | PeerUnreachable | MessageTooLarge | InvalidInput | NoAnswer
  >
  /**
   * Answers what others ask, 256 questions at a time, until the scope closes. What the handler fails with is told to the
   * asker as the reason for getting no answer. Of several handlers the last one is asked.
   */
  answer<E, R>(handler: Answers.Handler<E, R>): Effect.Effect<void, never, Scope.Scope | R>
  /**
   * A channel of the network, on which values of one type are published and heard by whoever has the channel too. Fails
   * with `InvalidInput` for a name that is not 1 to 128 characters long.
   */
  channel<A, I>(
    name: string,
    schema: Schema.Codec<A, I>,
    options?: Channel.ChannelOptions
  ): Effect.Effect<MeshChannel<A>, InvalidInput>
  /**
   * Says to everyone in the home network what was said in another, marked as such: its receivers see this peer as the one
   * who sends it, and what it says of the message's origin as `bridged`. Succeeds with whether it is on its way: not so
   * when the network has had it already. `NetworkBridge` does this with all that a filter lets through.
   */
  relay(message: Broadcast): Effect.Effect<boolean, NotJoined | AwayFromHome | MessageTooLarge | InvalidInput>
  /**
   * Opens a stream of bytes to a peer and back, over the link to it or one that is made for it, and keeps it until the scope
   * closes. Succeeds once the peer has accepted; fails with `StreamRefused` when it does not, cannot be linked, does not
   * answer or knows no streams. The stream belongs to the network of this moment, and is lost when the mesh leaves that.
   */
  openStream(
    to: PeerId,
    options?: StreamOptions & Audience
  ): Effect.Effect<Duplex, NotJoined | AwayFromHome | StreamRefused | InvalidInput, Scope.Scope>
  /**
   * The streams that peers want to open, from the moment this is run, each to be accepted or refused within a minute. While
   * nobody runs it they are refused; of several who do, the first to decide has decided.
   */
  readonly streams: Stream.Stream<StreamRequest>
  /**
   * Sends a file to a peer; succeeds once the peer has kept all of it and its SHA-256 fits. When the link is lost it is made
   * anew, for two minutes, and what had arrived is not sent again. Fails with `FileRefused` when the peer does not want it,
   * `FileLost` when it cannot be brought there, and `FileUnusable` when the source fails. `fileSource` of `homing/node` and
   * `homing/browser` make sources.
   */
  sendFile(
    to: PeerId,
    source: FileSource,
    options?: SendFileOptions & Audience
  ): Effect.Effect<FileSent, NotJoined | AwayFromHome | SendError>
  /**
   * The files that peers want to send, from the moment this is run, each to be accepted or refused within a minute; what is
   * beyond the limits is refused. While nobody runs it they are refused; of several who do, the first to decide has decided.
   */
  receiveFiles(limits?: FileOffers.FileLimits): Stream.Stream<FileOffer>
  /** Values under keys, kept by the peers of the network together. */
  readonly dht: MeshDht.MeshDht
  /** The peers with an open link. */
  readonly peers: Effect.Effect<ReadonlyArray<LinkStatus>>
  readonly status: Effect.Effect<MeshStatus>
  /** What happens, from the moment the stream is run. A subscriber that is too slow gets a `Missed` event. */
  readonly events: Stream.Stream<MeshEvent>
  /** The network that the mesh is in, or will join. */
  readonly networkName: Effect.Effect<NetworkName>
  /** The network that the mesh wants to be in. */
  readonly originalNetworkName: Effect.Effect<NetworkName>
  readonly isUsingGlobalFallback: Effect.Effect<boolean>
  /**
   * The networks in which somebody is, as the hub lists them (256 at most): those with most members first, joined or not. Fails when no hub
   * answers, and when the hub does not list its networks.
   */
  readonly networks: Effect.Effect<ReadonlyArray<NetworkSummary>, HubUnreachable>
  /** Chooses the network to join next. Fails with `AlreadyJoined` while in one; `moveTo` moves a mesh that has joined. */
  setNetworkName(name: string): Effect.Effect<void, InvalidInput | AlreadyJoined>
  /**
   * Makes another network the home and goes there, make before break: the mesh stays where it is when joining fails.
   */
  moveTo(name: string): Effect.Effect<void, InvalidInput | NotJoined | HubUnreachable | HubRefused>
  /** Allows or forbids falling back. Forbidding it while away means going home now, alone if need be. */
  setAllowGlobalFallback(allow: boolean): Effect.Effect<void>
}>()("homing/Mesh") {
  /**
   * A mesh over the signaling and WebRTC layers of a platform, such as `layer` of `homing/node`. Fails with
   * `InvalidInput` when an option cannot be used.
   */
  static readonly layer = (
    options: MeshOptions
  ): Layer.Layer<Mesh, InvalidInput, SignalingTransport | WebRtc | Identity> =>
    Layer.effect(Mesh, make(options)).pipe(Layer.provide(Layer.fresh(Supervisor.layer)))
}

const make = Effect.fnUntraced(function*(options: MeshOptions) {
  const preferences = yield* Preferences
  const settings = yield* resolve(options, yield* preferences.recall)
  const identity = yield* Identity
  const { peerId } = identity
  const supervisor = yield* Supervisor
  const transport = yield* SignalingTransport
  const hub = yield* transport.open({ peerId, hubs: settings.hubs }).pipe(
    Effect.provideService(HubToken, hubTokenOf(options)),
    Effect.provideService(HubProof.HubProof, HubProof.of(identity))
  )
  const subscribers = Subscribers.make()
  const posted = Subscribers.make<Posted>()
  const answers = yield* Answers.make
  const streams = Offers.make<StreamRequest>()
  const files = Offers.make<FileOffer>()
  const whereabouts = yield* Whereabouts.make({
    ...settings,
    self: peerId,
    home: settings.networkName,
    hub,
    emit: (event) => {
      switch (event._tag) {
        case "Asked":
          return answers.tell(event)
        case "Posted":
          return posted.tell(event)
        case "StreamOffered":
          return streams.tell(event.request)
        case "FileOffered":
          return files.tell(event.offer)
        default:
          return subscribers.tell(event)
      }
    }
  })
  const health = yield* Health.make({ hub, whereabouts, allowGlobalFallback: settings.allowGlobalFallback })

  yield* hub.changes.pipe(
    Stream.runForEach((state) =>
      state._tag === "Connecting"
        ? Effect.void
        : subscribers.tell({
          _tag: "StatusChanged",
          type: "hub",
          message: describeHub(state),
          networkName: whereabouts.current()
        })
    ),
    Effect.forkScoped
  )

  yield* FallbackSupervisor.make({
    health,
    carryOut: (decision) =>
      whereabouts.moveTo({
        to: decision._tag === "GoHome" ? whereabouts.home() : decision.to,
        asHome: false,
        why: decision.reason
      })
  })

  const joined = (operation: string, audience: Audience | undefined) =>
    Effect.gen(function*() {
      const session = Whereabouts.sessionOf(whereabouts.state())
      if (session === undefined) return yield* new NotJoined({ operation })
      const [networkName, originalNetworkName] = [whereabouts.current(), whereabouts.home()]
      if (audience?.audience === "home" && networkName !== originalNetworkName) {
        return yield* new AwayFromHome({ operation, networkName, originalNetworkName })
      }
      return session
    })

  const acceptable = (content: Content) =>
    Effect.suspend(() => {
      const problem = problemWith(content)
      return problem === undefined
        ? Effect.void
        : Effect.fail(new InvalidInput({ field: "content", problem: `${problem}; expected JSON or a Uint8Array` }))
    })

  const links = Effect.suspend(() => Whereabouts.sessionOf(whereabouts.state())?.links ?? Effect.succeed([]))

  const remember = Effect.suspend(() =>
    preferences.remember({ networkName: whereabouts.home(), allowGlobalFallback: health.allowGlobalFallback() })
  )

  const isAway = () => whereabouts.current() !== whereabouts.home()

  const broadcast = Effect.fnUntraced(function*(
    content: Content,
    options: BroadcastOptions & { readonly channel?: string } = {}
  ) {
    const { gossip, networkName } = yield* joined("broadcast", options)
    yield* acceptable(content)
    return { networkName, neighbours: yield* gossip.broadcast(content, options) }
  })

  return Mesh.of({
    peerId,
    join: Effect.andThen(whereabouts.join, remember),
    leave: whereabouts.leave,
    broadcast,
    ask: Effect.fnUntraced(function*(to, content, { timeout = askTimeout, ...audience } = {}) {
      const { gossip, networkName } = yield* joined("ask", audience)
      yield* acceptable(content)
      return yield* gossip.ask(to, content).pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            Effect.fail(
              new NoAnswer({
                peerId: to,
                networkName,
                problem: `none came within ${Duration.format(Duration.fromInputUnsafe(timeout))}`
              })
            )
        })
      )
    }),
    answer: answers.answer,
    channel: (name, schema, { ordered = false } = {}) =>
      Channel.make({ name, schema, ordered, send: broadcast, posted }),
    send: Effect.fnUntraced(function*(to, content, audience) {
      const { gossip, networkName } = yield* joined("send", audience)
      yield* acceptable(content)
      yield* gossip.send(to, content)
      return { networkName }
    }),
    relay: Effect.fnUntraced(function*(message) {
      const { gossip } = yield* joined("relay", { audience: "home" })
      yield* acceptable(message.content)
      return yield* gossip.relay(message)
    }),
    openStream: (to, options) =>
      Effect.flatMap(joined("open a stream", options), (session) => session.streams.open(to, options)),
    streams: streams.all,
    sendFile: (to, source, options) =>
      Effect.flatMap(joined("send a file", options), (session) => session.files.send(to, source, options)),
    receiveFiles: (limits = {}) => FileOffers.within(files.all, limits),
    dht: MeshDht.make({ self: peerId, whereabouts, joined }),
    peers: Effect.map(links, (links) => links.filter((link) => link.state === "open")),
    status: Effect.gen(function*() {
      const all = yield* links
      const state = whereabouts.state()
      const session = Whereabouts.sessionOf(state)
      return {
        peerId,
        state: shown[state._tag],
        networkName: whereabouts.current(),
        originalNetworkName: whereabouts.home(),
        isInFallbackMode: isAway(),
        allowGlobalFallback: health.allowGlobalFallback(),
        hub: yield* hub.state,
        links: all,
        connectedCount: all.filter((link) => link.state === "open").length,
        knownCount: session === undefined ? 0 : session.membership.knownCount(),
        minPeers: settings.minPeers,
        maxPeers: settings.maxPeers,
        dropped: session === undefined
          ? noneDropped
          : yield* session.dropped,
        actors: [
          { path: "mesh", state: shown[state._tag], mailbox: 0, restarts: 0 },
          { path: "mesh/hub", state: describeHub(yield* hub.state), mailbox: 0, restarts: 0 },
          ...yield* supervisor.tree
        ]
      }
    }),
    events: subscribers.events,
    networkName: Effect.sync(whereabouts.current),
    originalNetworkName: Effect.sync(whereabouts.home),
    isUsingGlobalFallback: Effect.sync(isAway),
    networks: hub.networks,
    setNetworkName: Effect.fnUntraced(function*(name) {
      const networkName = yield* networkNameFrom(name)
      if (whereabouts.state()._tag !== "Idle") {
        return yield* new AlreadyJoined({ networkName: whereabouts.current() })
      }
      whereabouts.settle(networkName)
      yield* remember
    }),
    moveTo: Effect.fnUntraced(function*(name) {
      const networkName = yield* networkNameFrom(name)
      yield* whereabouts.moveTo({ to: networkName, asHome: true, why: "asked to" })
      yield* remember
    }),
    setAllowGlobalFallback: (allow) => Effect.andThen(health.setAllowGlobalFallback(allow), remember)
  })
})
