/** Being in one network, from entering it to leaving it. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import { short } from "../domain/PeerId.ts"
import { Mesh } from "../runtime/Mesh.ts"
import type { Said, View } from "./View.ts"

/** How long a hub that does not answer is left alone. */
const patience = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("15 seconds")])

/** Shows the mesh and speaks for the user until interrupted. Fails with what kept us out. @category constructors */
export const stay = Effect.fnUntraced(function*(view: View) {
  const mesh = yield* Mesh
  view.enter(yield* mesh.originalNetworkName, mesh.peerId)

  const refresh = Effect.map(mesh.status, view.show)

  const tell = (event: MeshEvent) =>
    Effect.sync(() => {
      switch (event._tag) {
        case "Message":
          view.log.message({
            from: event.from,
            to: event.kind === "direct" ? mesh.peerId : undefined,
            content: event.content,
            bridged: event.bridged
          })
          return
        case "PeerConnected":
          return view.log.note(`${short(event.peerId)} is linked`)
        case "PeerDisconnected":
          return view.log.note(`${short(event.peerId)} is gone: ${event.reason}`)
        case "StatusChanged":
          return event.type === "network" ? view.log.note(event.message) : undefined
        case "Missed":
          return view.log.note(`${event.count} messages came too fast and are not shown`, "problem")
      }
    }).pipe(Effect.andThen(refresh))

  const say = ({ text, to }: Said) => {
    const remark = view.log.message({ to, content: text })
    const sent = to === undefined
      ? Effect.map(
        mesh.broadcast(text),
        ({ neighbours }) => remark(neighbours === 0 ? "nobody is here to hear it" : "")
      )
      : Effect.map(mesh.send(to, text), () => remark("delivered"))
    return sent.pipe(Effect.catch((error) => Effect.sync(() => remark(error.message, "problem"))))
  }

  yield* mesh.events.pipe(Stream.runForEach(tell), Effect.forkScoped({ startImmediately: true }))
  yield* refresh.pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)
  yield* view.said.pipe(
    // A peer that takes its time to confirm does not hold up what is said next.
    Effect.flatMap((said) => Effect.forkScoped(say(said), { startImmediately: true })),
    Effect.forever,
    Effect.forkScoped
  )
  yield* view.fallback.pipe(Effect.flatMap(mesh.setAllowGlobalFallback), Effect.forever, Effect.forkScoped)
  yield* mesh.join.pipe(
    Effect.tapError((error) => Effect.sync(() => view.log.note(error.message, "problem"))),
    Effect.retry({ schedule: patience, while: (error) => error._tag === "HubUnreachable" })
  )
  // An older hub lists nothing; then there is nothing to choose from.
  yield* Effect.ignore(Effect.map(mesh.networks, view.offer)).pipe(Effect.repeat(Schedule.spaced("15 seconds")))
}, Effect.scoped)
