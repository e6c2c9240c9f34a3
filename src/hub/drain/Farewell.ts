/**
 * What a hub does for its peers before it stops: it sends each to another hub, at a moment that suits it, and lets end what
 * they are in the middle of.
 */
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { PeerId } from "../../domain/PeerId.ts"
import { HubAddress, maxAlternatives } from "../../domain/Signal.ts"
import type { Envelope } from "../backplane/HubMessage.ts"
import { closeCode } from "../connection/Connection.ts"
import type { Session } from "../connection/Session.ts"
import * as Traffic from "../exchange/Traffic.ts"
import * as Wire from "../exchange/Wire.ts"
import type { HubSettings } from "../Options.ts"
import type { Others } from "../Others.ts"
import * as Drain from "./Drain.ts"
import * as Negotiations from "./Negotiations.ts"

/** @category models */
export interface Farewell {
  /** Whether the hub lets nobody in any more. */
  readonly draining: boolean
  /** Sends everybody away, and is done when all were told. */
  readonly run: Effect.Effect<void>
  /** Whether what a peer says may be acted on. Who would begin a negotiation at the end is told so and sent away. */
  hears(session: Session, bytes: Uint8Array): boolean
  /** Whether what comes from another hub may be handed over: nothing that would begin a negotiation at the end. */
  takes(envelope: Envelope): boolean
}

const isHubAddress = Schema.is(HubAddress)

/** What begins a negotiation, as a peer sends it, and as hubs hand it on. */
const decodeOffer = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Struct({ type: Schema.tag("offer"), targetPeerId: PeerId }))
)
const isOffer = (frame: string): boolean => frame.startsWith("{\"type\":\"offer\"")

/**
 * A hub that does not stop yet. `guests` are those who are there at the moment, `others` the other hubs, and `now` gives
 * milliseconds since 1970.
 *
 * @category constructors
 */
export const make = ({ guests, now, others, settings, traffic }: {
  readonly settings: Pick<HubSettings, "drainPatience" | "moveTo">
  readonly guests: ReadonlySet<Session>
  readonly others: () => Others
  readonly traffic: Traffic.Traffic
  readonly now: () => number
}): Farewell => {
  const negotiations = Negotiations.make(now)

  /** Where peers are sent: to hubs that are reached now, then to those that the options name. */
  const elsewhere = (): ReadonlyArray<string> => {
    const reached = others().hubs.filter(({ connection }) => connection !== "refused").map(({ url }) => url)
    return Array.from(new Set([...reached, ...settings.moveTo])).filter(isHubAddress).slice(0, maxAlternatives)
  }

  const dismiss = ({ connection }: Session): void => {
    connection.send(Wire.hubClosing("Hub shutting down", now(), elsewhere()))
    connection.close(closeCode.goingAway, "Hub shutting down")
  }

  const drain = Drain.make({
    guests,
    patience: settings.drainPatience,
    dismiss,
    negotiates: ({ peerId }) => negotiations.has(peerId),
    close: negotiations.close
  })

  return {
    get draining() {
      return drain.draining
    },
    run: drain.run,
    hears(session, bytes) {
      if (!drain.draining) return true
      const offer = decodeOffer(bytes.toString())
      if (Result.isFailure(offer) || negotiations.offered(session.peerId, offer.success.targetPeerId)) return true
      Traffic.refuse(traffic, "draining")
      session.send(Wire.error("The offer went nowhere: this hub is about to stop. Make it at another", now()))
      if (!negotiations.has(session.peerId)) dismiss(session)
      return false
    },
    takes: ({ frame, from, target }) => !drain.draining || !isOffer(frame) || negotiations.offered(from, target)
  }
}
