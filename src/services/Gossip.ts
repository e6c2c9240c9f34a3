/**
 * Messages in one network: to everyone, and to one peer wherever it is.
 *
 * How a broadcast goes on its way is decided by `gossip/Plumtree`; here is what carries that out. A direct message goes
 * over the link to its addressee, or else to the neighbour that leads nearest to it on the ring, or else through the one
 * from whom the addressee was last heard, or else over every link; the addressee confirms it, and its sender learns
 * whether it arrived.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Bridged from "../domain/Bridged.ts"
import { type Content, isBytes } from "../domain/Content.ts"
import { type MessageTooLarge, NoAnswer, PeerUnreachable } from "../domain/Errors.ts"
import { type Frame, type Gossip as Message, initialTtl } from "../domain/Frame.ts"
import type { Broadcast, MeshEvent } from "../domain/MeshEvent.ts"
import { ofMessage } from "../domain/NetworkName.ts"
import { equals, type PeerId } from "../domain/PeerId.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import * as Broadcasts from "./gossip/Broadcasts.ts"
import * as Questions from "./gossip/Questions.ts"
import * as Routes from "./gossip/Routes.ts"
import * as SeenSet from "./gossip/SeenSet.ts"
import * as Sequence from "./gossip/Sequence.ts"
import { Membership } from "./Membership.ts"
import { waitAtMost } from "./Patience.ts"
import { type Asked, SessionContext } from "./SessionContext.ts"

/** Messages remembered, so that none is delivered twice. @category constants */
export const seenCapacity = 100_000

/** How long a message is remembered, as in PeerPigeon. @category constants */
export const seenWindow = Duration.minutes(5)

/** Peers to whom a way is remembered. @category constants */
export const routeCapacity = 4096

/** How long a direct message may go unconfirmed before its sender is told. @category constants */
export const confirmationTimeout = Duration.seconds(15)

/** How long a direct message that is sent once more, because its link closed, may go unconfirmed. @category constants */
export const retryTimeout = Duration.seconds(5)

/** How long leaving the network waits for messages that are not confirmed yet. @category constants */
export const leavingPatience = Duration.seconds(5)

/** How often overdue messages are looked for, and so how late their senders may hear of it. */
const deadlineRound = Duration.seconds(1)

/** Messages that named another network than that of the link they came over. @category metrics */
export const foreign = Metric.counter("homing_messages_foreign", {
  description: "Messages from neighbours that named another network, and were dropped",
  incremental: true
})

/** Messages that one confirmation covers at most. */
const idsPerConfirmation = 256

const Confirmation = Schema.Struct({ ids: Schema.Array(Schema.String).check(Schema.isMaxLength(idsPerConfirmation)) })
const decodeConfirmation = Schema.decodeUnknownResult(Confirmation)

/** A direct message whose confirmation is awaited. */
interface Pending {
  readonly to: PeerId
  readonly message: Message
  /** The neighbour that has it, when it is one alone. */
  via: PeerId | undefined
  /** Sent once more, on another way. */
  retried: boolean
  /** On the clock, in milliseconds. */
  deadline: number
  readonly confirmed: Deferred.Deferred<void, PeerUnreachable>
}

/** How a broadcast is to be heard. @category models */
export interface BroadcastOptions {
  /** After every ordered one that this peer said before. Default: no. */
  readonly ordered?: boolean
  /** On a channel, by those who listen to it. Default: by everyone, as a message. */
  readonly channel?: string
}

