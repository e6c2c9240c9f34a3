/**
 * The root of it all: a peer that can be in a network, and what an application does with it.
 *
 * A mesh is built once and joins when told to. It leaves politely when its scope closes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type Content, problemWith } from "../domain/Content.ts"
import {
  AlreadyJoined,
  type HubRefused,
  type HubUnreachable,
  InvalidInput,
  type MessageTooLarge,
  NotJoined,
  type PeerUnreachable
} from "../domain/Errors.ts"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import type { HubState, LinkStatus, MeshStatus } from "../domain/MeshStatus.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { LinkNews } from "../services/ConnectionPool.ts"
import { Identity } from "../services/Identity.ts"
import { SignalingTransport } from "../services/SignalingTransport.ts"
import { Supervisor } from "../services/Supervisor.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import { type MeshOptions, resolve } from "./MeshOptions.ts"
import { NetworkSession } from "./NetworkSession.ts"
import * as Subscribers from "./Subscribers.ts"

/** Where a mesh stands. */
type State =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Joining" }
  | { readonly _tag: "Joined"; readonly session: NetworkSession["Service"]; readonly scope: Scope.Closeable }
  | { readonly _tag: "Leaving" }

const shown = { Idle: "idle", Joining: "joining", Joined: "joined", Leaving: "leaving" } as const

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
  }
}

/** @category services */
export class Mesh extends Context.Service<Mesh, {
  readonly peerId: PeerId
  /**
   * Joins the network of the options; succeeds once a hub has taken us, with links still on their way. Fails with
   * `HubUnreachable` when no hub answers, `HubRefused` when one refuses, and `AlreadyJoined` when in a network.
   */
  readonly join: Effect.Effect<void, HubUnreachable | HubRefused | AlreadyJoined>
  /** Leaves the network: what was accepted is sent, neighbours and hub are told. Does nothing when in none. */
  readonly leave: Effect.Effect<void>
  /**
   * Sends JSON or bytes (8 MiB at most) to everyone in the network. Succeeds, with the number of neighbours it went
   * to, once it is on its way; waits while links are slow.
   */
  broadcast(content: Content): Effect.Effect<number, NotJoined | MessageTooLarge | InvalidInput>
  /**
   * Sends JSON or bytes (8 MiB at most) to one peer of the network, across other peers if need be. Succeeds once that
   * peer has confirmed, or fails with `PeerUnreachable`. Messages to one peer arrive in the order in which they were
   * sent, as long as the way to it stays the same.
   */
  send(to: PeerId, content: Content): Effect.Effect<void, NotJoined | PeerUnreachable | MessageTooLarge | InvalidInput>
  /** The peers with an open link. */
  readonly peers: Effect.Effect<ReadonlyArray<LinkStatus>>
  readonly status: Effect.Effect<MeshStatus>
  /** What happens, from the moment the stream is run. A subscriber that is too slow gets a `Missed` event. */
  readonly events: Stream.Stream<MeshEvent>
}>()("homing/Mesh") {
  /**
   * A mesh over the signaling and WebRTC layers of a platform, such as `layerNode` of `homing/node`. Fails with
   * `InvalidInput` when an option cannot be used.
   */
  static readonly layer = (
    options: MeshOptions
  ): Layer.Layer<Mesh, InvalidInput, SignalingTransport | WebRtc | Identity> =>
    Layer.effect(Mesh, make(options)).pipe(Layer.provide(Layer.fresh(Supervisor.layer)))
}

