/** A peer that is none of ours: it links like any other, and then sends whatever it likes. */
import { Context, Deferred, Effect, Layer, Queue } from "effect"
import type { Packet } from "../../src/domain/Frame.ts"
import type { NetworkName } from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import { SignalingTransport } from "../../src/services/SignalingTransport.ts"
import { type Channel, type Connection, WebRtc } from "../../src/services/WebRtc.ts"
import { World } from "../../src/testing/World.ts"

/** Joins a network, answers the first offer that comes, and gives the open channel and what arrives on it. */
export const stranger = Effect.fnUntraced(function*(self: PeerId, networkName: NetworkName) {
  const world = yield* World
  const edges = yield* Layer.build(Layer.fresh(world.edges(self)))
  const transport = Context.get(edges, SignalingTransport)
  const webRtc = Context.get(edges, WebRtc)
  const session = yield* transport.open({ peerId: self, hubs: [world.hub.url] })
  const hub = yield* session.join(networkName)
  const opened = yield* Deferred.make<Channel>()
  const received = yield* Queue.unbounded<Packet>()
  let connection: Connection | undefined

  yield* Effect.gen(function*() {
    const news = yield* Queue.take(hub.news)
    if (news._tag !== "Signal" || news.signal.type !== "offer" || connection !== undefined) return
    const { data, fromPeerId } = news.signal
    connection = yield* webRtc.open({
      peerId: fromPeerId,
      role: "answerer",
      iceServers: [],
      handlers: {
        onCandidate: () => undefined,
        onState: () => undefined,
        onOpen: (channel) => void Deferred.doneUnsafe(opened, Effect.succeed(channel)),
        onPacket: (packet) => void Queue.offerUnsafe(received, packet),
        onClose: () => undefined
      }
    })
    const sdp = yield* connection.accept(data.sdp)
    const homing = data.homing
    yield* hub.send({
      type: "answer",
      targetPeerId: fromPeerId,
      data: { type: "answer", sdp, ...(homing === undefined ? {} : { homing }) }
    })
  }).pipe(Effect.forever, Effect.forkScoped)

  return { hub, channel: Deferred.await(opened), received }
})
