/** A connection to another hub, dialled or accepted, before anything is known of who is at its other end. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Text both ways, in order. @category models */
export interface Duplex {
  /** The other end's address, as the machine sees it: `127.0.0.1`, or `::1`. */
  readonly address: string
  /** Hands a text over; `false` when the connection is closing, or closed since the other reads too slowly. Never throws. */
  send(text: string): boolean
  /** Whom to call for each text from now on. What comes before the first call waits. */
  listen(onText: (text: string) => void): void
  /** Reads no more: what the other sends waits at its end. */
  pause(): void
  /** Reads on. */
  resume(): void
  /** Ends the connection. */
  close(): void
  /** Completes when the connection is over, with why. */
  readonly ended: Effect.Effect<string>
}

/** No hub answers at an address. @category errors */
export class HubNotThere extends Schema.TaggedError<HubNotThere>()("HubNotThere", {
  url: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `No hub answers at ${this.url}: ${this.problem}`
  }
}

/** @category services */
export class HubDialer extends Context.Service<HubDialer, {
  /** Connects to the hub at a URL; the connection is closed with the scope. */
  dial(url: string): Effect.Effect<Duplex, HubNotThere, Scope.Scope>
}>()("homing/hub/HubDialer") {}
