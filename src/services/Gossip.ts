/**
 * Messages in one network: to everyone, and to one peer wherever it is.
 *
 * How a broadcast goes on its way is decided by `gossip/Plumtree`, and how a direct message does by `gossip/Passage`; here
 * is what makes messages of contents, and what is done with those that come. The addressee of a direct message confirms it,
 * and its sender learns whether it arrived. PeerPigeon peers do not confirm; what is for them goes on its way as theirs do.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Bridged from "../domain/Bridged.ts"
import { type Content, isBytes } from "../domain/Content.ts"
import { type MessageTooLarge, NoAnswer, PeerUnreachable } from "../domain/Errors.ts"
import { type Frame, type Gossip as Message, initialTtl } from "../domain/Frame.ts"
import * as GossipFrame from "../domain/GossipFrame.ts"
import type { Broadcast, MeshEvent } from "../domain/MeshEvent.ts"
import { ofMessage } from "../domain/NetworkName.ts"
import { equals, PeerId } from "../domain/PeerId.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import * as Broadcasts from "./gossip/Broadcasts.ts"
import * as Directs from "./gossip/Directs.ts"
import { nameOf } from "./gossip/nameOf.ts"
import * as Questions from "./gossip/Questions.ts"
import * as Routes from "./gossip/Routes.ts"
import * as SeenSet from "./gossip/SeenSet.ts"
import * as Sequence from "./gossip/Sequence.ts"
import { Membership } from "./Membership.ts"
import { type Asked, foreign, SessionContext } from "./SessionContext.ts"

/** Messages remembered, so that none is delivered twice. @category constants */
export const seenCapacity = 100_000

/** How long a message is remembered, as in PeerPigeon. @category constants */
export const seenWindow = Duration.minutes(5)

/** Peers to whom a way is remembered. @category constants */
export const routeCapacity = 4096

/** How often it is looked whether a gap in what is ordered was waited for long enough. */
const gapRound = Duration.seconds(1)

/** Messages that one confirmation covers at most. */
const idsPerConfirmation = 256

const Confirmation = Schema.Struct({
  ids: Schema.Array(Schema.String).check(Schema.isMaxLength(idsPerConfirmation)),
  /** The PeerPigeon peer to which they were brought, as its neighbour says: it confirms nothing itself. */
  for: Schema.optionalKey(PeerId)
})
const decodeConfirmation = Schema.decodeUnknownResult(Confirmation)

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
   * Sends to one peer; succeeds once that peer has confirmed. A PeerPigeon peer confirms nothing: its neighbour does
   * for it, and where we know what it is, success means that the message is on its way.
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
      const { dropped, emit, networkName, received, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const membership = yield* Membership
      const seen = SeenSet.make(seenCapacity, Duration.toMillis(seenWindow))
      const routes = Routes.make(routeCapacity)
      const someAwaited = yield* Latch.make()
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
        seen.add(nameOf(message), timestamp)
        return message
      })

      /** Sends a message that nobody confirms on its way to one peer, and says over how many links. */
      const route = Effect.fnUntraced(function*(message: Message, to: PeerId, from: PeerId | undefined) {
        const hasHandled = (peer: PeerId) => peer === from || message.path.includes(peer)
        for (const way of [() => to, () => membership.wayTo(to, hasHandled), () => routes.via(to)]) {
          const next = way()
          if (next === undefined || hasHandled(next) || pool.neighbour(next) === undefined) continue
          const sent = yield* Effect.result(pool.send(next, message))
          if (Result.isSuccess(sent)) return 1
          if (sent.failure._tag === "MessageTooLarge") return yield* sent.failure
        }
        return yield* pool.fanOut(message, hasHandled)
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

      const directs: Directs.Directs = yield* Directs.make({
        routes,
        newId,
        settled: broadcasts.settled,
        brought: ({ from, id, original }, to) =>
          Effect.flatMap(
            compose("dm-ack", { ids: [original ?? id], for: to }, { to: from }),
            (message) => directs.start(message, from)
          )
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

      /** What is answered when all that came together has been looked at. */
      interface Answers {
        /** Messages that the application has, by who said them. */
        readonly confirmations: Map<PeerId, Array<string>>
        /** Messages that we look after, or have, by who gave them to us. */
        readonly taken: Map<PeerId, Array<string>>
      }

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

      const sendConfirmations = Effect.fnUntraced(function*(confirmations: Answers["confirmations"]) {
        for (const [origin, all] of confirmations) {
          for (let at = 0; at < all.length; at += idsPerConfirmation) {
            const ids = all.slice(at, at + idsPerConfirmation)
            yield* directs.start(yield* compose("dm-ack", { ids }, { to: origin }), origin)
          }
        }
      })

      yield* pool.serve(
        ["gossip", "__BINARY__", ...GossipFrame.kinds],
        Effect.fnUntraced(function*(from: PeerId, batch: ReadonlyArray<Frame>) {
          const now = yield* Clock.currentTimeMillis
          const answers: Answers = { confirmations: new Map(), taken: new Map() }
          for (const frame of batch) {
            if (frame.type === "gossip") yield* receive(from, frame, now, answers)
            else if (frame.type === "__BINARY__") yield* receiveBytes(from, frame.bytes, now)
            else if (GossipFrame.isControl(frame)) yield* broadcasts.control(frame, from, now)
            else if (GossipFrame.isCustody(frame)) yield* directs.control(frame, from)
          }
          if (answers.taken.size > 0) yield* directs.answer(answers.taken)
          if (answers.confirmations.size > 0) yield* sendConfirmations(answers.confirmations)
        })
      )

      // ------------------------------------------------------------------------------------------------
      // sending
      // ------------------------------------------------------------------------------------------------

      const unreachable = (peerId: PeerId, problem: string) => new PeerUnreachable({ peerId, networkName, problem })

      // One fiber watches all gaps, and sleeps while there are none.
      yield* someAwaited.await.pipe(
        Effect.andThen(Effect.sleep(gapRound)),
        Effect.andThen(Clock.currentTimeMillis),
        Effect.tap((now) => Effect.forEach(sequence.expire(now), tell, { discard: true })),
        Effect.map(() => sequence.waits() ? undefined : someAwaited.closeUnsafe()),
        Effect.forever,
        Effect.forkScoped
      )

      const sendUnconfirmed = Effect.fnUntraced(function*(to: PeerId, content: Content) {
        const frame: Frame = isBytes(content) && pool.neighbour(to) !== undefined
          ? { type: "__BINARY__", bytes: content }
          : yield* compose("dm", content, { to })
        if (frame.type === "gossip") return yield* route(frame, to, undefined)
        return yield* pool.send(to, frame).pipe(
          Effect.as(1),
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
        yield* directs.send(yield* compose(subtype, content, { ...facts, to, acknowledge: true }), to)
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
          if ((yield* sendUnconfirmed(to, content)) === 0) return yield* unreachable(to, alone)
        }),
        relay: Effect.fnUntraced(function*(message) {
          const bridged = Bridged.onward(message, networkName)
          // The id stays the same on the way through all networks, each of which lets it in once, whoever brings it.
          if (bridged === undefined) return false
          const name = nameOf({ from: self, id: message.id, bridged })
          if (!seen.add(name, yield* Clock.currentTimeMillis)) return false
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