/** @category services */
export class Gossip extends Context.Service<Gossip, {
  /** Sends to everyone in the network; succeeds, with the number of neighbours, once it is on its way to each. */
  broadcast(content: Content, options?: BroadcastOptions): Effect.Effect<number, MessageTooLarge>
  /**
   * Sends to one peer; succeeds once that peer has confirmed. A PeerPigeon peer confirms nothing: then success means that
   * the message is on its way.
   */
  send(to: PeerId, content: Content): Effect.Effect<void, PeerUnreachable | MessageTooLarge>
  /** Asks one peer, and waits for its answer however long it takes. A PeerPigeon peer answers nothing. */
  ask(to: PeerId, content: Content): Effect.Effect<Content, PeerUnreachable | MessageTooLarge | NoAnswer>
  /**
   * Says to everyone in the network what was said in another. Succeeds with whether it is on its way: not so when the
   * network has had it, because it comes from here, came through here, or was brought by another bridge.
   */
  relay(message: Broadcast): Effect.Effect<boolean, MessageTooLarge>
}>()("homing/Gossip") {
  static readonly layer = Layer.effect(
    Gossip,
    Effect.gen(function*() {
      const { dropped, emit, networkName, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const membership = yield* Membership
      const scope = yield* Effect.scope
      const seen = SeenSet.make(seenCapacity, Duration.toMillis(seenWindow))
      const routes = Routes.make(routeCapacity)
      const pending = new Map<string, Pending>()
      const someAwaited = yield* Latch.make()
      const acknowledged = SeenSet.make(seenCapacity, Duration.toMillis(seenWindow))
      const questions = Questions.make(networkName)
      const series = yield* newId
      const sequence = Sequence.make<Message>()
      let said = 0

      const compose = Effect.fnUntraced(function*(
        subtype: "chat" | "channel" | "dm" | "dm-ack" | "ask" | "answer" | "no-answer",
        content: Content,
        facts?: Partial<
          Pick<Message, "id" | "to" | "acknowledge" | "original" | "answers" | "channel" | "order" | "bridged">
        >
      ) {
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
        seen.add(message.id, timestamp)
        return message
      })

      /** Sends a message on its way to one peer, and says over how many links, and which one when it is one alone. */
      const route = Effect.fnUntraced(function*(message: Message, to: PeerId, from: PeerId | undefined) {
        const hasHandled = (peer: PeerId) => peer === from || message.path.includes(peer)
        for (const way of [() => to, () => membership.wayTo(to, hasHandled), () => routes.via(to)]) {
          const next = way()
          if (next === undefined || hasHandled(next) || pool.neighbour(next) === undefined) continue
          const sent = yield* Effect.result(pool.send(next, message))
          if (Result.isSuccess(sent)) return { links: 1, via: next }
          if (sent.failure._tag === "MessageTooLarge") return yield* sent.failure
        }
        return { links: yield* pool.fanOut(message, hasHandled), via: undefined }
      })

      // ------------------------------------------------------------------------------------------------
      // receiving
      // ------------------------------------------------------------------------------------------------

      const deliver = (kind: "broadcast" | "direct", message: Message): Effect.Effect<boolean> =>
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

      const broadcasts = yield* Broadcasts.make({
        seen,
        population: membership.estimatedSize,
        deliver: (message) => message.order === undefined ? tell(message) : inOrder(message, message.order)
      })

      const passOn = Effect.fnUntraced(function*(message: Message, to: PeerId, from: PeerId) {
        if (message.ttl <= 1) return
        const onward: Message = { ...message, ttl: message.ttl - 1, path: [...message.path, self] }
        // What is too large for a neighbour was too large for us.
        yield* Effect.ignore(route(onward, to, from))
      })

      const asked = ({ content, from, id }: Message): Asked => ({
        _tag: "Asked",
        id,
        from,
        content,
        networkName,
        answer: (answer) =>
          answer._tag === "Answered"
            ? Effect.asVoid(sendConfirmed(from, answer.content, { subtype: "answer", answers: id }))
            : Effect.asVoid(sendConfirmed(from, answer.problem, { subtype: "no-answer", answers: id }))
      })

      const confirm = (message: Message) =>
        Effect.sync(() => {
          const confirmation = decodeConfirmation(message.content)
          if (Result.isFailure(confirmation)) return void dropped.malformed++
          for (const id of confirmation.success.ids) {
            const sent = pending.get(id)
            // Only the addressee can confirm.
            if (sent !== undefined && equals(sent.to, message.from)) Deferred.doneUnsafe(sent.confirmed, Effect.void)
          }
        })

      type Confirmations = Map<PeerId, Array<string>>

      const receive = Effect.fnUntraced(function*(
        from: PeerId,
        message: Message,
        now: number,
        confirmations: Confirmations
      ) {
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
        if (message.ttl <= 0 || message.path.includes(self)) return void seen.add(message.id, now)
        const { to } = message
        const forUs = to !== undefined && equals(to, self)
        if (to === undefined || (!forUs && !routed.has(message.subtype))) {
          if (!seen.has(message.id)) routes.learn(message.from, from)
          return yield* broadcasts.receive(message, from, now)
        }
        if (!seen.add(message.id, now)) return void dropped.duplicate++
        routes.learn(message.from, from)
        if (!forUs) return yield* passOn(message, to, from)
        const id = message.original ?? message.id
        const acknowledge = () => {
          if (message.acknowledge !== true) return
          acknowledged.add(id, now)
          const ids = confirmations.get(message.from)
          if (ids === undefined) confirmations.set(message.from, [id])
          else ids.push(id)
        }
        if (id !== message.id && !seen.add(id, now)) {
          dropped.duplicate++
          return acknowledged.has(id) ? acknowledge() : undefined
        }
        switch (message.subtype) {
          case "dm":
            // What the application missed is not confirmed.
            return (yield* deliver("direct", message)) ? acknowledge() : undefined
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

      const sendConfirmations = Effect.fnUntraced(function*(confirmations: Confirmations) {
        for (const [origin, all] of confirmations) {
          for (let at = 0; at < all.length; at += idsPerConfirmation) {
            const ids = all.slice(at, at + idsPerConfirmation)
            const message = yield* compose("dm-ack", { ids }, { to: origin })
            yield* Effect.ignore(route(message, origin, undefined))
          }
        }
      })

      yield* pool.serve(
        ["gossip", "__BINARY__", ...Broadcasts.controls],
        Effect.fnUntraced(function*(from: PeerId, batch: ReadonlyArray<Frame>) {
          const now = yield* Clock.currentTimeMillis
          const confirmations: Confirmations = new Map()
          for (const frame of batch) {
            if (frame.type === "gossip") yield* receive(from, frame, now, confirmations)
            else if (frame.type === "__BINARY__") yield* receiveBytes(from, frame.bytes, now)
            else if (Broadcasts.isControl(frame)) yield* broadcasts.control(frame, from, now)
          }
          if (confirmations.size > 0) yield* sendConfirmations(confirmations)
        })
      )

      // ------------------------------------------------------------------------------------------------
      // sending
      // ------------------------------------------------------------------------------------------------

      const unreachable = (peerId: PeerId, problem: string) => new PeerUnreachable({ peerId, networkName, problem })

      /** Sends what a neighbour took with it on another way, once; the addressee tells by the id that it had. */
      const retry = Effect.fnUntraced(function*(sent: Pending, reason: string) {
        const fail = Deferred.fail(
          sent.confirmed,
          unreachable(sent.to, `the link closed before it confirmed the message (${reason})`)
        )
        if (sent.retried) return yield* fail
        sent.retried = true
        sent.deadline = Math.min(sent.deadline, (yield* Clock.currentTimeMillis) + Duration.toMillis(retryTimeout))
        const id = yield* newId
        seen.add(id, yield* Clock.currentTimeMillis)
        const again: Message = { ...sent.message, id, original: sent.message.id }
        yield* route(again, sent.to, undefined).pipe(
          Effect.flatMap(({ links, via }) => {
            sent.via = via
            return links === 0 ? fail : Effect.void
          }),
          Effect.catch(() => fail),
          // Its links may be slow, and others wait to be told of theirs.
          Effect.forkIn(scope)
        )
      })

      const news = yield* pool.news
      yield* PubSub.take(news).pipe(
        Effect.flatMap((link) =>
          Effect.gen(function*() {
            if (link._tag !== "Closed") return
            routes.forget(link.peerId)
            yield* Effect.forEach(pending.values(), (sent) =>
              sent.via === link.peerId ? retry(sent, link.reason) : Effect.void, { discard: true })
          })
        ),
        Effect.forever,
        Effect.forkScoped
      )

      // One fiber watches all deadlines: a timer for each message would cost more than the message. It sleeps while
      // nothing is awaited.
      yield* someAwaited.await.pipe(
        Effect.andThen(Effect.sleep(deadlineRound)),
        Effect.andThen(Clock.currentTimeMillis),
        Effect.tap((now) => Effect.forEach(sequence.expire(now), tell, { discard: true })),
        Effect.map((now) => {
          for (const { confirmed, deadline, to } of pending.values()) {
            if (deadline > now) continue
            const error = unreachable(to, `it did not confirm within ${Duration.format(confirmationTimeout)}`)
            Deferred.doneUnsafe(confirmed, Effect.fail(error))
          }
          if (pending.size === 0 && !sequence.waits()) someAwaited.closeUnsafe()
        }),
        Effect.forever,
        Effect.forkScoped
      )

      // Leaving waits for what is on its way, to us and from us; whoever is not confirmed by then is told.
      yield* Effect.addFinalizer(() =>
        Effect.forEach(pending.values(), ({ confirmed }) => Effect.ignore(Deferred.await(confirmed)), {
          concurrency: "unbounded",
          discard: true
        }).pipe(
          Effect.andThen(broadcasts.settled),
          waitAtMost(leavingPatience),
          Effect.andThen(Effect.sync(() => {
            for (const { confirmed, to } of pending.values()) {
              const error = unreachable(to, "this peer left the network before the message was confirmed")
              Deferred.doneUnsafe(confirmed, Effect.fail(error))
            }
          }))
        )
      )

      const sendUnconfirmed = Effect.fnUntraced(function*(to: PeerId, content: Content) {
        const frame: Frame = isBytes(content) && pool.neighbour(to) !== undefined
          ? { type: "__BINARY__", bytes: content }
          : yield* compose("dm", content, { to })
        if (frame.type === "gossip") return yield* route(frame, to, undefined)
        return yield* pool.send(to, frame).pipe(
          Effect.as({ links: 1, via: to }),
          Effect.catchTag("LinkClosed", (error) => Effect.fail(unreachable(to, error.reason)))
        )
      })

      const sendConfirmed = Effect.fnUntraced(function*(
        to: PeerId,
        content: Content,
        { subtype, ...facts }: {
          readonly subtype: "dm" | "ask" | "answer" | "no-answer"
          readonly id?: string
          readonly answers?: string
        }
      ) {
        const message = yield* compose(subtype, content, { ...facts, to, acknowledge: true })
        const confirmed = Deferred.makeUnsafe<void, PeerUnreachable>()
        const deadline = message.timestamp + Duration.toMillis(confirmationTimeout)
        const sent: Pending = { to, message, via: undefined, retried: false, deadline, confirmed }
        pending.set(message.id, sent)
        someAwaited.openUnsafe()
        return yield* route(message, to, undefined).pipe(
          Effect.flatMap(({ links, via }) => {
            sent.via = via
            if (links === 0) return Effect.fail(unreachable(to, alone))
            // Its link may have closed by now.
            const isGone = via !== undefined && pool.neighbour(via) === undefined
            return Effect.andThen(isGone ? retry(sent, "it is gone") : Effect.void, Deferred.await(confirmed))
          }),
          Effect.ensuring(Effect.sync(() => pending.delete(message.id)))
        )
      })

      return Gossip.of({
        broadcast: Effect.fnUntraced(function*(content, { channel, ordered } = {}) {
          const facts = {
            ...(channel === undefined ? {} : { channel }),
            ...(ordered === true ? { order: { series, n: said++ } } : {})
          }
          return yield* broadcasts.publish(yield* compose(channel === undefined ? "chat" : "channel", content, facts))
        }),
        ask: Effect.fnUntraced(function*(to, content) {
          if (equals(to, self)) return yield* unreachable(to, "that is this peer itself")
          if ((pool.neighbour(to)?.dialect ?? membership.dialectOf(to)) === "pigeon") {
            return yield* new NoAnswer({ peerId: to, networkName, problem: "PeerPigeon peers answer no questions" })
          }
          const id = yield* newId
          return yield* questions.ask(id, to, sendConfirmed(to, content, { subtype: "ask", id }))
        }),
        send: Effect.fnUntraced(function*(to, content) {
          if (equals(to, self)) return yield* unreachable(to, "that is this peer itself")
          const dialect = pool.neighbour(to)?.dialect ?? membership.dialectOf(to)
          if (dialect !== "pigeon") return yield* sendConfirmed(to, content, { subtype: "dm" })
          const { links } = yield* sendUnconfirmed(to, content)
          if (links === 0) return yield* unreachable(to, alone)
        }),
        relay: Effect.fnUntraced(function*(message) {
          const bridged = Bridged.onward(message, networkName)
          // The id stays the same on the way through all networks, each of which lets it in once, whoever brings it.
          if (bridged === undefined || !seen.add(message.id, yield* Clock.currentTimeMillis)) return false
          yield* broadcasts.publish(yield* compose("chat", message.content, { id: message.id, bridged }))
          return true
        })
      })
    })
  )
}

const alone = "this peer has no link to anyone in the network"

const word = Random.nextIntBetween(0, 0xffffffff)

const newId = Effect.map(
  Effect.all([word, word, word, word]),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

const hopsOf = (message: Message): number => initialTtl - message.ttl + 1

/** Subtypes that are for one peer. PeerPigeon floods all others, `to` or not. */
const routed: ReadonlySet<string> = new Set(["dm", "dm-ack", "ask", "answer", "no-answer"])
