/**
 * A session with hubs: the memberships, and the actor that keeps one connection for them.
 *
 * The actor lives while there is a membership. It tries the hubs in order until one greets us, serves that connection
 * until it ends, waits, and starts over. What it does at the moment is its `State`, and nothing else decides what a
 * join, a leave or a send may do.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { HubRefused, HubUnreachable } from "../../domain/Errors.ts"
import { HubState } from "../../domain/MeshStatus.ts"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { HubSignal } from "../../domain/Signal.ts"
import type { HubMembership, HubSession } from "../SignalingTransport.ts"
import { backoff, upTo } from "./Backoff.ts"
import * as HubConnection from "./HubConnection.ts"
import * as HubLoss from "./HubLoss.ts"
import { HubTimings } from "./HubTimings.ts"
import { makeMember, type Member, Members } from "./Members.ts"

/** The version of our dialect that an announcement claims. */
const dialect = 1

type State = Data.TaggedEnum<{
  /** There is no member, and no actor. */
  Idle: {}
  /** The socket is not open yet. */
  Dialling: { readonly url: string; readonly attempt: number }
  /** The socket is open and the members are announced, but the hub has not said that it takes us. */
  Announcing: { readonly url: string; readonly attempt: number; readonly connection: HubConnection.HubConnection }
  Connected: { readonly url: string; readonly since: number; readonly connection: HubConnection.HubConnection }
  Waiting: { readonly url: string; readonly problem: string; readonly retryAt: number }
  /** The session's scope is closed. */
  Closed: {}
}>
const State = Data.taggedEnum<State>()

/** What the outside sees: whether the hub is open or has greeted is our own affair. */
const toHubState = State.$match({
  Idle: (): HubState => ({ _tag: "Idle" }),
  Dialling: ({ attempt, url }): HubState => ({ _tag: "Connecting", url, attempt }),
  Announcing: ({ attempt, url }): HubState => ({ _tag: "Connecting", url, attempt }),
  Connected: ({ since, url }): HubState => ({ _tag: "Connected", url, since }),
  Waiting: ({ problem, retryAt, url }): HubState => ({ _tag: "Waiting", url, problem, retryAt }),
  Closed: (): HubState => ({ _tag: "Idle" })
})

/** A hub that did not do, and why. */
interface Failure {
  readonly url: string
  readonly loss: HubLoss.HubLoss
}

/** How a round through the hubs ends. */
type Round = Data.TaggedEnum<{
  /** A hub greeted us, and later the connection was lost. */
  Lost: Failure
  InVain: { readonly failures: ReadonlyArray<Failure> }
}>
const Round = Data.taggedEnum<Round>()

