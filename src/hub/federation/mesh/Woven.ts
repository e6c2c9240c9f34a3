/** The links of the fabric in use: each is a hub's once presence says whose the peer at its other end is. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { PeerId } from "../../../domain/PeerId.ts"
import type { House } from "../../backplane/Backplane.ts"
import type { Fabric, FabricLink } from "../Fabric.ts"
import type { Linked, Relay } from "../Relay.ts"

/** How often it is looked whose the links are that nobody is known to have. */
const glance = Duration.millis(500)

/** A link that stands, whether it is known or not which hub is at the other end. */
interface Thread {
  readonly link: FabricLink
  linked: Linked | undefined
}

/** Links with other hubs over the fabric until the scope closes. @category combinators */
export const weave = Effect.fnUntraced(
  function*(relay: Relay, fabric: Fabric["Service"], visit: House["visit"]) {
    const threads = new Map<PeerId, Thread>()

    const drop = (peer: PeerId, thread: Thread | undefined, unsent?: ReadonlyArray<string>): void => {
      thread?.linked?.unlink(unsent)
      if (threads.get(peer) === thread) threads.delete(peer)
    }

    const recognise = (): void => {
      for (const [peer, thread] of threads) {
        if (thread.linked !== undefined) continue
        const known = relay.presence.hubs.find(({ about }) => about.mesh === peer)
        if (known === undefined || !relay.hasRoom(known.hub)) continue
        const { pause, resume, send } = thread.link
        thread.linked = relay.linked(known.hub, {
          carrier: "webrtc",
          send,
          pause,
          resume,
          // The fabric looks after its links itself: this one is used no more, until it is another.
          close: () => drop(peer, thread)
        })
      }
    }

    yield* fabric.weave({
      linked(peer, link) {
        drop(peer, threads.get(peer))
        threads.set(peer, { link, linked: undefined })
        recognise()
      },
      lost: (peer, unsent) => drop(peer, threads.get(peer), unsent),
      heard(peer, text) {
        recognise()
        threads.get(peer)?.linked?.receive(text)
      }
    }, visit)
    yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.sync(recognise), glance)))
  }
)
