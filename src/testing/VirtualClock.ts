/**
 * Time that passes only when somebody lets it, and then jumps from one thing that is due to the next.
 *
 * It is a `TestClock`, so `TestClock.adjust` moves it, and it comes with a scheduler of its own: at each moment all
 * fibers run until every one of them waits, and only then does time go on. That makes a run repeat itself exactly, and
 * costs little enough to let hours pass.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import type * as TestClock from "effect/testing/TestClock"
import { Agenda } from "./Agenda.ts"

/**
 * The most milliseconds that pass before promises get a turn. A promise that waits for nothing but other promises has
 * settled by then; one that waits for the world outside may take any virtual time, unless time stands still for it.
 *
 * @category constants
 */
export const breath = 5

/** Tasks in a row after which the machine's own event loop gets a turn. */
const tasksInARow = 10_000

/** @category models */
export interface VirtualClock extends TestClock.TestClock {
  /** Calls a function after a delay, in milliseconds, without a fiber. */
  after(delay: number, act: () => void): void
  /** Runs an effect while time goes on, until it is done. Dies when that takes longer than `atMost`. */
  flow<A, E, R>(effect: Effect.Effect<A, E, R>, atMost: Duration.Input): Effect.Effect<A, E, R>
  /** Runs an effect while time stands still. */
  still<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
}

/** The virtual clock in force, if the clock is one. @category services */
export const Virtual = Context.Reference<VirtualClock | undefined>("homing/testing/VirtualClock", {
  defaultValue: () => undefined
})

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "withLive" in clock && "adjust" in clock

/** A clock at 0, and the services that put it in force. @category constructors */
export const make = Effect.gen(function*() {
  const outer = yield* Clock.Clock
  const outerScheduler = yield* Scheduler.Scheduler
  const outside = outerScheduler.makeDispatcher()
  const agenda = new Agenda()
  let now = 0
  let flowing = 0
  let held = 0

  // ------------------------------------------------------------------------------------------------
  // the pump: runs what is ready, then what is due next
  // ------------------------------------------------------------------------------------------------

  let ready: Array<() => void> = []
  let pumping = false
  let kicked = false

  const kick = () => {
    if (kicked || pumping) return
    kicked = true
    outside.scheduleTask(pump, 0)
  }

  /** Runs fibers until all of them wait; `false` when there are too many tasks to go on without a pause. */
  const settle = (): boolean => {
    let count = 0
    while (ready.length > 0) {
      if (count > tasksInARow) return false
      const tasks = ready
      ready = []
      count += tasks.length
      for (const task of tasks) task()
    }
    return true
  }

  const pump = () => {
    kicked = false
    pumping = true
    let pause = false
    // The time of the first thing that ran since promises had their turn.
    let ranAt: number | undefined
    while (true) {
      if (ready.length > 0) ranAt ??= now
      if (!settle()) {
        pause = true
        break
      }
      if (flowing === 0 || held > 0) break
      const item = agenda.next
      if (item === undefined) break
      const { act } = item
      if (act !== undefined) {
        const at = agenda.nextAt
        if (ranAt !== undefined && at > ranAt + breath) {
          pause = true
          break
        }
        if (at > now) now = at
        ranAt ??= now
      }
      agenda.drop()
      item.act = undefined
      act?.()
    }
    pumping = false
    if (pause) kick()
  }

  const scheduler: Scheduler.Scheduler = {
    executionMode: outerScheduler.executionMode,
    shouldYield: (fiber) => outerScheduler.shouldYield(fiber),
    makeDispatcher: () => ({
      scheduleTask(task) {
        ready.push(task)
        kick()
      },
      flush() {
        if (!pumping) settle()
      }
    })
  }

  // ------------------------------------------------------------------------------------------------
  // the clock
  // ------------------------------------------------------------------------------------------------

  const due = (delay: number, act: () => void, late = false) => {
    const item = agenda.add(now + delay, act, late)
    if (flowing > 0) kick()
    return item
  }

  const wait = (millis: number, late: boolean) =>
    Effect.callback<void>((resume) => {
      const item = due(millis, () => resume(Effect.void), late)
      return Effect.sync(() => void (item.act = undefined))
    })

  const start = Effect.sync(() => {
    flowing++
    kick()
  })
  const stop = Effect.sync(() => void flowing--)

  const adjust = (duration: Duration.Input) =>
    Effect.acquireUseRelease(
      start,
      () => wait(Math.max(0, Duration.toMillis(Duration.fromInputUnsafe(duration))), true),
      () => stop
    )

  const withLive: TestClock.TestClock["withLive"] = isTestClock(outer)
    ? outer.withLive
    : (effect) => Effect.provideService(effect, Clock.Clock, outer)

  const nanos = () => BigInt(Math.round(now * 1_000_000))

  const clock: VirtualClock = {
    currentTimeMillisUnsafe: () => now,
    currentTimeNanosUnsafe: nanos,
    monotonicTimeNanosUnsafe: nanos,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanos: Effect.sync(nanos),
    sleep(duration) {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return Effect.void
      return Number.isFinite(millis) ? wait(millis, false) : Effect.never
    },
    adjust,
    setTime: (timestamp) => Effect.suspend(() => adjust(Math.max(0, timestamp - now))),
    withLive,
    after: (delay, act) => void due(delay, act),
    flow: (effect, atMost) =>
      Effect.acquireUseRelease(
        start,
        // In fibers of its own, which run on this scheduler from their first step.
        () =>
          Effect.timeoutOrElse(effect, {
            duration: atMost,
            orElse: () => Effect.die(new Error(`not done after ${Duration.format(Duration.fromInputUnsafe(atMost))}`))
          }),
        () => stop
      ),
    still: (effect) =>
      Effect.acquireUseRelease(
        Effect.sync(() => void held++),
        () => effect,
        () =>
          Effect.sync(() => {
            held--
            kick()
          })
      )
  }

  const context = Context.make(Clock.Clock, clock).pipe(
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(Virtual, clock)
  )
  return { clock, context }
})
