/** Tells the application what was said: to everyone, on a channel, or to it alone; and in order what is to be heard so. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { type Gossip as Message, initialTtl } from "../../domain/Frame.ts"
import type { MeshEvent } from "../../domain/MeshEvent.ts"
import { SessionContext } from "../SessionContext.ts"
import * as Sequence from "./Sequence.ts"

/** How often it is looked whether a gap in what is ordered was waited for long enough. */
const gapRound = Duration.seconds(1)

/** @category models */
export interface Telling {
  /** Says whether somebody has it. */
  deliver(kind: "broadcast" | "direct", message: Message): Effect.Effect<boolean>
  /** Tells what was said to everyone, or on a channel, in its turn. */
  tell(message: Message): Effect.Effect<unknown>
}

const hopsOf = (message: Message): number => initialTtl - message.ttl + 1

/** Nothing told yet; what waits for its turn is watched in the scope. @category constructors */
export const make = Effect.gen(function*() {
  const { emit, networkName } = yield* SessionContext
  const someAwaited = yield* Latch.make()
  const sequence = Sequence.make<Message>()

  const deliver: Telling["deliver"] = (kind, message) =>
    emit(
      {
        _tag: "Message",
        kind,
        id: message.id,
        from: message.from,
        content: message.content,
        networkName,
        hops: hopsOf(message),
        timestamp: message.timestamp,
        ...(message.bridged === undefined ? {} : { bridged: message.bridged })
      } satisfies MeshEvent
    )

  const tell = (message: Message): Effect.Effect<unknown> => {
    const { channel, content, from, id, timestamp } = message
    if (message.subtype === "chat") return deliver("broadcast", message)
    // Other subtypes are not ours to understand; others may.
    if (message.subtype !== "channel" || channel === undefined) return Effect.void
    return emit({ _tag: "Posted", channel, id, from, content, networkName, hops: hopsOf(message), timestamp })
  }

  const inOrder = Effect.fnUntraced(function*(message: Message, order: NonNullable<Message["order"]>) {
    const now = yield* Clock.currentTimeMillis
    const ready = sequence.offer(`${message.from} ${order.series}`, order.n, message, now)
    if (ready.length === 0) someAwaited.openUnsafe()
    yield* Effect.forEach(ready, tell, { discard: true })
  })

  // One fiber watches all gaps, and sleeps while there are none.
  yield* someAwaited.await.pipe(
    Effect.andThen(Effect.sleep(gapRound)),
    Effect.andThen(Clock.currentTimeMillis),
    Effect.tap((now) => Effect.forEach(sequence.expire(now), tell, { discard: true })),
    Effect.map(() => sequence.waits() ? undefined : someAwaited.closeUnsafe()),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    deliver,
    tell: (message) => message.order === undefined ? tell(message) : inOrder(message, message.order)
  } satisfies Telling as Telling
})
