/** WebRTC in memory: descriptions, candidates and channels behave as the real ones do, on the simulated network. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LinkClosed, WebRtcError } from "../domain/Errors.ts"
import type { Packet } from "../domain/Frame.ts"
import { type Channel, type ConnectionOptions, WebRtc } from "../services/WebRtc.ts"
import { SimulatedNetwork, type Wire } from "./SimulatedNetwork.ts"

/** What one end hears from the other. */
type Heard =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Packet"; readonly packet: Packet }
  | { readonly _tag: "Close" }

/** One end of a connection. */
interface End {
  readonly name: string
  /** Leads to this end. */
  readonly inward: Wire<Heard>
  /** Leads to the other end, once it is known. */
  outward: Wire<Heard> | undefined
  state: "new" | "open" | "closed"
}

const sdpOf = (end: End) => `v=0\r\no=- ${end.name} 1 IN IP4 127.0.0.1\r\ns=-\r\n`
const nameIn = (sdp: string) => /^o=- (\S+) /m.exec(sdp)?.[1]

/** @category layers */
export const layer: Layer.Layer<WebRtc, never, SimulatedNetwork> = Layer.effect(
  WebRtc,
  Effect.gen(function*() {
    const network = yield* SimulatedNetwork
    const ends = new Map<string, End>()
    let count = 0

    const refuse = (step: string, problem: string) => new WebRtcError({ step, cause: new Error(problem) })

    const open = Effect.fnUntraced(function*(options: ConnectionOptions) {
      const { handlers } = options
      const inward = yield* network.wire<Heard>((heard) => Effect.sync(() => hear(heard)))
      const end: End = { name: `end-${++count}`, inward, outward: undefined, state: "new" }
      ends.set(end.name, end)
      const closed = new LinkClosed({ peerId: options.peerId, reason: "the channel is closed" })

      const close = () => {
        if (end.state === "closed") return
        const wasOpen = end.state === "open"
        end.state = "closed"
        if (wasOpen) handlers.onClose()
      }
      const channel: Channel = {
        writable: Effect.suspend(() => end.state === "open" ? Effect.void : Effect.fail(closed)),
        send: (packet) =>
          Effect.suspend(() => {
            if (end.state !== "open") return Effect.fail(closed)
            end.outward?.send({ _tag: "Packet", packet })
            return Effect.void
          }),
        bufferedAmount: () => 0
      }

      const hear = (heard: Heard): void => {
        if (end.state === "closed") return
        switch (heard._tag) {
          case "Open":
            end.state = "open"
            handlers.onState("connected")
            return handlers.onOpen(channel)
          case "Packet":
            return end.state === "open" ? handlers.onPacket(heard.packet) : undefined
          case "Close":
            return close()
        }
      }

      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          end.outward?.send({ _tag: "Close" })
          end.state = "closed"
          ends.delete(end.name)
        })
      )

      /** The other end that a description names, now that both are known. */
      const meet = (step: string, sdp: string) =>
        Effect.suspend(() => {
          const name = nameIn(sdp)
          const other = name === undefined ? undefined : ends.get(name)
          return other === undefined
            ? Effect.fail(refuse(step, "the description names nobody"))
            : Effect.succeed(other)
        })

      return {
        offer: () =>
          Effect.sync(() => {
            handlers.onCandidate({ candidate: `candidate:${end.name}`, sdpMid: "0", sdpMLineIndex: 0 })
            return sdpOf(end)
          }),
        accept: Effect.fnUntraced(function*(sdp: string) {
          const other = yield* meet("apply the offer", sdp)
          end.outward = other.inward
          handlers.onCandidate({ candidate: `candidate:${end.name}`, sdpMid: "0", sdpMLineIndex: 0 })
          return sdpOf(end)
        }),
        complete: Effect.fnUntraced(function*(sdp: string) {
          const other = yield* meet("apply the answer", sdp)
          end.outward = other.inward
          end.outward?.send({ _tag: "Open" })
          inward.send({ _tag: "Open" })
        }),
        addCandidate: () => Effect.void
      }
    })
    return WebRtc.of({ engine: "simulated", open })
  })
)
