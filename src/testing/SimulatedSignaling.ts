/** A hub in memory and the way to it, on the simulated network. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import { decodeHubSignal, type HubSignal } from "../domain/Signal.ts"
import { type MembershipNews, SignalingTransport } from "../services/SignalingTransport.ts"
import { SimulatedNetwork, type Wire } from "./SimulatedNetwork.ts"

/** @category layers */
export const layer: Layer.Layer<SignalingTransport, never, SimulatedNetwork> = Layer.effect(
  SignalingTransport,
  Effect.gen(function*() {
    const network = yield* SimulatedNetwork
    const members = new Map<NetworkName, Map<PeerId, Wire<string>>>()

    const roomOf = (networkName: NetworkName) => {
      const room = members.get(networkName) ?? new Map<PeerId, Wire<string>>()
      members.set(networkName, room)
      return room
    }
    const tell = (wire: Wire<string> | undefined, signal: unknown) => wire?.send(JSON.stringify(signal))

    return SignalingTransport.of({
      open: ({ hubs: [url], peerId }) =>
        Effect.succeed({
          state: Effect.succeed({ _tag: "Connected" as const, url, since: 0 }),
          changes: Stream.never,
          networks: Effect.succeed([]),
          watch: () => Effect.succeed(Stream.succeed({ _tag: "Unsupported" })),
          join: Effect.fnUntraced(function*(networkName: NetworkName) {
            const room = roomOf(networkName)
            const news = yield* Queue.sliding<MembershipNews>(1024)
            const toPeer = yield* network.wire<string>((text) =>
              Effect.sync(() => {
                const signal = decodeHubSignal(text)
                if (Result.isSuccess(signal)) Queue.offerUnsafe(news, { _tag: "Signal", signal: signal.success })
              })
            )
            const discovered = (
              peerId: PeerId
            ): Omit<Extract<HubSignal, { type: "peer-discovered" }>, "timestamp"> => ({
              type: "peer-discovered",
              data: { peerId, homing: 1 },
              networkName,
              fromPeerId: "system"
            })
            const toHub = yield* network.wire<Effect.Effect<void>>((act) => act)
            toHub.send(Effect.sync(() => {
              for (const [other, wire] of room) {
                tell(wire, discovered(peerId))
                tell(toPeer, discovered(other))
              }
              room.set(peerId, toPeer)
            }))
            yield* Effect.addFinalizer(() =>
              Effect.sync(() => {
                room.delete(peerId)
                for (const wire of room.values()) {
                  tell(wire, { type: "goodbye", fromPeerId: peerId, networkName })
                  tell(wire, { type: "peer-disconnected", data: { peerId }, networkName, fromPeerId: "system" })
                }
              })
            )
            return {
              networkName,
              news,
              send: (signal) =>
                Effect.sync(() =>
                  toHub.send(
                    Effect.sync(() =>
                      tell(room.get(signal.targetPeerId), { ...signal, fromPeerId: peerId, networkName })
                    )
                  )
                ),
              foreign: Effect.succeed(0)
            }
          })
        })
    })
  })
)