/**
 * Opens a session. It connects when the first network is joined and hangs up when the last one is left.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function*({ hubs, peerId }: {
  readonly peerId: PeerId
  readonly hubs: readonly [string, ...ReadonlyArray<string>]
}) {
  const timings = yield* HubTimings
  const context = yield* Effect.context<Socket.WebSocketConstructor>()
  const members = new Members(peerId)
  const state = yield* SubscriptionRef.make<State>(State.Idle())
  const actor = yield* FiberHandle.make<never>()
  // Members come and go one at a time: who joins while the last one leaves waits for the goodbye, and then dials.
  const door = yield* Semaphore.make(1)

  const now = () => SubscriptionRef.getUnsafe(state)
  const become = (next: State) => SubscriptionRef.set(state, next)
  /** Goes over to a state and looks around in the same instant: who comes later finds the new state. */
  const becomeAndSee = <A>(next: State, see: () => A) => SubscriptionRef.modify(state, () => [see(), next] as const)
  const unreachable = (problem: string) => new HubUnreachable({ urls: hubs, problem })

  // -------------------------------------------------------------------------------------------------
  // what is said to the hub
  // -------------------------------------------------------------------------------------------------

  // A connection that cannot send is about to end: whoever reads from it will notice, and all is said again on the next.

  const announce = (connection: HubConnection.HubConnection, networkName: NetworkName) =>
    connection.send({ type: "announce", data: { peerId, homing: dialect }, networkName })

  const goodbye = Effect.fnUntraced(function*(networkName: NetworkName) {
    const current = now()
    if (current._tag !== "Announcing" && current._tag !== "Connected") return
    const timestamp = yield* Clock.currentTimeMillis
    yield* Effect.ignore(current.connection.send({ type: "goodbye", data: { peerId, timestamp }, networkName }))
  })

  const tellAnnounced = (member: Member) =>
    Effect.andThen(Queue.offer(member.news, { _tag: "Announced" }), Deferred.succeed(member.announced, undefined))

  // -------------------------------------------------------------------------------------------------
  // the actor
  // -------------------------------------------------------------------------------------------------

  const onOpen = (url: string, attempt: number) =>
    Effect.fnUntraced(function*(connection: HubConnection.HubConnection) {
      const networks = yield* becomeAndSee(State.Announcing({ url, attempt, connection }), () => members.networks)
      for (const networkName of networks) yield* Effect.ignore(announce(connection, networkName))
    })

  const onGreeting = Effect.gen(function*() {
    const current = now()
    if (current._tag !== "Announcing") return
    const { connection, url } = current
    const since = yield* Clock.currentTimeMillis
    const present = yield* becomeAndSee(State.Connected({ url, since, connection }), () => Array.from(members))
    for (const member of present) yield* tellAnnounced(member)
  })

  const onSignal = (signal: HubSignal): Effect.Effect<void> => {
    switch (signal.type) {
      case "connected":
        return onGreeting
      case "error":
        return Effect.logDebug(`The hub reports an error: ${signal.error.slice(0, 1024)}`)
      case "pong":
      case "hub-closing":
        return Effect.void
      default:
        return members.deliver(signal)
    }
  }

  /** Tries the hubs in order, and stays with the first that greets us. */
  const round = Effect.fnUntraced(function*(order: ReadonlyArray<string>, attempt: number) {
    const failures: Array<Failure> = []
    for (const url of order) {
      yield* become(State.Dialling({ url, attempt }))
      const loss = yield* HubConnection.serve({ url, peerId, onOpen: onOpen(url, attempt), onSignal }).pipe(
        Effect.scoped,
        // A fault of ours costs this connection, and never the session.
        Effect.catchDefect((defect) =>
          Effect.logError("The connection to the hub failed", defect).pipe(
            Effect.andThen(Effect.fail(HubLoss.Unreachable({ problem: String(defect) })))
          )
        ),
        Effect.flip
      )
      yield* Effect.logDebug(`No connection to the hub at ${url}: ${HubLoss.describe(loss)}`)
      if (now()._tag === "Connected") return Round.Lost({ url, loss })
      failures.push({ url, loss })
    }
    return Round.InVain({ failures })
  })

  const wait = Effect.fnUntraced(function*(url: string, problem: string, delay: Duration.Duration) {
    const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
    yield* become(State.Waiting({ url, problem, retryAt }))
    yield* Effect.sleep(delay)
  })

  /** Never a hub since we left `Idle`, and none now: whoever waits to join is told so. */
  const giveUp = Effect.fnUntraced(function*(failures: ReadonlyArray<Failure>) {
    const error = toJoinError(hubs, failures)
    for (const member of members) yield* Deferred.fail(member.announced, error)
  })

  const live = Effect.gen(function*() {
    const pause = (failures: number) =>
      backoff(failures, { initial: timings.backoffInitial, limit: timings.backoffLimit })
    let order: ReadonlyArray<string> = hubs
    let greeted = false
    let failures = 0
    while (true) {
      const end = yield* round(order, failures + 1)
      order = hubs
      if (end._tag === "InVain") {
        if (!greeted) yield* giveUp(end.failures)
        yield* wait(hubs[0], describeAll(end.failures), yield* pause(failures))
        failures += 1
        continue
      }
      const { loss, url } = end
      const problem = HubLoss.describe(loss)
      greeted = true
      switch (loss._tag) {
        case "Closing":
          // All its peers come back now, so not at once, and to the other hubs first.
          order = [...hubs.filter((hub) => hub !== url), url]
          failures = 0
          yield* wait(url, problem, yield* upTo(timings.returnSpread))
          break
        case "Refused":
          // A greeting that ends in a refusal is no success, and must not become a hammer.
          yield* wait(url, problem, yield* pause(failures))
          failures += 1
          break
        case "Unreachable":
          yield* wait(url, problem, yield* pause(0))
          failures = 1
          break
      }
    }
  })

  // -------------------------------------------------------------------------------------------------
  // coming and going
  // -------------------------------------------------------------------------------------------------

  const hangUp = (next: State) => Effect.andThen(FiberHandle.clear(actor), become(next))

  const enter = (member: Member) =>
    door.withPermit(Effect.suspend(() => {
      const current = now()
      if (current._tag === "Closed") return Effect.fail(unreachable("this session is closed"))
      members.add(member)
      switch (current._tag) {
        case "Idle":
          return FiberHandle.run(actor, Effect.provideContext(live, context))
        case "Announcing":
          return Effect.ignore(announce(current.connection, member.networkName))
        case "Connected":
          return announce(current.connection, member.networkName).pipe(
            Effect.andThen(tellAnnounced(member)),
            Effect.ignore
          )
        case "Dialling":
        case "Waiting":
          return Effect.void // announced when a hub is there
      }
    }))

  const leave = (member: Member) =>
    door.withPermit(Effect.gen(function*() {
      if (!members.remove(member)) return
      yield* Queue.shutdown(member.news)
      if (!members.networks.has(member.networkName)) yield* goodbye(member.networkName)
      if (members.size === 0) yield* hangUp(State.Idle())
    }))

  const close = door.withPermit(Effect.gen(function*() {
    for (const networkName of members.networks) yield* goodbye(networkName)
    for (const member of members) {
      members.remove(member)
      yield* Queue.shutdown(member.news)
      yield* Deferred.fail(member.announced, unreachable("this session is closed"))
    }
    yield* hangUp(State.Closed())
    yield* PubSub.shutdown(state.pubsub)
  }))
  yield* Effect.addFinalizer(() => close)

  const membership = (member: Member, foreignBefore: number): HubMembership => ({
    networkName: member.networkName,
    news: member.news,
    foreign: Effect.sync(() => members.foreign - foreignBefore),
    send: (signal) =>
      Effect.suspend(() => {
        const current = now()
        if (!members.has(member)) return Effect.fail(unreachable("this network was left"))
        if (current._tag !== "Connected") return Effect.fail(unreachable("not connected at this moment"))
        return current.connection.send({ ...signal, networkName: member.networkName }).pipe(
          Effect.mapError((loss) => unreachable(HubLoss.describe(loss)))
        )
      })
  })

  const join = Effect.fn("HubSession.join")(function*(networkName: NetworkName) {
    const foreignBefore = members.foreign
    const member = yield* makeMember(networkName)
    yield* Effect.acquireRelease(enter(member), () => leave(member))
    // The caller's scope may live on after a failed join; the member must not.
    yield* Effect.onError(Deferred.await(member.announced), () => leave(member))
    return membership(member, foreignBefore)
  })

  return {
    state: Effect.sync(() => toHubState(now())),
    changes: SubscriptionRef.changes(state).pipe(Stream.map(toHubState), Stream.changes),
    join
  } satisfies HubSession
})

/** Why a round in vain fails a join: a refusal says more than a hub that is not there. */
const toJoinError = (hubs: ReadonlyArray<string>, failures: ReadonlyArray<Failure>): HubRefused | HubUnreachable => {
  for (const { loss, url } of failures) {
    if (loss._tag === "Refused") return new HubRefused({ url, code: loss.code, reason: loss.reason })
  }
  return new HubUnreachable({ urls: hubs, problem: describeAll(failures) })
}

/** What is wrong with every hub; its name is left out where there is but one. */
const describeAll = (failures: ReadonlyArray<Failure>): string =>
  failures.map(({ loss, url }) => `${failures.length === 1 ? "" : `${url}: `}${HubLoss.describe(loss)}`).join("; ")