const make = Effect.fnUntraced(function*(options: MeshOptions) {
  const settings = yield* resolve(options)
  const { networkName } = settings
  const { peerId } = yield* Identity
  const supervisor = yield* Supervisor
  const environment = yield* Effect.context<WebRtc | Supervisor>()
  const transport = yield* SignalingTransport
  const hub = yield* transport.open({ peerId, hubs: settings.hubs })
  const subscribers = Subscribers.make()
  const home = yield* Effect.scope
  const oneAtATime = yield* Semaphore.make(1)
  let state: State = { _tag: "Idle" }

  yield* hub.changes.pipe(
    Stream.runForEach((state) =>
      state._tag === "Connecting"
        ? Effect.void
        : subscribers.tell({ _tag: "StatusChanged", type: "hub", message: describeHub(state), networkName })
    ),
    Effect.forkScoped
  )

  const tellNetwork = (message: string) =>
    subscribers.tell({ _tag: "StatusChanged", type: "network", message, networkName })

  const onLink = (news: LinkNews): Effect.Effect<unknown> => {
    switch (news._tag) {
      case "Opened":
        return subscribers.tell({ _tag: "PeerConnected", peerId: news.peerId, networkName })
      case "Closed":
        return subscribers.tell({ _tag: "PeerDisconnected", peerId: news.peerId, networkName, reason: news.reason })
      case "Ended":
        return Effect.void
    }
  }

  const open = Effect.fnUntraced(function*(scope: Scope.Closeable, networkName: NetworkName) {
    const layer = NetworkSession.layer({ ...settings, self: peerId, networkName, hub, emit: subscribers.tell })
    // A memo map of its own: two sessions must not share a service.
    const context = yield* Layer.buildWithMemoMap(layer, yield* Layer.makeMemoMap, scope).pipe(
      Effect.provideContext(environment)
    )
    const session = Context.get(context, NetworkSession)
    const news = yield* Scope.provide(session.pool.news, scope)
    yield* PubSub.take(news).pipe(Effect.flatMap(onLink), Effect.forever, Effect.forkIn(scope))
    return session
  })

  const join = Effect.gen(function*() {
    if (state._tag !== "Idle") return yield* new AlreadyJoined({ networkName })
    const scope = yield* Scope.fork(home)
    state = { _tag: "Joining" }
    const session = yield* open(scope, networkName).pipe(
      Effect.onError((cause) => {
        state = { _tag: "Idle" }
        return Scope.close(scope, Exit.failCause(cause))
      })
    )
    state = { _tag: "Joined", session, scope }
    yield* tellNetwork(`joined ${networkName}`)
  }).pipe(oneAtATime.withPermits(1))

  const leave = Effect.gen(function*() {
    if (state._tag !== "Joined") return
    const { scope } = state
    state = { _tag: "Leaving" }
    yield* Scope.close(scope, Exit.void)
    state = { _tag: "Idle" }
    yield* tellNetwork(`left ${networkName}`)
  }).pipe(Effect.uninterruptible, oneAtATime.withPermits(1))

  const joined = (operation: string) =>
    Effect.suspend(() =>
      state._tag === "Joined" ? Effect.succeed(state.session) : Effect.fail(new NotJoined({ operation }))
    )

  const acceptable = (content: Content) =>
    Effect.suspend(() => {
      const problem = problemWith(content)
      return problem === undefined
        ? Effect.void
        : Effect.fail(new InvalidInput({ field: "content", problem: `${problem}; expected JSON or a Uint8Array` }))
    })

  const links = Effect.suspend(() => state._tag === "Joined" ? state.session.links : Effect.succeed([]))

  return Mesh.of({
    peerId,
    join,
    leave,
    broadcast: Effect.fnUntraced(function*(content) {
      const { gossip } = yield* joined("broadcast")
      yield* acceptable(content)
      return yield* gossip.broadcast(content)
    }),
    send: Effect.fnUntraced(function*(to, content) {
      const { gossip } = yield* joined("send")
      yield* acceptable(content)
      yield* gossip.send(to, content)
    }),
    peers: Effect.map(links, (links) => links.filter((link) => link.state === "open")),
    status: Effect.gen(function*() {
      const all = yield* links
      const session = state._tag === "Joined" ? state.session : undefined
      return {
        peerId,
        state: shown[state._tag],
        networkName,
        hub: yield* hub.state,
        links: all,
        connectedCount: all.filter((link) => link.state === "open").length,
        knownCount: session === undefined ? 0 : Array.from(session.membership.known()).length,
        minPeers: settings.minPeers,
        maxPeers: settings.maxPeers,
        dropped: session === undefined
          ? { foreignNetwork: 0, malformed: 0, duplicate: 0 }
          : yield* session.dropped,
        actors: [
          { path: "mesh", state: shown[state._tag], mailbox: 0, restarts: 0 },
          { path: "mesh/hub", state: describeHub(yield* hub.state), mailbox: 0, restarts: 0 },
          ...yield* supervisor.tree
        ]
      }
    }),
    events: subscribers.events
  })
})
