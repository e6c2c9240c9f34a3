/** A socket between two hubs from the handshake to its end, whichever of them dialled. */
import * as Effect from "effect/Effect"
import { type PeerId, short } from "../../../domain/PeerId.ts"
import type { Duplex } from "../Duplex.ts"
import * as Handshake from "../Handshake.ts"
import type * as HubSecret from "../HubSecret.ts"
import type { Relay } from "../Relay.ts"

/**
 * Uses a connection until it ends. `admitted` is called once the hubs have admitted each other.
 *
 * @category combinators
 */
export const converse = Effect.fnUntraced(
  function*(
    relay: Relay,
    duplex: Duplex,
    role: HubSecret.Role,
    credentials: Handshake.Credentials,
    admitted: (hub: PeerId) => void
  ) {
    const other = yield* Handshake.shake(duplex, role, credentials)
    if (!relay.hasRoom(other.hub)) {
      return yield* new Handshake.HubNotAdmitted({
        problem: `it is linked with ${relay.neighbours.size} hubs, which is as many as it may be`,
        hub: other.hub,
        isSelf: false
      })
    }
    admitted(other.hub)
    yield* Effect.logInfo(`Linked with the hub ${short(other.hub)} over WebSocket`)
    const { close, pause, resume, send } = duplex
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => relay.linked(other.hub, { carrier: "websocket", send, pause, resume, close })),
      ({ unlink }) => Effect.sync(unlink)
    )
    other.listen(link.receive)
    const why = yield* duplex.ended
    yield* Effect.logInfo(`The WebSocket to the hub ${short(other.hub)} is over: ${why}`)
  },
  Effect.scoped
)
