/**
 * The fabric of hubs over WebRTC: a hub is a peer like any other, on the network of the hubs, and what it needs to link
 * with the others goes through the hubs themselves, by whatever way there is between them. What hubs say goes over a stream
 * for each link, where nothing is confirmed end to end, and what waits goes together.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { InvalidInput } from "../../domain/Errors.ts"
import type { MeshEvent } from "../../domain/MeshEvent.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { initiates, type PeerId } from "../../domain/PeerId.ts"
import { Mesh } from "../../runtime/Mesh.ts"
import { Identity } from "../../services/Identity.ts"
import * as SignalingWebSocket from "../../services/SignalingWebSocket.ts"
import type { Duplex, StreamRequest } from "../../services/streams/Duplex.ts"
import { type IceServer, WebRtc } from "../../services/WebRtc.ts"
import { Fabric, type FabricEvents } from "./Fabric.ts"
import * as Loopback from "./Loopback.ts"
import * as Texts from "./Texts.ts"

/** @category models */
export interface FabricOptions {
  readonly namespace: NetworkName
  readonly iceServers?: ReadonlyArray<IceServer>
  /** Links to other hubs at most. Default: 8. */
  readonly maxPeers?: number
}

/** Texts that wait for one link at most; beyond, the link takes no more. */
const outbox = 4096

/** What the streams between hubs are called. */
const name = "hubs"

/**
 * The pause after what was sent over a link: what comes meanwhile goes together. It is nothing beside a round trip between
 * hubs, and under load saves most packets.
 */
const gather = Duration.millis(5)

/** The pause before a stream that was lost, or refused, is opened again while its link stands. */
const again = Duration.millis(500)

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

  /** Uses a stream to another hub until it is lost. */
  const converse = Effect.fnUntraced(function*(stream: Duplex) {
    const peer = stream.peerId
    const queue = yield* Queue.dropping<string>(outbox)
    const reads = yield* Latch.make(true)
    const texts = Texts.makeDecoder()
    /** What is handed to the stream, which may not take it. */
    let leaving: ReadonlyArray<string> = []
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        events.linked(peer, {
          send: (text) => Queue.offerUnsafe(queue, text),
          pause: () => void reads.closeUnsafe(),
          resume: () => void reads.openUnsafe()
        })
      ),
      () => Effect.map(Queue.clear(queue), (waiting) => events.lost(peer, [...leaving, ...waiting]))
    )
    const write = Effect.gen(function*() {
      leaving = yield* Queue.takeAll(queue)
      yield* stream.write(Texts.encode(leaving))
      leaving = []
      yield* Effect.sleep(gather)
    })
    const read = Effect.gen(function*() {
      yield* reads.await
      for (const bytes of yield* stream.read) {
        for (const text of yield* Effect.fromResult(texts.push(bytes))) events.heard(peer, text)
      }
    })
    // When the stream is lost, what came before is still to be read.
    const writes = Effect.forever(write).pipe(Effect.catch(() => Effect.never))
    yield* Effect.raceFirst(writes, Effect.forever(read))
  }, (conversation) =>
    conversation.pipe(
      Effect.catch((why) =>
        typeof why === "string" ? Effect.logWarning(`A hub says what is no message: ${why}`) : Effect.void
      ),
      Effect.scoped
    ))

  // Made now, to outlast whatever is opened on top of the fabric. A stream is lost with its link.
  const opened = yield* FiberMap.make<PeerId>()
  const accepted = yield* FiberMap.make<PeerId>()

  /** Of two hubs one opens the stream, which stands for as long as their link does. */
  const gain = (peer: PeerId) =>
    initiates(peerId, peer)
      ? FiberMap.run(
        opened,
        peer,
        mesh.openStream(peer, { name, keepsLink: false }).pipe(
          Effect.flatMap((stream) => converse(stream)),
          Effect.scoped,
          Effect.ignore,
          Effect.andThen(Effect.sleep(again)),
          Effect.forever
        )
      )
      : Effect.void

  const take = (request: StreamRequest) =>
    request.name === name && initiates(request.peerId, peerId)
      ? FiberMap.run(
        accepted,
        request.peerId,
        request.acceptOnly.pipe(Effect.flatMap((stream) => converse(stream)), Effect.scoped, Effect.ignore)
      )
      : request.refuse("hubs take no such streams")

  const act = (event: MeshEvent): Effect.Effect<unknown> => {
    switch (event._tag) {
      case "PeerConnected":
        return gain(event.peerId)
      case "PeerDisconnected":
        return FiberMap.remove(opened, event.peerId)
      case "Missed":
        return Effect.gen(function*() {
          const open = new Set((yield* mesh.peers).map(({ peerId }) => peerId))
          for (const [peer] of opened) if (!open.has(peer)) yield* FiberMap.remove(opened, peer)
          for (const peer of open) if (!(yield* FiberMap.has(opened, peer))) yield* gain(peer)
        })
      case "Message":
      case "StatusChanged":
        return Effect.void
    }
  }

  yield* mesh.streams.pipe(Stream.runForEach(take), Effect.forkScoped({ startImmediately: true }))
  yield* mesh.events.pipe(Stream.runForEach(act), Effect.forkScoped({ startImmediately: true }))
  yield* mesh.join.pipe(
    Effect.catch((error) => Effect.logWarning(`Hubs are not linked over WebRTC: ${error.message}`)),
    Effect.forkScoped
  )
})
