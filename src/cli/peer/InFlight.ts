/**
 * Tasks that run side by side: started in order, a bounded number at a time.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Semaphore from "effect/Semaphore"

/** @category models */
export interface InFlight {
  /**
   * Starts a task, waiting for its turn. When this returns the task has run up to the first thing it waits for, so
   * that whatever it puts in a queue lies before that of the next task.
   */
  start(task: Effect.Effect<void>): Effect.Effect<void>
  /** Waits until no task runs. */
  readonly idle: Effect.Effect<void>
}

/** Runs up to `limit` tasks at a time until the scope closes. @category constructors */
export const make = Effect.fnUntraced(function*(limit: number) {
  const tasks = yield* FiberSet.make<void, never>()
  const room = yield* Semaphore.make(limit)
  return {
    start: (task) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.andThen(
          restore(room.take(1)),
          FiberSet.run(tasks, Effect.ensuring(Effect.interruptible(task), room.release(1)), { startImmediately: true })
        )
      ),
    idle: FiberSet.awaitEmpty(tasks)
  } satisfies InFlight as InFlight
})
