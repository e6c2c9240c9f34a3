/** Questions that this peer asked and that are not answered yet. Bounded by those who wait for an answer. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Content } from "../../domain/Content.ts"
import { NoAnswer } from "../../domain/Errors.ts"
import type { Gossip as Message } from "../../domain/Frame.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { equals, type PeerId } from "../../domain/PeerId.ts"

/** @category models */
export interface Questions {
  /** Sends a question and waits for its answer; fails where sending it fails, and where the other declines. */
  ask<E>(id: string, to: PeerId, send: Effect.Effect<unknown, E>): Effect.Effect<Content, E | NoAnswer>
  /** An answer came. One that nobody waits for, or that another gives than was asked, is nothing. */
  answer(message: Message): void
}

/** Nothing asked yet. @category constructors */
export const make = (networkName: NetworkName): Questions => {
  const open = new Map<string, { readonly to: PeerId; readonly answered: Deferred.Deferred<Content, NoAnswer> }>()
  return {
    ask: (id, to, send) =>
      Effect.suspend(() => {
        const answered = Deferred.makeUnsafe<Content, NoAnswer>()
        open.set(id, { to, answered })
        // The answer may overtake the confirmation.
        return Effect.raceFirst(Deferred.await(answered), Effect.andThen(send, Effect.never)).pipe(
          Effect.ensuring(Effect.sync(() => open.delete(id)))
        )
      }),
    answer: ({ answers, content, from, subtype }) => {
      const question = answers === undefined ? undefined : open.get(answers)
      if (question === undefined || !equals(question.to, from)) return
      Deferred.doneUnsafe(
        question.answered,
        subtype === "answer"
          ? Effect.succeed(content)
          : Effect.fail(new NoAnswer({ peerId: from, networkName, problem: String(content).slice(0, maxProblem) }))
      )
    }
  }
}

/** Characters of another's excuse that an error repeats. */
const maxProblem = 1024
