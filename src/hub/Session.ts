/**
 * An admitted peer on its connection: who it is, and what it may still spend.
 */
import type { PeerId } from "../domain/PeerId.ts"
import { closeCode, type Connection } from "./Connection.ts"
import * as Limits from "./Limits.ts"
import type { HubSettings } from "./Options.ts"
import type { Router, Sender } from "./Router.ts"
import * as Traffic from "./Traffic.ts"
import * as Wire from "./Wire.ts"

/** A peer that may speak, and the connection it speaks by. @category models */
export interface Session extends Sender {
  readonly connection: Connection
}

/**
 * The session of a peer with a full budget. `now` gives milliseconds since 1970.
 *
 * @category constructors
 */
export const make = (options: {
  readonly peerId: PeerId
  readonly connection: Connection
  readonly settings: Pick<HubSettings, "messageBurst" | "messagesPerSecond">
  readonly traffic: Traffic.Traffic
  readonly now: () => number
}): Session => {
  const { connection, now, peerId, settings, traffic } = options
  const allowance = Limits.messages(settings)
  let messages = Limits.full(allowance, now())
  let strikes = Limits.full(Limits.strikes, now())

  return {
    peerId,
    connection,
    send: connection.send,
    afford(tokens) {
      const before = Limits.standing(allowance, messages)
      messages = Limits.spend(allowance, messages, now(), tokens)
      const standing = Limits.standing(allowance, messages)
      if (standing === "within") return true
      Traffic.refuse(traffic, "too-fast")
      if (standing === "exhausted") {
        connection.close(closeCode.policy, "Rate limit exceeded")
      } else if (before === "within") {
        // Said once: an answer to every message would help a flood along.
        connection.send(
          Wire.error(`Too many messages: at most ${allowance.perSecond} per second. Slow down`, now())
        )
      }
      return false
    },
    strike() {
      strikes = Limits.spend(Limits.strikes, strikes, now(), 1)
      if (Limits.standing(Limits.strikes, strikes) !== "within") {
        connection.close(closeCode.policy, "Too many malformed messages")
      }
    }
  }
}

/**
 * Starts to act on what the peer says.
 *
 * @category combinators
 */
export const listen = (session: Session, router: Router): void =>
  session.connection.listen({
    onFrame(frame, bytes) {
      if (session.afford(Limits.costOf(bytes))) router.receive(session, frame)
    },
    onPing() {
      session.afford(1)
    }
  })
