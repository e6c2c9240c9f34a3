/** What happened in a simulated world, in order. */
import * as Data from "effect/Data"

/** Something that happened between places: peers by their ids, hubs by their URLs. @category models */
export type Happening = Data.TaggedEnum<{
  /** A peer's connection to a hub opened. */
  HubConnected: { readonly peer: string; readonly hub: string }
  /** A hub noticed that a peer's connection is over. */
  HubDisconnected: { readonly peer: string; readonly hub: string }
  /** A hub passed a signal on to another peer. */
  Signal: { readonly type: string; readonly from: string; readonly to: string }
  /** A hub lost a signal, or could not reach whom it was for. */
  SignalLost: { readonly type: string; readonly from: string; readonly to: string }
  /** A channel between two peers opened; `from` had offered. */
  LinkOpened: { readonly from: string; readonly to: string }
  /** A connection was set up in vain. */
  LinkFailed: { readonly from: string; readonly to: string }
  /** A peer closed an open channel. */
  LinkClosed: { readonly from: string; readonly to: string }
  /** A packet arrived; only with `tracePackets`. */
  Packet: { readonly from: string; readonly to: string; readonly size: number }
  HubStopped: { readonly hub: string }
  HubStarted: { readonly hub: string }
  Partitioned: { readonly groups: readonly [ReadonlyArray<string>, ReadonlyArray<string>] }
  Healed: {}
  Vanished: { readonly peer: string }
}>

/** @category constructors */
export const Happening = Data.taggedEnum<Happening>()

/** A happening and its virtual time, in milliseconds. @category models */
export type Traced = Happening & { readonly at: number }

/** Keeps the last happenings. @category models */
export class Trace {
  readonly #limit: number
  readonly #now: () => number
  #kept: Array<Traced> = []

  constructor(limit: number, now: () => number) {
    this.#limit = limit
    this.#now = now
  }

  note(happening: Happening): void {
    if (this.#limit === 0) return
    this.#kept.push({ ...happening, at: this.#now() })
    // In bulk, so that a full trace costs no more than one that is not.
    if (this.#kept.length >= 2 * this.#limit) this.#kept = this.#kept.slice(-this.#limit)
  }

  /** The last ones, oldest first. */
  get last(): ReadonlyArray<Traced> {
    return this.#limit === 0 ? [] : this.#kept.slice(-this.#limit)
  }
}
