/**
 * A named channel that carries values of one type: what is published is encoded by its schema, and what arrives is
 * decoded by it. What does not decode is dropped and counted: other peers may use the same name for something else.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidInput } from "../domain/Errors.ts"
import { ChannelName } from "../domain/Frame.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { PeerId } from "../domain/PeerId.ts"
import type { Posted } from "../services/SessionContext.ts"
import type { Missed, Subscribers } from "./Subscribers.ts"

/** A value that a peer published. @category models */
export interface Post<A> {
  readonly _tag: "Post"
  readonly value: A
  readonly id: string
  readonly from: PeerId
  readonly networkName: NetworkName
  /** Links that it crossed; 1 from a neighbour. */
  readonly hops: number
  /** The sender's clock, in milliseconds since 1970. */
  readonly timestamp: number
}

/** @category models */
export interface Channel<A, Sent, E> {
  readonly name: string
  /** Sends a value to everyone in the network who listens. Fails with `InvalidInput` where the schema does not encode it. */
  publish(value: A): Effect.Effect<Sent, E | InvalidInput>
  /** What others publish, from the moment the stream is run. A subscriber that is too slow gets a `Missed`. */
  readonly posts: Stream.Stream<Post<A> | Missed>
  /** How often something came on this channel that its schema does not decode. */
  readonly rejected: Effect.Effect<number>
}

/** How a channel is used. @category models */
export interface ChannelOptions {
  /** Whether what a peer publishes is heard in the order in which it was published. Default: no, which is sooner. */
  readonly ordered?: boolean
}

const isName = Schema.is(ChannelName)

/** A channel over a way to send and what comes. Fails with `InvalidInput` for a name that is empty or too long. */
export const make = <A, I, Sent, E>(options: {
  readonly name: string
  readonly schema: Schema.Codec<A, I>
  readonly ordered: boolean
  readonly send: (
    content: Schema.Json,
    options: { readonly channel: string; readonly ordered: boolean }
  ) => Effect.Effect<
    Sent,
    E
  >
  readonly posted: Subscribers<Posted>
}): Effect.Effect<Channel<A, Sent, E>, InvalidInput> =>
  Effect.gen(function*() {
    const { name, ordered, posted, send } = options
    if (!isName(name)) {
      return yield* new InvalidInput({ field: "name", problem: "a channel has a name of 1 to 128 characters" })
    }
    const codec = Schema.toCodecJson(options.schema)
    const encode = Schema.encodeUnknownEffect(codec)
    const decode = Schema.decodeUnknownResult(codec)
    let rejected = 0

    const read = (event: Posted | Missed): ReadonlyArray<Post<A> | Missed> => {
      if (event._tag === "Missed") return [event]
      if (event.channel !== name) return []
      const value = decode(event.content)
      if (Result.isFailure(value)) {
        rejected++
        return []
      }
      const { from, hops, id, networkName, timestamp } = event
      return [{ _tag: "Post", value: value.success, id, from, networkName, hops, timestamp }]
    }

    return {
      name,
      publish: (value) =>
        encode(value).pipe(
          Effect.mapError((error) => new InvalidInput({ field: "value", problem: error.message })),
          Effect.flatMap((content) => send(content, { channel: name, ordered }))
        ),
      posts: Stream.flatMap(posted.events, (event) => Stream.fromIterable(read(event))),
      rejected: Effect.sync(() => rejected)
    }
  })
