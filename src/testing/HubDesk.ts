/** Who answers the peers of a simulated hub: the hub program's own router, on connections in memory. */
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { PeerId } from "../domain/PeerId.ts"
import { type ClientSignal, decodeClientSignal, type Relayed } from "../domain/Signal.ts"
import * as Exchange from "../hub/exchange/Exchange.ts"
import type { Sender } from "../hub/exchange/Router.ts"
import * as Wire from "../hub/exchange/Wire.ts"

/** A peer's connection, as the hub holds it. @category models */
export interface Guest {
  readonly peerId: PeerId
  /** Hands a frame over. */
  send(frame: string): void
}

/** What becomes of signals between a hub's peers. @category models */
export interface Carrier {
  /** Whether a signal arrives. */
  carries(signal: Relayed, from: Guest, to: Guest): boolean
  /** A signal had nowhere to go. */
  lost(signal: Relayed, from: Guest): void
}

/** What stands between a hub's connections and what the hub knows. @category models */
export interface Desk {
  /** The frame that a guest is greeted with. */
  greeting(peerId: PeerId): string
  receive(guest: Guest, text: string): void
  /** A guest's connection is over. */
  lost(guest: Guest): void
  /** What goes on by itself, for as long as the hub runs. */
  readonly serve: Effect.Effect<void>
}

/** What a desk is made with. @category models */
export interface DeskOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Numbers from 0 up to 1. */
  readonly random: () => number
  readonly carrier: Carrier
}

/** Whether a message is for another peer. @category predicates */
export const isRelayed = (signal: ClientSignal): signal is Relayed => "targetPeerId" in signal

/** A desk of ours. Nobody is refused for what they say or how fast. @category constructors */
export const make = ({ carrier, now, random }: DeskOptions): Desk => {
  const { lookout, router } = Exchange.make({ now, random })
  const senders = new Map<Guest, Sender>()
  /** The signal that is being routed, until it is handed over. */
  let underWay: { readonly signal: Relayed; readonly from: Guest } | undefined

  const senderOf = (guest: Guest): Sender => {
    const known = senders.get(guest)
    if (known !== undefined) return known
    const sender: Sender = {
      peerId: guest.peerId,
      send(frame) {
        // What the speaker itself is told is why its signal went nowhere.
        const passing = underWay?.from === guest ? undefined : underWay
        if (passing !== undefined) underWay = undefined
        if (passing === undefined || carrier.carries(passing.signal, passing.from, guest)) guest.send(String(frame))
        return true
      },
      afford: () => true,
      strike: () => undefined
    }
    senders.set(guest, sender)
    return sender
  }

  return {
    greeting: (peerId) => Wire.connected(peerId, now()),
    receive(guest, text) {
      const signal = decodeClientSignal(JSON.parse(text))
      underWay = Result.isSuccess(signal) && isRelayed(signal.success)
        ? { signal: signal.success, from: guest }
        : undefined
      router.receive(senderOf(guest), text)
      if (underWay !== undefined) carrier.lost(underWay.signal, guest)
      underWay = undefined
    },
    lost(guest) {
      const sender = senders.get(guest)
      senders.delete(guest)
      if (sender !== undefined) router.lost(sender)
    },
    serve: lookout.serve
  }
}
