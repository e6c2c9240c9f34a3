/** Questions, answers and channels of the promise API. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Content } from "../../domain/Content.ts"
import type { SentToAll } from "../../domain/Sent.ts"
import type { Question } from "../Answers.ts"
import type { ChannelOptions, Post } from "../Channel.ts"
import type { Mesh } from "../Mesh.ts"
import type { Missed } from "../Subscribers.ts"

/** A named channel for values of one type. @category models */
export interface ClientChannel<A> {
  readonly name: string
  /** Sends a value to everyone who listens; rejects with `InvalidInput` where the schema does not encode it. */
  publish(value: A): Promise<SentToAll>
  /** Calls a listener for every value that others publish, from now on; returns how to stop that. */
  on(listener: (post: Post<A> | Missed) => void): () => void
  /** How often something came on this channel that its schema does not decode. */
  rejected(): Promise<number>
}

/** What of the promise API is here. @category models */
export interface Talk {
  /**
   * Calls a function for every question of other peers, from now on; what it returns is the answer, and what it throws is
   * the reason for none. Returns how to stop that. Of several functions the last one is asked.
   */
  answer(handler: (question: Question) => Content | Promise<Content>): () => void
  /** A channel of the network; rejects with `InvalidInput` for a name that is not 1 to 128 characters long. */
  channel<A, I>(name: string, schema: Schema.Codec<A, I>, options?: ChannelOptions): Promise<ClientChannel<A>>
}

/** How effects of a mesh are run. */
interface Runner {
  runPromise<A, E>(effect: Effect.Effect<A, E>): Promise<A>
  runFork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, unknown>
}

/** Over a mesh. @category constructors */
export const make = (mesh: Mesh["Service"], runner: Runner): Talk => {
  const untilStopped = (effect: Effect.Effect<unknown>) => {
    const fiber = runner.runFork(effect)
    return () => void runner.runFork(Fiber.interrupt(fiber))
  }

  return {
    answer: (handler) =>
      untilStopped(Effect.scoped(Effect.andThen(
        mesh.answer((question) => Effect.tryPromise({ try: async () => handler(question), catch: (cause) => cause })),
        Effect.never
      ))),
    channel: async (name, schema, options) => {
      const channel = await runner.runPromise(mesh.channel(name, schema, options))
      return {
        name,
        publish: (value) => runner.runPromise(channel.publish(value)),
        on: (listener) =>
          untilStopped(
            Stream.runForEach(channel.posts, (post) =>
              Effect.try({
                try: () => listener(post),
                catch: (cause) => cause
              }).pipe(
                // A listener's own failure is the application's, and no reason not to tell it of the next one.
                Effect.catch((cause) => Effect.logError(`a listener of channel ${name} failed`, cause))
              ))
          ),
        rejected: () => runner.runPromise(channel.rejected)
      }
    }
  }
}
