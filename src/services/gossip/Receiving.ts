/**
 * What is done with a message that a neighbour brings: what is for everyone goes to `Broadcasts`, what is for another peer goes
 * on its way, and what is for us is told, and confirmed once the application has it.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Bridged from "../../domain/Bridged.ts"
import type { Content } from "../../domain/Content.ts"
import type { MessageTooLarge, PeerUnreachable } from "../../domain/Errors.ts"
import type { Gossip as Message } from "../../domain/Frame.ts"
import { ofMessage } from "../../domain/NetworkName.ts"
import { equals, PeerId } from "../../domain/PeerId.ts"
import { Membership } from "../Membership.ts"
import { type Asked, foreign, SessionContext } from "../SessionContext.ts"
import type { Broadcasts } from "./Broadcasts.ts"
import { type Compose, newId } from "./Composing.ts"
import type { Directs } from "./Directs.ts"
import { nameOf } from "./nameOf.ts"
import type { Questions } from "./Questions.ts"
import type { Routes } from "./Routes.ts"
import type { SeenSet } from "./SeenSet.ts"
import type { Telling } from "./Telling.ts"
import type { Wander } from "./Wandering.ts"

/** Messages that one confirmation covers at most. */
const idsPerConfirmation = 256

const Confirmation = Schema.Struct({
  ids: Schema.Array(Schema.String).check(Schema.isMaxLength(idsPerConfirmation)),
  /** The PeerPigeon peer to which they were brought, as its neighbour says: it confirms nothing itself. */
  for: Schema.optionalKey(PeerId)
})
const decodeConfirmation = Schema.decodeUnknownResult(Confirmation)

/** What is answered when all that came together has been looked at. @category models */
export interface Answers {
  /** Messages that the application has, by who said them. */
  readonly confirmations: Map<PeerId, Array<string>>
  /** Messages that we look after, or have, by who gave them to us. */
  readonly taken: Map<PeerId, Array<string>>
}

/** @category models */
export interface Receiving {
  /** Takes a message; what is to be answered is put to the answers. */
  receive(from: PeerId, message: Message, now: number, answers: Answers): Effect.Effect<void>
  /** Takes bytes that a neighbour has for us alone. */
  receiveBytes(from: PeerId, bytes: Uint8Array, now: number): Effect.Effect<void>
  /** Answers what came together. */
  answer(answers: Answers): Effect.Effect<void>
}

/** Subtypes that are for one peer. PeerPigeon floods all others, `to` or not. */
const routed: ReadonlySet<string> = new Set(["dm", "dm-ack", "ask", "answer", "no-answer"])

/** What it hands messages to. @category models */
export interface Options {
  readonly seen: SeenSet
  readonly routes: Routes
  readonly questions: Questions
  readonly telling: Telling
  readonly broadcasts: Broadcasts
  readonly directs: Directs
  readonly compose: Compose
  readonly wander: Wander
  /** Answers a question; succeeds once its asker has that. */
  readonly reply: (
    to: PeerId,
    content: Content,
    facts: { readonly subtype: "answer" | "no-answer"; readonly answers: string }
  ) => Effect.Effect<void, PeerUnreachable | MessageTooLarge>
}

