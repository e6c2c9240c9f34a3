/** A peer that is none of ours: it links like any other, and then sends whatever it likes. */
import { Context, Deferred, Effect, Layer, Queue } from "effect"
import type { Packet } from "../../src/domain/Frame.ts"
import type { NetworkName } from "../../src/domain/NetworkName.ts"
import type { PeerId } from "../../src/domain/PeerId.ts"
import type { Candidate, HubSignal } from "../../src/domain/Signal.ts"
import { SignalingTransport } from "../../src/services/SignalingTransport.ts"
import { type Channel, type Connection, WebRtc } from "../../src/services/WebRtc.ts"
import { World } from "../../src/testing/World.ts"

/** Where a stranger is: its edges, and a hub. */
export interface Quarter {
  readonly edges: Layer.Layer<SignalingTransport | WebRtc>
  readonly hub: string
  /** Whether it answers as PeerPigeon's peers do, who leave no mark. Default: no. */
  readonly isPigeon?: boolean
}

/** Joins a network, answers the first offer that comes, and gives the open channel and what arrives on it. */
export const strangerAt = Effect.fnUntraced(function*(self: PeerId, networkName: NetworkName, quarter: Quarter) {
  const context = yield* Layer.build(Layer.fresh(quarter.edges))
  const transport = Context.get(context, SignalingTransport)
  const webRtc = Context.get(context, WebRtc)
  const session = yield* transport.open({ peerId: self, hubs: [quarter.hub] })
  const hub = yield* session.join(networkName)
  const opened = yield* Deferred.make<Channel>()
  const received = yield* Queue.unbounded<Packet>()
  const candidates = yield* Queue.unbounded<Candidate>()
  let connection: Connection | undefined

  const answer = Effect.fnUntraced(function*({ data, fromPeerId }: Extract<HubSignal, { readonly type: "offer" }>) {
    connection = yield* webRtc.open({
      peerId: fromPeerId,
      role: "answerer",
      iceServers: [],
      handlers: {
        onCandidate: (candidate) => void Queue.offerUnsafe(candidates, candidate),
        onState: () => undefined,
        onOpen: (channel) => void Deferred.doneUnsafe(opened, Effect.succeed(channel)),
        onPacket: (packet) => void Queue.offerUnsafe(received, packet),
        onClose: () => undefined
      }
    })
    const sdp = yield* connection.accept(data.sdp)
    const mark = data.homing === undefined || quarter.isPigeon === true ? {} : { homing: data.homing }
    yield* hub.send({ type: "answer", targetPeerId: fromPeerId, data: { type: "answer", sdp, ...mark } })
    yield* Queue.take(candidates).pipe(
      Effect.flatMap((candidate) =>
        hub.send({ type: "ice-candidate", targetPeerId: fromPeerId, data: { ...candidate, ...mark } })
      ),
      Effect.forever,
      Effect.forkScoped
    )
  })

  yield* Effect.gen(function*() {
    const news = yield* Queue.take(hub.news)
    if (news._tag !== "Signal") return
    const { signal } = news
    if (signal.type === "offer" && connection === undefined) yield* answer(signal)
    if (signal.type === "ice-candidate") {
      const { homing: _, ...candidate } = signal.data
      yield* connection?.addCandidate(candidate) ?? Effect.void
    }
  }).pipe(Effect.forever, Effect.forkScoped)

  return { hub, channel: Deferred.await(opened), received }
})

/** The same in a simulated world, at its first hub. */
export const stranger = (self: PeerId, networkName: NetworkName, options: Pick<Quarter, "isPigeon"> = {}) =>
  World.use((world) => strangerAt(self, networkName, { ...options, edges: world.edges(self), hub: world.hub.url }))
