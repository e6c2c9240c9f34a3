/** Two ends of a connection in one page, which restart ICE by servers that they were not opened with. Runs inside the page. */
import { Deferred, Effect } from "effect"
import { PeerId } from "../../src/domain/PeerId.ts"
import { type Connection, type IceServer, WebRtc } from "../../src/services/WebRtc.ts"
import * as WebRtcBrowser from "../../src/services/WebRtcBrowser.ts"

/** Resolves once the channel has opened and ICE was restarted. */
export const restart = (iceServers: ReadonlyArray<IceServer>): Promise<void> =>
  Effect.gen(function*() {
    const webRtc = yield* WebRtc
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const opened = yield* Deferred.make<void>()
    const others: { offerer?: Connection; answerer?: Connection } = {}
    const end = (role: "offerer" | "answerer") =>
      webRtc.open({
        peerId: PeerId.make((role === "offerer" ? "a" : "b").repeat(40)),
        role,
        iceServers: [],
        handlers: {
          onCandidate: (candidate) => {
            const other = others[role]
            if (other !== undefined) run(other.addCandidate(candidate))
          },
          onState: () => undefined,
          onOpen: () => Deferred.doneUnsafe(opened, Effect.void),
          onPacket: () => undefined,
          onClose: () => undefined
        }
      })
    const [offerer, answerer] = [yield* end("offerer"), yield* end("answerer")]
    others.offerer = answerer
    others.answerer = offerer
    yield* offerer.complete(yield* answerer.accept(yield* offerer.offer()))
    yield* Deferred.await(opened)
    for (const connection of [offerer, answerer]) yield* connection.setIceServers(iceServers)
    yield* offerer.complete(yield* answerer.accept(yield* offerer.offer({ restart: true })))
    // Long enough to ask.
    yield* Effect.sleep("2 seconds")
  }).pipe(Effect.scoped, Effect.provide(WebRtcBrowser.layer), Effect.runPromise)