/** @category constructors */
export const make = Effect.fnUntraced(function*(options: Options) {
  const { broadcasts, compose, directs, questions, reply, routes, seen, telling, wander } = options
  const { dropped, emit, networkName, received, self } = yield* SessionContext
  const membership = yield* Membership

  const passOn = Effect.fnUntraced(function*(message: Message, to: PeerId, from: PeerId) {
    if (message.ttl <= 1) return
    const onward: Message = { ...message, ttl: message.ttl - 1, path: [...message.path, self] }
    // What is too large for a neighbour was too large for us.
    yield* Effect.ignore(wander(onward, to, from))
  })

  const asked = ({ content, from, id }: Message): Asked => ({
    _tag: "Asked",
    id,
    from,
    content,
    networkName,
    answer: (answer) =>
      answer._tag === "Answered"
        ? reply(from, answer.content, { subtype: "answer", answers: id })
        : reply(from, answer.problem, { subtype: "no-answer", answers: id })
  })

  const confirm = (message: Message) =>
    Effect.sync(() => {
      const confirmation = decodeConfirmation(message.content)
      if (Result.isFailure(confirmation)) dropped.malformed++
      else {
        const { for: brought, ids } = confirmation.success
        // For one of ours nobody else confirms.
        const isPigeon = brought !== undefined && membership.dialectOf(brought) !== "homing"
        directs.confirmed(ids, isPigeon ? brought : message.from)
      }
    })

  const receive = Effect.fnUntraced(function*(from: PeerId, message: Message, now: number, answers: Answers) {
    if (ofMessage(message) !== networkName) {
      dropped.foreignNetwork++
      return yield* Metric.update(foreign, 1)
    }
    // The origin comes first on the path and the neighbour last, or somebody lies about who it is.
    if (message.path[0] !== message.from || message.path.at(-1) !== from) return void dropped.malformed++
    // Nor does a bridge bring home what was here already.
    if (message.bridged !== undefined && Bridged.hasBeenIn(message.bridged, networkName)) {
      return void dropped.malformed++
    }
    const { to } = message
    const forUs = to !== undefined && equals(to, self)
    const isDirect = to !== undefined && (forUs || routed.has(message.subtype))
    const name = nameOf(message)
    if (isDirect && !forUs && message.custody === true) {
      routes.learn(message.from, from)
      return yield* directs.passOn(message, to, from, answers.taken)
    }
    if (message.ttl <= 0 || message.path.includes(self)) return void seen.add(name, now)
    if (!seen.has(name)) routes.learn(message.from, from)
    if (!isDirect) return yield* broadcasts.receive(message, from, now)
    if (forUs) directs.arrived(message, from, answers.taken)
    const isNew = seen.add(name, now)
    if (!isNew && !forUs) return void dropped.duplicate++
    if (!forUs) return yield* passOn(message, to, from)
    const id = message.original ?? message.id
    const original = nameOf({ ...message, id })
    const acknowledge = () => {
      if (message.acknowledge !== true) return
      received.add(original, now)
      const ids = answers.confirmations.get(message.from)
      if (ids === undefined) answers.confirmations.set(message.from, [id])
      else ids.push(id)
    }
    // It came before, on this way or another: its sender may not know.
    const isKnown = received.has(original)
    if (isKnown || !isNew || (original !== name && !seen.add(original, now))) {
      dropped.duplicate++
      return isKnown ? acknowledge() : undefined
    }
    switch (message.subtype) {
      case "dm":
        // What the application missed is not confirmed.
        return (yield* telling.deliver("direct", message)) ? acknowledge() : undefined
      case "ask":
        return (yield* emit(asked(message))) ? acknowledge() : undefined
      case "answer":
      case "no-answer":
        acknowledge()
        return questions.answer(message)
      case "dm-ack":
        return yield* confirm(message)
    }
  })

  const receiveBytes = Effect.fnUntraced(function*(from: PeerId, bytes: Uint8Array, now: number) {
    const id = yield* newId
    yield* emit({
      _tag: "Message",
      kind: "direct",
      id,
      from,
      content: bytes,
      networkName,
      hops: 1,
      timestamp: now
    })
  })

  const sendConfirmations = Effect.fnUntraced(function*(confirmations: Answers["confirmations"]) {
    for (const [origin, all] of confirmations) {
      for (let at = 0; at < all.length; at += idsPerConfirmation) {
        const ids = all.slice(at, at + idsPerConfirmation)
        yield* directs.start(yield* compose("dm-ack", { ids }, { to: origin }), origin)
      }
    }
  })

  return {
    receive,
    receiveBytes,
    answer: Effect.fnUntraced(function*({ confirmations, taken }) {
      if (taken.size > 0) yield* directs.answer(taken)
      if (confirmations.size > 0) yield* sendConfirmations(confirmations)
    })
  } satisfies Receiving as Receiving
})
