/** Makes messages of contents, which this peer then knows for its own. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Content } from "../../domain/Content.ts"
import { type Gossip as Message, initialTtl } from "../../domain/Frame.ts"
import { SessionContext } from "../SessionContext.ts"
import { nameOf } from "./nameOf.ts"
import type { SeenSet } from "./SeenSet.ts"

/** What a message is, to those who understand it. @category models */
export type Subtype = "chat" | "channel" | "dm" | "dm-ack" | "ask" | "answer" | "no-answer"

/** What else a message says. @category models */
export type Facts = Partial<
  Pick<Message, "id" | "to" | "acknowledge" | "original" | "answers" | "channel" | "order" | "bridged">
>

/** Makes a message of ours. Default id: a new one. @category models */
export type Compose = (subtype: Subtype, content: Content, facts?: Facts) => Effect.Effect<Message>

const word = Random.nextIntBetween(0, 0xffffffff)

/** A name that no other message has. @category constructors */
export const newId: Effect.Effect<string> = Effect.map(
  Effect.all([word, word, word, word]),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

/** Notes what it makes among those that were `seen`. @category constructors */
export const make = Effect.fnUntraced(function*(seen: SeenSet) {
  const { networkName, self } = yield* SessionContext
  const compose: Compose = Effect.fnUntraced(function*(subtype, content, facts) {
    const timestamp = yield* Clock.currentTimeMillis
    const message: Message = {
      id: facts?.id ?? (yield* newId),
      type: "gossip",
      subtype,
      content,
      from: self,
      ...facts,
      networkName,
      timestamp,
      ttl: initialTtl,
      path: [self]
    }
    seen.add(nameOf(message), timestamp)
    return message
  })
  return compose
})
