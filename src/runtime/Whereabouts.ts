/**
 * Which network a mesh is in, which one is its home, and the way between them.
 *
 * A switch opens the new session before it closes the old one, so that a mesh that has joined always has a session; a
 * switch that fails leaves it where it was.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { AlreadyJoined, type HubRefused, type HubUnreachable, NotJoined } from "../domain/Errors.ts"
import type { MeshEvent } from "../domain/MeshEvent.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import type { LinkNews } from "../services/ConnectionPool.ts"
import * as Received from "../services/gossip/Received.ts"
import type { Identity } from "../services/Identity.ts"
import type { Farewell } from "../services/SignalingTransport.ts"
import type { Supervisor } from "../services/Supervisor.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import { NetworkSession, type SessionOptions } from "./NetworkSession.ts"

/** Being in a network. @category models */
export interface Stay {
  readonly session: NetworkSession["Service"]
  /** Leaves the network; how, the others are told. */
  end(farewell: Farewell): Effect.Effect<void>
}

/** Where a mesh stands. @category models */
export type State =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Joining" }
  | { readonly _tag: "Joined"; readonly stay: Stay }
  /** In the new network already, and not yet out of the old one. */
  | { readonly _tag: "Moving"; readonly stay: Stay }
  | { readonly _tag: "Leaving" }

/** The session in use, if there is one. @category getters */
export const sessionOf = (state: State): NetworkSession["Service"] | undefined =>
  "stay" in state ? state.stay.session : undefined

/** What whereabouts are made with. @category models */
export interface WhereaboutsOptions extends Omit<SessionOptions, "networkName" | "farewell" | "received"> {
  readonly home: NetworkName
}

/** A move to another network. @category models */
export interface Move {
  readonly to: NetworkName
  /** Whether that is the home from then on. */
  readonly asHome: boolean
  /** For people to read. */
  readonly why: string
}

/** @category models */
export interface Whereabouts {
  state(): State
  /** The network that the mesh wants to be in. */
  home(): NetworkName
  /** The network that it is in, or will join. */
  current(): NetworkName
  /** Joins the home network. */
  readonly join: Effect.Effect<void, HubUnreachable | HubRefused | AlreadyJoined>
  readonly leave: Effect.Effect<void>
  /** Moves to another network, to stay or as a guest. Fails where joining it fails, and then stays where it is. */
  moveTo(move: Move): Effect.Effect<void, HubUnreachable | HubRefused | NotJoined>
  /** Makes another network the home, without moving. */
  settle(home: NetworkName): void
  /** Every change of the above, from the moment of subscription. */
  readonly changes: Effect.Effect<PubSub.Subscription<State>, never, Scope.Scope>
}

/** A mesh that is nowhere yet. @category constructors */
export const make = Effect.fnUntraced(function*(options: WhereaboutsOptions) {
  const environment = yield* Effect.context<WebRtc | Supervisor | Identity>()
  const outer = yield* Effect.scope
  const oneAtATime = yield* Semaphore.make(1)
  const changes = yield* PubSub.unbounded<State>()
  const received = Received.make()
  let home = options.home
  let state: State = { _tag: "Idle" }

  const become = (next: State) => {
    state = next
    PubSub.publishUnsafe(changes, next)
  }

  const current = () => sessionOf(state)?.networkName ?? home

  const tell = (networkName: NetworkName, message: string) =>
    options.emit({
      _tag: "StatusChanged",
      type: "network",
      message,
      networkName,
      originalNetworkName: home,
      fallbackMode: networkName !== home
    })

  const onLink = (networkName: NetworkName) => (news: LinkNews): Effect.Effect<unknown> => {
    switch (news._tag) {
      case "Opened":
        return options.emit({ _tag: "PeerConnected", peerId: news.peerId, networkName })
      case "Closed":
        return options.emit(
          {
            _tag: "PeerDisconnected",
            peerId: news.peerId,
            networkName,
            reason: news.reason
          } satisfies MeshEvent
        )
      case "Ended":
        return Effect.void
    }
  }

  /** Enters a network, in a scope of its own. */
  const enter = Effect.fnUntraced(function*(networkName: NetworkName) {
    const scope = yield* Scope.fork(outer)
    let farewell: Farewell = "goodbye"
    const layer = NetworkSession.layer({ ...options, networkName, received, farewell: Effect.sync(() => farewell) })
    const session = yield* Effect.gen(function*() {
      // A memo map of its own: two sessions must not share a service.
      const context = yield* Layer.buildWithMemoMap(layer, yield* Layer.makeMemoMap, scope)
      const session = Context.get(context, NetworkSession)
      const news = yield* Scope.provide(session.pool.news, scope)
      yield* PubSub.take(news).pipe(Effect.flatMap(onLink(networkName)), Effect.forever, Effect.forkIn(scope))
      return session
    }).pipe(
      Effect.provideContext(environment),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    return {
      session,
      end: (how) =>
        Effect.suspend(() => {
          farewell = how
          return Scope.close(scope, Exit.void)
        })
    } satisfies Stay
  })

  // Whoever gives up waiting does so while a network is entered, or not at all: half a change would be nobody's.

  const join = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      if (state._tag !== "Idle") return yield* new AlreadyJoined({ networkName: current() })
      become({ _tag: "Joining" })
      const stay = yield* restore(enter(home)).pipe(Effect.onError(() => Effect.sync(() => become({ _tag: "Idle" }))))
      become({ _tag: "Joined", stay })
      yield* tell(home, `joined ${home}`)
    })
  ).pipe(oneAtATime.withPermits(1))

  const leave = Effect.gen(function*() {
    if (state._tag !== "Joined") return
    const { end, session } = state.stay
    become({ _tag: "Leaving" })
    yield* end("goodbye")
    become({ _tag: "Idle" })
    yield* tell(session.networkName, `left ${session.networkName}`)
  }).pipe(Effect.uninterruptible, oneAtATime.withPermits(1))

  const settle = (name: NetworkName) => {
    home = name
    become(state)
  }

  const moveTo = ({ asHome, to, why }: Move) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        if (state._tag !== "Joined") return yield* new NotJoined({ operation: `move to ${to}` })
        const { stay } = state
        const from = stay.session.networkName
        if (from === to) {
          if (!asHome || home === to) return
          settle(to)
          return yield* Effect.asVoid(tell(to, `${to} is the home now`))
        }
        const next = yield* restore(enter(to))
        if (asHome) home = to
        become({ _tag: "Moving", stay: next })
        yield* tell(to, `moved from ${from} to ${to}: ${why}`)
        // What is under way in the old network is finished there while the new one is in use already; quietly, for a
        // goodbye has the others cut their links while something may still be on its way.
        yield* stay.end("leave")
        become({ _tag: "Joined", stay: next })
      })
    ).pipe(oneAtATime.withPermits(1))

  return {
    state: () => state,
    home: () => home,
    current,
    join,
    leave,
    moveTo,
    settle,
    changes: PubSub.subscribe(changes)
  } satisfies Whereabouts as Whereabouts
})
