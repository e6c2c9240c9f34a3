/** A stream while it is open: as its application has it, and as the supervision tree shows it. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { SessionContext } from "../SessionContext.ts"
import { Supervisor } from "../Supervisor.ts"
import type { Duplex } from "./Duplex.ts"
import type { Entry } from "./Entry.ts"
import { Event } from "./StreamMachine.ts"
import { StreamSettings } from "./StreamSettings.ts"

/** Gives a stream that was decided on to its application; it ends with the scope. @category models */
export type Opened = (entry: Entry) => Effect.Effect<Duplex, never, Scope.Scope>

/** @category constructors */
export const make = Effect.gen(function*() {
  const { networkName } = yield* SessionContext
  const settings = yield* StreamSettings
  const supervisor = yield* Supervisor

  /** Resets a stream that carries nothing for too long. */
  const watch = (entry: Entry) =>
    Effect.gen(function*() {
      const idle = Duration.toMillis(settings.idle)
      while (entry.state()._tag !== "Closed") {
        const left = entry.movedAt() + idle - (yield* Clock.currentTimeMillis)
        if (left <= 0) {
          return entry.feed(Event.Abort({ reason: `it was idle for ${Duration.format(settings.idle)}` }))
        }
        yield* Effect.sleep(Duration.millis(Math.ceil(left)))
      }
    })

  const opened: Opened = Effect.fnUntraced(function*(entry: Entry) {
    yield* Effect.addFinalizer((exit) =>
      Effect.sync(() => {
        const state = entry.state()
        // What was asked for is cut off; what was not is ended as it should be.
        if (Exit.isFailure(exit)) return entry.feed(Event.Abort({ reason: "it was given up" }))
        entry.feed(Event.Finish())
        if (state._tag === "Open" && state.receiving) {
          entry.feed(Event.Abort({ reason: "nobody reads it any more" }))
        }
      })
    )
    yield* supervisor.spawn<never, never, never>({
      path: `mesh/${networkName}/streams/${entry.facts.peerId}/${entry.stream}`,
      behaviour: (actor) => {
        actor.become(`open, for "${entry.facts.name}"`)
        return Effect.raceFirst(watch(entry), entry.over)
      }
    })
    const pull = entry.read
    return {
      ...entry.facts,
      write: entry.write,
      end: entry.end,
      abort: (reason) => Effect.sync(() => entry.feed(Event.Abort({ reason }))),
      read: pull,
      sink: Sink.forEachArray((chunks: ReadonlyArray<Uint8Array>) =>
        Effect.forEach(chunks, entry.write, { discard: true })
      ).pipe(Sink.mapEffect(() => entry.end)),
      stream: Stream.fromPull(Effect.succeed(pull))
    } satisfies Duplex as Duplex
  })

  return opened
})
