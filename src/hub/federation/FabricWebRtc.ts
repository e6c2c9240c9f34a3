/**
 * The fabric of hubs over WebRTC: a hub is a peer like any other, on the network of the hubs, and what it needs to link
 * with the others goes through the hubs themselves, by whatever way there is between them.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { InvalidInput } from "../../domain/Errors.ts"
import type { MeshEvent } from "../../domain/MeshEvent.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { Mesh } from "../../runtime/Mesh.ts"
import { Identity } from "../../services/Identity.ts"
import * as SignalingWebSocket from "../../services/SignalingWebSocket.ts"
import { type IceServer, WebRtc } from "../../services/WebRtc.ts"
import { Fabric, type FabricEvents } from "./Fabric.ts"
import * as Loopback from "./Loopback.ts"

/** @category models */
export interface FabricOptions {
  readonly namespace: NetworkName
  readonly iceServers?: ReadonlyArray<IceServer>
  /** Links to other hubs at most. Default: 8. */
  readonly maxPeers?: number
}

/** Messages that wait for one link at most; then the sender is told that the link is closing. */
const outbox = 4096

/** Texts that make one message at most. */
const together = 32

/** Messages under way on one link: each is confirmed, and they are not to wait for each other. */
const underWay = 32

/** @category layers */
export const layer = (options: FabricOptions): Layer.Layer<Fabric, never, WebRtc | Identity> =>
  Layer.effect(
    Fabric,
    Effect.gen(function*() {
      const identity = yield* Identity
      const webRtc = yield* WebRtc
      return Fabric.of({
        peerId: identity.peerId,
        weave: (events, visit) =>
          weave(options, events, visit).pipe(
            Effect.provideService(Identity, identity),
            Effect.provideService(WebRtc, webRtc),
            Effect.catchTag(
              "InvalidInput",
              (error: InvalidInput) => Effect.logWarning(`Hubs are not linked over WebRTC: ${error.message}`)
            )
          )
      })
    })
  )

const weave = Effect.fnUntraced(function*(
  { iceServers = [], maxPeers = 8, namespace }: FabricOptions,
  events: FabricEvents,
  visit: Parameters<Fabric["Service"]["weave"]>[1]
) {
  const { peerId } = yield* Identity
  const later = yield* Queue.unbounded<() => void>()
  yield* Queue.take(later).pipe(
    Effect.flatMap((act) => Effect.sync(act)),
    Effect.forever,
    Effect.forkScoped
  )
  const signaling = SignalingWebSocket.layer.pipe(
    Layer.provide(
      Layer.succeed(Socket.WebSocketConstructor, () => Loopback.make((hear) => visit(peerId, hear), later))
    )
  )
  const context = yield* Layer.build(
    Layer.fresh(Mesh.layer({
      hubs: "ws://this.hub",
      networkName: namespace,
      allowGlobalFallback: false,
      maxPeers,
      minPeers: Math.min(4, maxPeers),
      iceServers
    })).pipe(Layer.provide(signaling))
  )
  const mesh = yield* Mesh.pipe(Effect.provideContext(context))

  const links = new Map<PeerId, Scope.Closeable>()
  // Made now, to outlast whatever is opened on top of the fabric.
  const scope = yield* Scope.fork(yield* Effect.scope)

  const lose = (peer: PeerId) =>
    Effect.suspend(() => {
      const link = links.get(peer)
      if (link === undefined) return Effect.void
      links.delete(peer)
      events.lost(peer)
      return Scope.close(link, Exit.void)
    })

  const gain = Effect.fnUntraced(function*(peer: PeerId) {
    yield* lose(peer)
    const link = yield* Scope.fork(scope)
    links.set(peer, link)
    const queue = yield* Queue.dropping<string>(outbox)
    // What waits goes together: a message costs what it costs, however much is in it.
    yield* Stream.fromEffectRepeat(Queue.takeBetween(queue, 1, together)).pipe(
      // What gets lost is asked for again, or offered again.
      Stream.mapEffect((texts) => Effect.ignore(mesh.send(peer, texts)), { concurrency: underWay }),
      Stream.runDrain,
      Effect.forkIn(link)
    )
    events.linked(peer, (text) => links.get(peer) === link && Queue.offerUnsafe(queue, text))
  })

  const act = (event: MeshEvent): Effect.Effect<void> => {
    switch (event._tag) {
      case "PeerConnected":
        return gain(event.peerId)
      case "PeerDisconnected":
        return lose(event.peerId)
      case "Message":
        return Effect.sync(() => {
          if (event.kind !== "direct" || !Array.isArray(event.content)) return
          for (const text of event.content) if (typeof text === "string") events.heard(event.from, text)
        })
      case "Missed":
        return Effect.gen(function*() {
          const open = new Set((yield* mesh.peers).map(({ peerId }) => peerId))
          for (const peer of Array.from(links.keys())) if (!open.has(peer)) yield* lose(peer)
          for (const peer of open) if (!links.has(peer)) yield* gain(peer)
        })
      case "StatusChanged":
        return Effect.void
    }
  }

  yield* mesh.events.pipe(Stream.runForEach(act), Effect.forkScoped({ startImmediately: true }))
  yield* mesh.join.pipe(
    Effect.catch((error) => Effect.logWarning(`Hubs are not linked over WebRTC: ${error.message}`)),
    Effect.forkScoped
  )
})
