/**
 * Starts actors and keeps the picture of them.
 *
 * An actor is a bounded mailbox, a behaviour and a scope. Effect's fibers, queues and scopes do the work; what
 * is added here is that every long-lived part of the runtime has a name, shows its state, and is restarted within
 * limits when its behaviour fails.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ActorStatus } from "../domain/MeshStatus.ts"

/** Messages an actor's mailbox holds unless told otherwise. @category constants */
export const defaultCapacity = 256

/**
 * How a failed behaviour is restarted unless told otherwise: after 100 ms, doubling, five times in a row; the fifth
 * failure within that is no accident (Erlang/OTP's restart intensity).
 *
 * @category constants
 */
export const defaultRestart = Schedule.exponential(Duration.millis(100)).pipe(Schedule.upTo({ times: 5 }))

/** An actor, seen from inside its behaviour. @category models */
export interface Self<Message> {
  /** The next message; waits for it. */
  readonly receive: Effect.Effect<Message>
  /** Puts a message into the actor's own mailbox; `false` when it is full. */
  tell(message: Message): boolean
  /** Shows a state in the supervision tree. */
  become(state: string): void
}

/** An actor, seen from outside. @category models */
export interface Actor<Message> {
  readonly path: string
  /** Puts a message into the mailbox, waiting for room. */
  tell(message: Message): Effect.Effect<void>
  /** Puts a message into the mailbox from a callback; `false` when it is full or the actor is gone. */
  tellUnsafe(message: Message): boolean
  /** Waits until the actor ends: its behaviour returned, or failed too often. */
  readonly ended: Effect.Effect<void>
}

/** What an actor is made of. @category models */
export interface ActorSpec<Message, E, R> {
  /** Unique in the tree; `/` separates a parent from its children. */
  readonly path: string
  /** Messages the mailbox holds. Default: 256. */
  readonly capacity?: number
  /** Runs in a scope of its own until it returns; a failure restarts it with the mailbox as it is. */
  readonly behaviour: (self: Self<Message>) => Effect.Effect<void, E, R>
  /** Default: five times, 100 ms apart and doubling. */
  readonly restart?: Schedule.Schedule<unknown, Cause.Cause<E>>
}

interface Entry {
  state: string
  restarts: number
  readonly depth: () => number
}

/** @category services */
export class Supervisor extends Context.Service<Supervisor, {
  /** Starts an actor that lives until its behaviour returns or the scope closes. */
  spawn<Message, E, R>(
    spec: ActorSpec<Message, E, R>
  ): Effect.Effect<Actor<Message>, never, Exclude<R, Scope.Scope> | Scope.Scope>
  /** Every actor that lives, by path. */
  readonly tree: Effect.Effect<ReadonlyArray<ActorStatus>>
}>()("homing/Supervisor") {
  static readonly layer: Layer.Layer<Supervisor> = Layer.sync(Supervisor, () => {
    const entries = new Map<string, Entry>()

    const spawn = Effect.fnUntraced(function*<Message, E, R>(spec: ActorSpec<Message, E, R>) {
      const mailbox = yield* Queue.bounded<Message>(spec.capacity ?? defaultCapacity)
      const entry: Entry = { state: "starting", restarts: 0, depth: () => Queue.sizeUnsafe(mailbox) }
      entries.set(spec.path, entry)
      const self: Self<Message> = {
        receive: Queue.take(mailbox),
        tell: (message) => Queue.offerUnsafe(mailbox, message),
        become: (state) => void (entry.state = state)
      }
      const life = Effect.suspend(() => spec.behaviour(self)).pipe(
        Effect.scoped,
        Effect.sandbox,
        Effect.tapError((cause) =>
          Effect.suspend(() => {
            entry.restarts++
            return Effect.logWarning(`actor ${spec.path} failed and is restarted`, cause)
          })
        ),
        Effect.retry(spec.restart ?? defaultRestart),
        Effect.catch((cause) => Effect.logError(`actor ${spec.path} failed too often and is given up`, cause)),
        Effect.ensuring(Effect.suspend(() => {
          // A later actor may have taken the path over.
          if (entries.get(spec.path) === entry) entries.delete(spec.path)
          return Queue.shutdown(mailbox)
        }))
      )
      const fiber = yield* Effect.forkScoped(life)
      return {
        path: spec.path,
        tell: (message) => Effect.asVoid(Queue.offer(mailbox, message)),
        tellUnsafe: (message) => Queue.offerUnsafe(mailbox, message),
        ended: Effect.callback<void>((resume) => {
          fiber.addObserver(() => resume(Effect.void))
        })
      } satisfies Actor<Message>
    })

    return Supervisor.of({
      spawn,
      tree: Effect.sync(() =>
        Array.from(entries, ([path, entry]) => ({
          path,
          state: entry.state,
          mailbox: entry.depth(),
          restarts: entry.restarts
        })).toSorted((a, b) => a.path < b.path ? -1 : 1)
      )
    })
  })
}
