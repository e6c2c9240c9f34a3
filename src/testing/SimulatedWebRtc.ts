/** WebRTC in memory: descriptions, candidates and channels behave as the real ones do, on the simulated network. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LinkClosed, WebRtcError } from "../domain/Errors.ts"
import type { Packet } from "../domain/Frame.ts"
import { type Channel, type ConnectionOptions, WebRtc } from "../services/WebRtc.ts"
import { nowhere, type Place, SimulatedNetwork, type Wire } from "./SimulatedNetwork.ts"
import { Happening } from "./Trace.ts"

/** Packets that wait where the way is cut before the channel is not writable any more. @category constants */
export const highWaterMark = 1024

/** What one end hears from the other. */
type Heard =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Packet"; readonly packet: Packet }
  | { readonly _tag: "Close" }

/** One end of a connection. */
interface End {
  readonly name: string
  readonly place: Place
  readonly options: ConnectionOptions
  hear(heard: Heard): void
  fail(): void
  /** The other end, and the way to it, once it is known. */
  other: { readonly end: End; readonly wire: Wire<Heard> } | undefined
  state: "new" | "open" | "closed"
}

const sdpOf = (end: End) => `v=0\r\no=- ${end.name} 1 IN IP4 127.0.0.1\r\ns=-\r\n`
const nameIn = (sdp: string) => /^o=- (\S+) /m.exec(sdp)?.[1]

const refuse = (step: string, problem: string) => new WebRtcError({ step, cause: new Error(problem) })

const sizeOf = (packet: Packet) => typeof packet === "string" ? packet.length : packet.byteLength

/** All connections of a network. @category models */
export interface Engine {
  /** WebRTC as a place has it. */
  at(place: Place): WebRtc["Service"]
}

/** An engine without connections. With `tracePackets`, every packet is noted. @category constructors */
export const make = (network: SimulatedNetwork["Service"], options: { readonly tracePackets: boolean }): Engine => {
  const ends = new Map<string, End>()
  let count = 0

  const route = (end: End) => ({
    from: end.place.name ?? end.other?.end.options.peerId ?? "",
    to: end.options.peerId
  })

  const connect = (end: End, other: End) => {
    if (end.other?.end === other) return
    end.other = { end: other, wire: network.wire<Heard>(end.place, other.place, other.hear) }
  }

  /** Both descriptions are known: opens the channel, or fails, after a while. */
  const setUp = (offerer: End) => {
    const { chance, forecast } = network
    const other = offerer.other
    if (other === undefined || offerer.state !== "new") return
    const fails = chance(forecast.failingSetups)
    const slow = fails || chance(forecast.slowSetups)
    network.after(network.between(slow ? forecast.slowSetup : forecast.setup), () => {
      if (offerer.state !== "new" || other.end.state !== "new") return
      if (fails) {
        network.note(Happening.LinkFailed(route(offerer)))
        other.end.fail()
        return offerer.fail()
      }
      // Across a cut nothing opens: the packets that would do it are gone.
      if (!offerer.place.alive || !other.end.place.alive || network.isCut(offerer.place, other.end.place)) return
      network.note(Happening.LinkOpened(route(offerer)))
      other.wire.send({ _tag: "Open" })
      offerer.hear({ _tag: "Open" })
    })
  }

  const open = (place: Place) =>
    Effect.fnUntraced(function*(connection: ConnectionOptions) {
      const { handlers, peerId } = connection
      // Made when needed: an error costs more than all the rest of a connection.
      const closed = Effect.suspend(() => Effect.fail(new LinkClosed({ peerId, reason: "the channel is closed" })))
      const full = () => (end.other?.wire.waiting() ?? 0) >= highWaterMark
      let blocked: Array<Deferred.Deferred<void, LinkClosed>> = []

      const unblock = () => {
        const waiting = blocked
        blocked = []
        for (const deferred of waiting) Deferred.doneUnsafe(deferred, channel.writable)
      }

      const writable: Channel["writable"] = Effect.suspend(() => {
        if (end.state !== "open") return closed
        if (!full()) return Effect.void
        const room = Deferred.makeUnsafe<void, LinkClosed>()
        blocked.push(room)
        network.after(writableAgain, unblock)
        return Deferred.await(room)
      })

      const sendUnsafe = (packet: Packet): boolean => {
        if (end.state !== "open") return false
        end.other?.wire.send({ _tag: "Packet", packet })
        return true
      }

      const channel: Channel = {
        writable,
        send: (packet) => Effect.suspend(() => sendUnsafe(packet) ? Effect.void : closed),
        sendUnsafe,
        bufferedAmount: () => end.other?.wire.waiting() ?? 0
      }

      const hear = (heard: Heard): void => {
        if (end.state === "closed") return
        switch (heard._tag) {
          case "Open":
            if (end.state === "open") return
            end.state = "open"
            handlers.onState("connected")
            return handlers.onOpen(channel)
          case "Packet":
            if (end.state !== "open") return
            if (options.tracePackets) {
              const { from, to } = route(end)
              network.note(Happening.Packet({ from: to, to: from, size: sizeOf(heard.packet) }))
            }
            return handlers.onPacket(heard.packet)
          case "Close":
            if (end.state === "open") handlers.onClose()
            end.state = "closed"
            return unblock()
        }
      }

      const end: End = {
        name: `end-${++count}`,
        place,
        options: connection,
        hear,
        fail: () => handlers.onState("failed"),
        other: undefined,
        state: "new"
      }
      ends.set(end.name, end)

      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (end.state === "open" && place.alive) network.note(Happening.LinkClosed(route(end)))
          end.other?.wire.send({ _tag: "Close" })
          end.state = "closed"
          ends.delete(end.name)
          unblock()
        })
      )

      /** The other end that a description names. */
      const meet = (step: string, sdp: string) =>
        Effect.suspend(() => {
          const name = nameIn(sdp)
          const other = name === undefined ? undefined : ends.get(name)
          if (other === undefined) return Effect.fail(refuse(step, "the description names nobody"))
          connect(end, other)
          return Effect.void
        })

      const describe = Effect.suspend(() => {
        if (!ends.has(end.name)) return Effect.fail(refuse("describe a connection", "it is closed"))
        handlers.onCandidate({ candidate: `candidate:${end.name}`, sdpMid: "0", sdpMLineIndex: 0 })
        return Effect.succeed(sdpOf(end))
      })

      return {
        setIceServers: () => Effect.void,
        offer: () => describe,
        accept: (sdp: string) => Effect.andThen(meet("apply the offer", sdp), describe),
        complete: (sdp: string) => Effect.andThen(meet("apply the answer", sdp), Effect.sync(() => setUp(end))),
        addCandidate: () => Effect.void
      }
    })

  return { at: (place) => WebRtc.of({ engine: "simulated", open: open(place) }) }
}

/** How often a channel that is not writable looks whether it is again, in milliseconds. */
const writableAgain = 100

/** WebRTC for whoever is not to be cut off. @category layers */
export const layer: Layer.Layer<WebRtc, never, SimulatedNetwork> = Layer.effect(
  WebRtc,
  Effect.map(SimulatedNetwork, (network) => make(network, { tracePackets: false }).at(nowhere()))
)
