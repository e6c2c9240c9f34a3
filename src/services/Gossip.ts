/**
 * Messages in one network: to everyone, and to one peer wherever it is.
 *
 * How a broadcast goes on its way is decided by `gossip/Plumtree`, and how a direct message does by `gossip/Passage`; messages
 * are made of contents by `gossip/Composing`, and what is done with those that come is in `gossip/Receiving`. The addressee of
 * a direct message confirms it, and its sender learns whether it arrived. PeerPigeon peers do not confirm; what is for them
 * goes on its way as theirs do (`gossip/Wandering`).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Bridged from "../domain/Bridged.ts"
import { type Content, isBytes } from "../domain/Content.ts"
import { type MessageTooLarge, NoAnswer, PeerUnreachable } from "../domain/Errors.ts"
import type { Frame } from "../domain/Frame.ts"
import * as GossipFrame from "../domain/GossipFrame.ts"
import type { Broadcast } from "../domain/MeshEvent.ts"
import { equals, type PeerId } from "../domain/PeerId.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import * as Broadcasts from "./gossip/Broadcasts.ts"
import * as Composing from "./gossip/Composing.ts"
import * as Directs from "./gossip/Directs.ts"
import { nameOf } from "./gossip/nameOf.ts"
import * as Questions from "./gossip/Questions.ts"
import * as Receiving from "./gossip/Receiving.ts"
import * as Routes from "./gossip/Routes.ts"
import * as SeenSet from "./gossip/SeenSet.ts"
import * as Telling from "./gossip/Telling.ts"
import * as Wandering from "./gossip/Wandering.ts"
import { Membership } from "./Membership.ts"
import { SessionContext } from "./SessionContext.ts"

/** Messages remembered, so that none is delivered twice. @category constants */
export const seenCapacity = 100_000

/** How long a message is remembered, as in PeerPigeon. @category constants */
export const seenWindow = Duration.minutes(5)

/** Peers to whom a way is remembered. @category constants */
export const routeCapacity = 4096

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
      const { networkName, self } = yield* SessionContext
      const pool = yield* ConnectionPool
      const membership = yield* Membership
      const seen = SeenSet.make(seenCapacity, Duration.toMillis(seenWindow))
      const routes = Routes.make(routeCapacity)
      const questions = Questions.make(networkName)
      const series = yield* Composing.newId
      let said = 0

      const compose = yield* Composing.make(seen)
      const wander = yield* Wandering.make(routes)
      const telling = yield* Telling.make
      const broadcasts = yield* Broadcasts.make({
        seen,
        population: membership.estimatedSize,
        deliver: telling.tell
      })
      const directs: Directs.Directs = yield* Directs.make({
        routes,
        newId: Composing.newId,
        settled: broadcasts.settled,
        brought: ({ from, id, original }, to) =>
          Effect.flatMap(
            compose("dm-ack", { ids: [original ?? id], for: to }, { to: from }),
            (message) => directs.start(message, from)
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

      const receiving = yield* Receiving.make({
        seen,
        routes,
        questions,
        telling,
        broadcasts,
        directs,
        compose,
        wander,
        reply: sendConfirmed
      })

      yield* pool.serve(
        ["gossip", "__BINARY__", ...GossipFrame.kinds],
        Effect.fnUntraced(function*(from: PeerId, batch: ReadonlyArray<Frame>) {
          const now = yield* Clock.currentTimeMillis
          const answers: Receiving.Answers = { confirmations: new Map(), taken: new Map() }
          for (const frame of batch) {
            if (frame.type === "gossip") yield* receiving.receive(from, frame, now, answers)
            else if (frame.type === "__BINARY__") yield* receiving.receiveBytes(from, frame.bytes, now)
            else if (GossipFrame.isControl(frame)) yield* broadcasts.control(frame, from, now)
            else if (GossipFrame.isCustody(frame)) yield* directs.control(frame, from)
          }
          yield* receiving.answer(answers)
        })
      )

      const unreachable = (peerId: PeerId, problem: string) => new PeerUnreachable({ peerId, networkName, problem })

      const sendUnconfirmed = Effect.fnUntraced(function*(to: PeerId, content: Content) {
        const frame: Frame = isBytes(content) && pool.neighbour(to) !== undefined
          ? { type: "__BINARY__", bytes: content }
          : yield* compose("dm", content, { to })
        if (frame.type === "gossip") return yield* wander(frame, to, undefined)
        return yield* pool.send(to, frame).pipe(
          Effect.as(1),
          Effect.catchTag("LinkClosed", (error) => Effect.fail(unreachable(to, error.reason)))
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
          const id = yield* Composing.newId
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
