/**
 * A session with hubs: what we want of them, and the actor that keeps one connection for it.
 *
 * The actor lives while there is a membership, a watch or a question. It tries the hubs in order until one greets us, serves that connection
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
import { HubUnreachable } from "../../domain/Errors.ts"
import * as NetworkName from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import { feature, type HubSignal, type IceServer, type NetworkSummary } from "../../domain/Signal.ts"
import type { Farewell, HubMembership, HubSession, JoinOptions } from "../SignalingTransport.ts"
import * as Alternatives from "./Alternatives.ts"
import { backoff, upTo } from "./Backoff.ts"
import { describeAll, type Failure, toJoinError } from "./Failure.ts"
import * as HubConnection from "./HubConnection.ts"
import * as HubLoss from "./HubLoss.ts"
import { HubTimings } from "./HubTimings.ts"
import { makeMember, type Member, Members } from "./Members.ts"
import { State, toHubState } from "./SessionState.ts"
import * as Watches from "./Watches.ts"

/** The version of our dialect that an announcement claims. */
const dialect = 1

/** Milliseconds below which a stay was none. */
const shortStay = 5000

/** How a round through the hubs ends. */
type Round = Data.TaggedEnum<{
  /** A hub greeted us, and later, after so many milliseconds, the connection was lost. */
  Lost: Failure & { readonly stayed: number }
  InVain: { readonly failures: ReadonlyArray<Failure> }
}>
const Round = Data.taggedEnum<Round>()

/** A question for the list of networks, until it is answered. */
type Question = Deferred.Deferred<ReadonlyArray<NetworkSummary>, HubUnreachable>

type Connected = Extract<State, { readonly _tag: "Connected" }>

