/**
 * Who answers what other peers ask. The one who offered last is asked, and whoever asks hears at once when there is
 * nobody, when too much is asked, and when the answer cannot be found.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { type Content, problemWith } from "../domain/Content.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Answer, Asked } from "../services/SessionContext.ts"

/** Questions that are answered at a time; further ones are declined. @category constants */
export const atOnce = 256

/** What a peer asks. @category models */
export interface Question {
  readonly from: PeerId
  readonly content: Content
  readonly networkName: NetworkName
}

/** Finds an answer. What it fails with is told to the asker: the `message` of an error, and a defect as no more than that. */
export type Handler<E, R> = (question: Question) => Effect.Effect<Content, E, R>

/** @category models */
export interface Answers {
  /** Takes a question. */
  tell(asked: Asked): Effect.Effect<boolean>
  /** Answers questions from now on, until the scope closes. */
  answer<E, R>(handler: Handler<E, R>): Effect.Effect<void, never, Scope.Scope | R>
}

/** Answers a question in the scope of who offered to, and does not wait. */
type Responder = (asked: Asked) => Effect.Effect<unknown>

const declined = (problem: string): Answer => ({ _tag: "Declined", problem })

const reply = (asked: Asked, answer: Answer): Effect.Effect<void> =>
  asked.answer(answer).pipe(
    Effect.catchTag("MessageTooLarge", (error) => asked.answer(declined(`its answer was too large: ${error.message}`))),
    // Nobody is there to be told any more.
    Effect.ignore
  )

const answered = (content: Content): Answer => {
  const problem = problemWith(content)
  return problem === undefined
    ? { _tag: "Answered", content }
    : declined(`its answer was neither JSON nor bytes: ${problem}`)
}

const reasonOf = (error: unknown): string =>
  Predicate.hasProperty(error, "message") && typeof error.message === "string" ? error.message : String(error)

/** Nobody answers yet. @category constructors */
export const make = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const responders: Array<Responder> = []
  let underWay = 0

  const answer = <E, R>(handler: Handler<E, R>): Effect.Effect<void, never, Scope.Scope | R> =>
    Effect.gen(function*() {
      const context = yield* Effect.context<R>()
      const own = yield* Effect.scope
      const respond: Responder = (asked) =>
        Effect.suspend(() => handler({ from: asked.from, content: asked.content, networkName: asked.networkName }))
          .pipe(
            Effect.provideContext(context),
            Effect.map(answered),
            Effect.catch((error) => Effect.succeed(declined(reasonOf(error)))),
            Effect.catchDefect((defect) =>
              Effect.as(Effect.logError("a question could not be answered", defect), declined("it failed to find one"))
            ),
            Effect.flatMap((found) => reply(asked, found)),
            Effect.ensuring(Effect.sync(() => void underWay--)),
            Effect.forkIn(own)
          )
      responders.push(respond)
      yield* Effect.addFinalizer(() => Effect.sync(() => void responders.splice(responders.indexOf(respond), 1)))
    })

  const tell = (asked: Asked): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const respond = responders.at(-1)
      const problem = respond === undefined
        ? "nobody answers questions there"
        : underWay >= atOnce
        ? `${atOnce} questions are waiting there already`
        : undefined
      if (respond === undefined || problem !== undefined) {
        return Effect.as(Effect.forkIn(reply(asked, declined(problem ?? "")), scope), true)
      }
      underWay++
      return Effect.as(respond(asked), true)
    })

  return { tell, answer } satisfies Answers as Answers
})
