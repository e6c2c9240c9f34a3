/**
 * A hub in memory: the connections of simulated sockets, and behind them a desk that answers. The desk of our own hub is
 * the hub program's router, so that peers meet here by the rules by which they meet anywhere.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { PeerId } from "../domain/PeerId.ts"
import * as HubDesk from "./HubDesk.ts"
import * as PigeonDesk from "./PigeonDesk.ts"
import type { Place, SimulatedNetwork } from "./SimulatedNetwork.ts"
import { Happening } from "./Trace.ts"

/** The close code of a connection that just broke (RFC 6455, 7.4.1). @category constants */
export const broken = 1006

/** The close code of a connection that a hub does not want (RFC 6455, 7.4.1). @category constants */
export const refused = 1008

/** A peer's end of a connection, as the hub reaches it. @category models */
export interface Line {
  readonly place: Place
  /** Says that the connection is open. */
  open(): void
  /** Sends a frame to the peer. */
  frame(text: string): void
  /** Ends the connection. */
  end(code: number): void
}

/** What a peer's end says to the hub. @category models */
export interface Admitted {
  receive(text: string): void
  /** The peer closed its end. */
  closed(): void
}

/** @category models */
export interface SimulatedHub {
  readonly url: string
  readonly place: Place
  /** Takes a peer, or `undefined` where no hub runs. */
  admit(peerId: PeerId, line: Line): Admitted | undefined
  /** Ends as a killed process does: every connection breaks, and what the hub knew is lost. */
  stop(): void
  start(): void
}

/**
 * How a hub is: ours, or PeerPigeon's, which holds one network per connection, counts nothing and lists nothing.
 *
 * @category models
 */
export type Manner = "homing" | "pigeon"

/** A running hub at a URL, until the scope closes. @category constructors */
export const make = Effect.fnUntraced(function*(
  network: SimulatedNetwork["Service"],
  url: string,
  manner: Manner = "homing"
): Effect.fn.Return<SimulatedHub, never, Scope.Scope> {
  const fork = yield* FiberSet.makeRuntime<never, void>()
  const place: Place = { name: url, alive: true }
  const isPigeon = manner === "pigeon"
  const lines = new Map<HubDesk.Guest, Line>()

  const carrier: HubDesk.Carrier = {
    carries({ targetPeerId, type }, sender, target) {
      const way = { type, from: sender.peerId, to: targetPeerId }
      const [from, to] = [lines.get(sender)?.place, lines.get(target)?.place]
      const apart = from !== undefined && to !== undefined && network.isCut(from, to)
      const arrives = !apart && !network.chance(network.forecast.signalLoss)
      network.note(arrives ? Happening.Signal(way) : Happening.SignalLost(way))
      return arrives
    },
    lost: ({ targetPeerId, type }, { peerId }) =>
      network.note(Happening.SignalLost({ type, from: peerId, to: targetPeerId }))
  }

  /** A desk that knows nobody, at work. */
  const open = (): { readonly desk: HubDesk.Desk; readonly work: Fiber.Fiber<void> } => {
    const options = { now: network.now, random: () => network.between([0, 1]), carrier }
    const desk = isPigeon ? PigeonDesk.make(options) : HubDesk.make(options)
    return { desk, work: fork(desk.serve) }
  }

  let office: ReturnType<typeof open> | undefined = open()

  const lose = (guest: HubDesk.Guest) => {
    if (!lines.delete(guest)) return
    network.note(Happening.HubDisconnected({ peer: guest.peerId, hub: url }))
    office?.desk.lost(guest)
  }

  /** Looks after a connection: a real hub often, and this one only when it matters, where nobody answers. */
  const watch = (guest: HubDesk.Guest, line: Line): void => {
    const answers = () => line.place.alive && !network.isCut(place, line.place)
    if (!lines.has(guest)) return
    if (answers()) return network.after(heartbeat, () => watch(guest, line))
    network.after(network.forecast.hubNotices, () => {
      if (!lines.has(guest)) return
      if (answers()) return watch(guest, line)
      lose(guest)
      line.end(broken)
    })
  }

  return {
    url,
    place,
    admit(peerId, line) {
      if (office === undefined) return undefined
      if (isPigeon && Array.from(lines.keys()).some((guest) => guest.peerId === peerId)) {
        line.open()
        line.end(refused)
        return { receive() {}, closed() {} }
      }
      const guest: HubDesk.Guest = { peerId, send: (frame) => line.frame(frame) }
      lines.set(guest, line)
      line.open()
      network.note(Happening.HubConnected({ peer: peerId, hub: url }))
      guest.send(office.desk.greeting(peerId))
      network.after(heartbeat, () => watch(guest, line))
      return {
        receive(text) {
          if (lines.has(guest)) office?.desk.receive(guest, text)
        },
        closed: () => lose(guest)
      }
    },
    stop() {
      if (office === undefined) return
      office.work.interruptUnsafe()
      office = undefined
      network.note(Happening.HubStopped({ hub: url }))
      for (const line of lines.values()) line.end(broken)
      lines.clear()
    },
    start() {
      if (office !== undefined) return
      office = open()
      network.note(Happening.HubStarted({ hub: url }))
    }
  }
})

/** How often a hub looks after a connection, in milliseconds. */
const heartbeat = 5000