/**
 * Opens a session. It connects when the first network is joined or watched, or something is asked, and hangs up when
 * nothing is wanted any more.
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
  const watches = new Watches.Watches()
  const questions = new Set<Question>()
  let iceServers: ReadonlyArray<IceServer> = []
  const state = yield* SubscriptionRef.make<State>(State.Idle())
  const actor = yield* FiberHandle.make<never>()
  // Members, watches and questions come and go one at a time: who joins while the last one leaves waits for the goodbye, and then dials.
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

  const announce = (connection: HubConnection.HubConnection, networkName: NetworkName.NetworkName) =>
    connection.send({
      type: "announce",
      data: { peerId, homing: dialect, ...(members.discoverable(networkName) ? {} : { discoverable: false }) },
      networkName
    })

  const holdsSeveral = ({ features }: Connected) => features.has(feature.memberships)

  const takeLeave = Effect.fnUntraced(function*(networkName: NetworkName.NetworkName, farewell: Farewell) {
    const current = now()
    if (current._tag !== "Announcing" && current._tag !== "Connected") return
    const several = current._tag === "Connected" && holdsSeveral(current)
    if (!several && current.announced !== networkName) return
    const timestamp = yield* Clock.currentTimeMillis
    yield* Effect.ignore(current.connection.send(
      farewell === "leave" && several
        ? { type: "leave", networkName }
        : { type: "goodbye", data: { peerId, timestamp }, networkName }
    ))
  })

  /** Whether a network can be announced on a connection; an older hub holds one at a time. */
  const canAnnounce = (current: Connected, networkName: NetworkName.NetworkName) =>
    holdsSeveral(current) || current.announced === undefined || current.announced === networkName

  /** Begins anew with the newest network, at a hub that cannot leave the other. */
  const renew = ({ connection }: Connected) =>
    connection.renew("another network is joined, and the hub holds one at a time")

  /** Watches a network, or says anew how; an older hub is left alone. */
  const sayWatch = ({ connection, features }: Connected, networkName: NetworkName.NetworkName) =>
    features.has(feature.watch)
      ? Effect.ignore(connection.send({ type: "watch", data: { waiting: watches.waiting(networkName) }, networkName }))
      : watches.show({ _tag: "Unsupported" }, networkName)

  const sayUnwatch = ({ connection, features }: Connected, networkName: NetworkName.NetworkName) =>
    features.has(feature.watch) ? Effect.ignore(connection.send({ type: "unwatch", networkName })) : Effect.void

  const ask = ({ connection, features }: Connected, question: Question) =>
    features.has(feature.networks)
      ? Effect.ignore(connection.send({ type: "networks" }))
      : Deferred.fail(question, unreachable("the hub there is older and does not list its networks"))

  const tellAnnounced = (member: Member) =>
    Effect.andThen(Queue.offer(member.news, { _tag: "Announced" }), Deferred.succeed(member.announced, undefined))

  // -------------------------------------------------------------------------------------------------
  // the actor
  // -------------------------------------------------------------------------------------------------

  const onOpen = (url: string, attempt: number) =>
    Effect.fnUntraced(function*(connection: HubConnection.HubConnection) {
      // One, until the hub has said that it can hold several.
      const announced = members.newest
      yield* become(State.Announcing({ url, attempt, connection, announced }))
      if (announced !== undefined) yield* Effect.ignore(announce(connection, announced))
    })

  const onGreeting = Effect.fnUntraced(function*({ data }: Extract<HubSignal, { readonly type: "connected" }>) {
    iceServers = data.iceServers ?? []
    const features = new Set(data.homing?.features)
    const current = now()
    if (current._tag !== "Announcing") return
    const { announced, connection, url } = current
    const since = yield* Clock.currentTimeMillis
    const connected = State.Connected({ url, since, connection, announced, features })
    const wanted = yield* becomeAndSee(connected, () => ({
      members: Array.from(members),
      networks: watches.networks,
      questions: Array.from(questions)
    }))
    if (holdsSeveral(connected)) {
      for (const networkName of new Set(wanted.members.map((member) => member.networkName))) {
        if (networkName !== announced) yield* Effect.ignore(announce(connection, networkName))
      }
    } else if (members.newest !== announced) {
      return yield* renew(connected)
    }
    for (const member of wanted.members) yield* tellAnnounced(member)
    for (const networkName of wanted.networks) {
      if (watches.networks.has(networkName)) yield* sayWatch(connected, networkName)
    }
    for (const question of wanted.questions) yield* ask(connected, question)
  })

  const onSignal = (signal: HubSignal): Effect.Effect<void> => {
    switch (signal.type) {
      case "ice-servers":
        return Effect.sync(() => void (iceServers = signal.data.iceServers))
      case "connected":
        return onGreeting(signal)
      case "error":
        return Effect.logDebug(`The hub reports an error: ${signal.error.slice(0, 1024)}`)
      case "network-counts":
        return watches.show({ _tag: "Counts", ...signal.data }, NetworkName.ofMessage(signal))
      case "networks":
        return Effect.forEach(questions, (question) => Deferred.succeed(question, signal.data.networks), {
          discard: true
        })
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
      const current = now()
      if (current._tag === "Connected" || loss._tag === "TakenOver") {
        const at = yield* Clock.currentTimeMillis
        return Round.Lost({ url, loss, stayed: current._tag === "Connected" ? at - current.since : 0 })
      }
      failures.push({ url, loss })
    }
    return Round.InVain({ failures })
  })

  const wait = Effect.fnUntraced(function*(url: string, problem: string, delay: Duration.Duration) {
    const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
    yield* become(State.Waiting({ url, problem, retryAt }))
    yield* watches.show({ _tag: "Unknown" })
    for (const question of questions) yield* Deferred.fail(question, unreachable(problem))
    yield* Effect.sleep(delay)
  })

  /** Never a hub since we left `Idle`, and none now: whoever waits to join is told so. */
  const giveUp = Effect.fnUntraced(function*(failures: ReadonlyArray<Failure>) {
    const error = toJoinError(hubs, failures)
    for (const member of members) yield* Deferred.fail(member.announced, error)
  })

  /** Leaves the hub to the newer connection, and the mesh to its links. Whoever joins anew dials again; watches and questions, which programs repeat by themselves, do not. */
  const giveWay = Effect.fnUntraced(function*(url: string, problem: string) {
    yield* become(State.TakenOver({ url, problem }))
    yield* Effect.logWarning(
      `The hub at ${url} was left: ${problem}. Leave the network and join it anew to take it back`
    )
    yield* watches.show({ _tag: "Unknown" })
    for (const question of questions) yield* Deferred.fail(question, unreachable(problem))
    for (const member of members) yield* Deferred.fail(member.announced, unreachable(problem))
    return yield* Effect.never
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
      const { loss, stayed, url } = end
      const problem = HubLoss.describe(loss)
      greeted = true
      switch (loss._tag) {
        case "Closing":
          // All its peers come back now, so not at once, and to the other hubs first.
          order = yield* Alternatives.after(url, loss.hubs, hubs)
          failures = 0
          yield* wait(url, problem, yield* upTo(timings.returnSpread))
          break
        case "Refused":
          // A greeting that ends in a refusal is no success, and must not become a hammer.
          yield* wait(url, problem, yield* pause(failures))
          failures += 1
          break
        case "TakenOver":
          return yield* giveWay(url, problem)
        case "Expired":
          // A token that ends as soon as it began is as good as a refusal.
          if (stayed < shortStay) {
            yield* wait(url, problem, yield* pause(failures))
            failures += 1
            break
          }
          order = [url, ...hubs.filter((hub) => hub !== url)]
          failures = 0
          break
        case "Renewed":
          order = [url, ...hubs.filter((hub) => hub !== url)]
          failures = 0
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

  const dial = Effect.suspend(() => FiberHandle.run(actor, Effect.provideContext(live, context)))

  const hangUp = (next: State) => Effect.andThen(FiberHandle.clear(actor), become(next))

  const hangUpIfUnused = Effect.suspend(() =>
    members.size + watches.size + questions.size === 0 ? hangUp(State.Idle()) : Effect.void
  )

  const enter = (member: Member) =>
    door.withPermit(Effect.suspend(() => {
      const current = now()
      if (current._tag === "Closed") return Effect.fail(unreachable("this session is closed"))
      members.add(member)
      switch (current._tag) {
        case "Idle":
        case "TakenOver":
          return dial
        case "Announcing": {
          const { announced = member.networkName, connection } = current
          // Another than the first is announced once the hub has said that it can hold several.
          if (announced !== member.networkName) return Effect.void
          return Effect.andThen(become({ ...current, announced }), Effect.ignore(announce(connection, announced)))
        }
        case "Connected":
          if (!canAnnounce(current, member.networkName)) return renew(current)
          return become({ ...current, announced: current.announced ?? member.networkName }).pipe(
            Effect.andThen(announce(current.connection, member.networkName)),
            Effect.andThen(tellAnnounced(member)),
            Effect.ignore
          )
        case "Dialling":
        case "Waiting":
          return Effect.void // announced when a hub is there
      }
    }))

  const withdraw = Effect.fnUntraced(function*({ farewell, networkName }: Member) {
    const current = now()
    const alone = current._tag !== "Connected" || holdsSeveral(current) || members.size === 0
    if (alone) return yield* takeLeave(networkName, yield* farewell)
    // To an older hub every goodbye is one for good; so what is left is announced on a connection of its own.
    if (current.announced === networkName) yield* renew(current)
  })

  const leave = (member: Member) =>
    door.withPermit(Effect.gen(function*() {
      if (!members.remove(member)) return
      yield* Queue.shutdown(member.news)
      if (!members.networks.has(member.networkName)) yield* withdraw(member)
      yield* hangUpIfUnused
    }))

  const beginWatch = (watch: Watches.Watch) =>
    door.withPermit(Effect.suspend(() => {
      const current = now()
      if (current._tag === "Closed") return Effect.void
      watches.add(watch)
      if (current._tag === "Idle") return dial
      // In any other state it is said when a hub greets us.
      return current._tag === "Connected" ? sayWatch(current, watch.networkName) : Effect.void
    }))

  const endWatch = (watch: Watches.Watch) =>
    door.withPermit(Effect.gen(function*() {
      yield* Watches.close(watch)
      if (!watches.remove(watch)) return
      const current = now()
      const { networkName } = watch
      if (current._tag === "Connected") {
        if (!watches.networks.has(networkName)) yield* sayUnwatch(current, networkName)
        else if (watch.waiting !== watches.waiting(networkName)) yield* sayWatch(current, networkName)
      }
      yield* hangUpIfUnused
    }))

  const beginQuestion = (question: Question) =>
    door.withPermit(Effect.suspend((): Effect.Effect<unknown, HubUnreachable> => {
      const current = now()
      if (current._tag === "Closed") return Effect.fail(unreachable("this session is closed"))
      if (current._tag === "Waiting" || current._tag === "TakenOver") return Effect.fail(unreachable(current.problem))
      questions.add(question)
      if (current._tag === "Idle") return dial
      return current._tag === "Connected" ? ask(current, question) : Effect.void
    }))

  const endQuestion = (question: Question) =>
    door.withPermit(Effect.suspend(() => questions.delete(question) ? hangUpIfUnused : Effect.void))

  const close = door.withPermit(Effect.gen(function*() {
    for (const networkName of members.networks) yield* takeLeave(networkName, "goodbye")
    for (const member of members) {
      members.remove(member)
      yield* Queue.shutdown(member.news)
      yield* Deferred.fail(member.announced, unreachable("this session is closed"))
    }
    for (const watch of watches) {
      watches.remove(watch)
      yield* Watches.close(watch)
    }
    for (const question of questions) yield* Deferred.fail(question, unreachable("this session is closed"))
    questions.clear()
    yield* hangUp(State.Closed())
    yield* PubSub.shutdown(state.pubsub)
  }))
  yield* Effect.addFinalizer(() => close)

  /** Says something as a member, or fails when no hub would take it as that. */
  const throughHub = (
    member: Member,
    say: (connection: HubConnection.HubConnection) => Effect.Effect<void, HubLoss.HubLoss>
  ) =>
    Effect.suspend(() => {
      const current = now()
      if (!members.has(member)) return Effect.fail(unreachable("this network was left"))
      if (current._tag !== "Connected" || !canAnnounce(current, member.networkName)) {
        return Effect.fail(unreachable("not connected at this moment"))
      }
      return Effect.mapError(say(current.connection), (loss) => unreachable(HubLoss.describe(loss)))
    })

  const membership = (member: Member, foreignBefore: number): HubMembership => ({
    networkName: member.networkName,
    news: member.news,
    foreign: Effect.sync(() => members.foreign - foreignBefore),
    announce: throughHub(member, (connection) => announce(connection, member.networkName)),
    report: (label) =>
      throughHub(
        member,
        (connection) => connection.send({ type: "ping", data: { label }, networkName: member.networkName })
      ),
    send: (signal) =>
      throughHub(member, (connection) => connection.send({ ...signal, networkName: member.networkName }))
  })

  const join = Effect.fn("HubSession.join")(function*(networkName: NetworkName.NetworkName, options?: JoinOptions) {
    const foreignBefore = members.foreign
    const member = yield* makeMember(networkName, options)
    yield* Effect.acquireRelease(enter(member), () => leave(member))
    // The caller's scope may live on after a failed join; the member must not.
    yield* Effect.onError(Deferred.await(member.announced), () => leave(member))
    return membership(member, foreignBefore)
  })

  const watch = Effect.fn("HubSession.watch")(
    function*(networkName: NetworkName.NetworkName, options?: { readonly waiting?: boolean }) {
      const watch = yield* Watches.makeWatch(networkName, options?.waiting === true)
      yield* Effect.acquireRelease(beginWatch(watch), () => endWatch(watch))
      return Watches.changes(watch)
    }
  )

  const networks = Effect.gen(function*() {
    const question = yield* Deferred.make<ReadonlyArray<NetworkSummary>, HubUnreachable>()
    yield* Effect.acquireRelease(beginQuestion(question), () => endQuestion(question))
    return yield* Deferred.await(question)
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: timings.answerTimeout,
      orElse: () => Effect.fail(unreachable(`no answer within ${Duration.format(timings.answerTimeout)}`))
    }),
    Effect.withSpan("HubSession.networks")
  )

  return {
    state: Effect.sync(() => toHubState(now())),
    changes: SubscriptionRef.changes(state).pipe(Stream.map(toHubState), Stream.changes),
    join,
    watch,
    networks,
    iceServers: Effect.sync(() => iceServers)
  } satisfies HubSession
})
