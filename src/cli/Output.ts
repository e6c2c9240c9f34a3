/**
 * Standard output, line by line, at the pace of whoever reads it.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Writable } from "node:stream"
import { waitAtMost } from "../services/Patience.ts"

/** How long the end waits for the reader to take what was written. */
const flushPatience = Duration.seconds(2)

/** @category services */
export class Output extends Context.Service<Output, {
  /**
   * Writes a line; waits for room first while the reader is slow. Lines of one fiber keep their order. Once nobody reads
   * any more, lines go nowhere.
   */
  line(text: string): Effect.Effect<void>
  /** Waits until nobody reads any more (a broken pipe). */
  readonly broken: Effect.Effect<void>
}>()("homing/cli/Output") {
  /** Writes to a stream, which is flushed, not ended, when the layer's scope closes. */
  static readonly layerOf = (stream: () => Writable): Layer.Layer<Output> =>
    Layer.effect(Output, Effect.suspend(() => make(stream())))

  /** The process's standard output. */
  static readonly layer: Layer.Layer<Output> = Output.layerOf(() => process.stdout)
}

const make = Effect.fnUntraced(function*(stream: Writable) {
  const broken = yield* Deferred.make<void>()
  let waiting: Array<Deferred.Deferred<void>> = []

  const wake = () => {
    const sleepers = waiting
    waiting = []
    for (const sleeper of sleepers) Deferred.doneUnsafe(sleeper, Effect.void)
  }
  // Both listeners stay: an error that comes later must not end the process with a stack trace.
  stream.on("drain", wake)
  stream.on("error", () => {
    Deferred.doneUnsafe(broken, Effect.void)
    wake()
  })

  // Lines that are written together leave together: a system call for each would cost more than making them.
  let gathering = false
  const gather = () => {
    if (gathering) return
    gathering = true
    stream.cork()
    process.nextTick(() => {
      gathering = false
      stream.uncork()
    })
  }

  const line = (text: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (Deferred.isDoneUnsafe(broken)) return Effect.void
      if (!stream.writableNeedDrain) {
        gather()
        stream.write(`${text}\n`)
        return Effect.void
      }
      const room = Deferred.makeUnsafe<void>()
      waiting.push(room)
      return Effect.andThen(Deferred.await(room), line(text))
    })

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => void stream.write("", () => resume(Effect.void))).pipe(
      Effect.raceFirst(Deferred.await(broken)),
      waitAtMost(flushPatience)
    )
  )
  return Output.of({ line, broken: Deferred.await(broken) })
})
