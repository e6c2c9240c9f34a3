/**
 * Streams of bytes between two peers of one network, over the link between them, with backpressure from end to end.
 *
 * What happens to a stream is decided by `streams/StreamMachine`; `streams/Entry` carries that out for each, `Register` keeps
 * them, and `Opening` and `Offers` are how they begin at either end. Here is the contract, and the actor that gives them what
 * came. A stream lives and dies with its link and its network session.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { InvalidInput, StreamRefused } from "../domain/Errors.ts"
import type { PeerId } from "../domain/PeerId.ts"
import * as StreamFrame from "../domain/StreamFrame.ts"
import { ConnectionPool } from "./ConnectionPool.ts"
import type { Batch } from "./link/Lanes.ts"
import { waitAtMost } from "./Patience.ts"
import { SessionContext } from "./SessionContext.ts"
import type { Duplex } from "./streams/Duplex.ts"
import * as Offers from "./streams/Offers.ts"
import * as Opened from "./streams/Opened.ts"
import * as Opening from "./streams/Opening.ts"
import * as Register from "./streams/Register.ts"
import { Event } from "./streams/StreamMachine.ts"
import { Supervisor } from "./Supervisor.ts"

export type { StreamOptions } from "./streams/Opening.ts"

/** What comes to the actor. */
type Mail =
  | { readonly _tag: "Frames"; readonly from: PeerId; readonly batch: Batch; readonly done: Deferred.Deferred<void> }
  /** A link opened or closed. */
  | { readonly _tag: "Link"; readonly peerId: PeerId }

/** How long leaving the network waits for those that are to be told. @category constants */
export const leavingPatience = Duration.seconds(1)

/** @category services */
export class Streams extends Context.Service<Streams, {
  /**
   * Opens a stream to a peer, over the link to it or one that is made for it, and keeps it until the scope closes. Fails
   * with `StreamRefused` when the peer does not want it, cannot be linked, does not answer or knows no streams.
   */
  open(to: PeerId, options?: Opening.StreamOptions): Effect.Effect<Duplex, StreamRefused | InvalidInput, Scope.Scope>
  /** Gives streams of a name to a taker, and not to the application, for as long as the scope is open. */
  serve(name: string, taker: Offers.Taker): Effect.Effect<void, never, Scope.Scope>
  /** Streams that are open or asked for, with all peers. */
  size(): number
}>()("homing/Streams") {
  static readonly layer = Layer.effect(
    Streams,
    Effect.gen(function*() {
      const { networkName } = yield* SessionContext
      const pool = yield* ConnectionPool
      const supervisor = yield* Supervisor
      let isOver = false

      const register = yield* Register.make
      const opened = yield* Opened.make
      const offers = yield* Offers.make(register, opened)
      const open = yield* Opening.make(register, opened, () => isOver)

      const take = (from: PeerId, batch: Batch) => {
        const link = pool.neighbour(from)
        register.forget(from, link)
        if (link === undefined) return
        for (const frame of batch) {
          if (!StreamFrame.isStreamFrame(frame)) continue
          if (frame.type === "stream-open") offers.onOpen(from, link, frame)
          // What is unknown was closed here a moment ago.
          else register.find(from, frame.stream)?.feed(Event.Came({ frame }))
        }
      }

      const onMail = (mail: Mail): Effect.Effect<unknown> =>
        mail._tag === "Frames"
          ? Effect.ensuring(Effect.sync(() => take(mail.from, mail.batch)), Deferred.succeed(mail.done, undefined))
          : Effect.sync(() => register.forget(mail.peerId, pool.neighbour(mail.peerId)))

      const actor = yield* supervisor.spawn<Mail, never, never>({
        path: `mesh/${networkName}/streams`,
        behaviour: Effect.fnUntraced(function*(actor) {
          while (true) {
            actor.become(`${register.size} streams, ${register.waiting} frames wait`)
            yield* onMail(yield* actor.receive)
          }
        })
      })
      const news = yield* pool.news
      yield* PubSub.take(news).pipe(
        Effect.flatMap(({ peerId }) => actor.tell({ _tag: "Link", peerId })),
        Effect.forever,
        Effect.forkScoped
      )
      // Nobody could tell where bytes are missing. Who keeps to what is granted never sends too much.
      yield* pool.serve(
        StreamFrame.kinds,
        (from, batch) =>
          Effect.suspend(() => {
            const done = Deferred.makeUnsafe<void>()
            return Effect.andThen(actor.tell({ _tag: "Frames", from, batch, done }), Deferred.await(done))
          }),
        { needsAll: true }
      )

      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          isOver = true
          register.abort("its peer left the network")
          return register.told
        }).pipe(waitAtMost(leavingPatience))
      )

      return Streams.of({ open, serve: offers.serve, size: () => register.size })
    })
  )
}
