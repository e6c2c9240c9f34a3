/**
 * A bridge between two networks: a peer of both that says in each what was said to everyone in the other, as far as a
 * filter lets it through.
 *
 * It owns two meshes, each strict and with an identity of its own. They share nothing but what the bridge carries by
 * hand, so that isolation holds by construction and a bridge that ends leaves two networks that know nothing of each
 * other. A hub sees two peers.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { BridgeStatus, WayStatus } from "../domain/BridgeStatus.ts"
import { type HubRefused, type HubUnreachable, InvalidInput, NotJoined } from "../domain/Errors.ts"
import { type Broadcast, isBroadcast } from "../domain/MeshEvent.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import { short } from "../domain/PeerId.ts"
import { Identity } from "../services/Identity.ts"
import { Preferences } from "../services/Preferences.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import type { WebRtc } from "../services/WebRtc.ts"
import { Mesh } from "./Mesh.ts"
import type { MeshOptions } from "./MeshOptions.ts"

/** How long a filter may think about one message. @category constants */
export const filterPatience = Duration.seconds(5)

/**
 * How long a message may wait before it is dropped. Even through as many networks as a message may pass, it then arrives
 * while those who have it from a faster bridge still remember it (5 minutes).
 *
 * @category constants
 */
export const patience = Duration.seconds(20)

/** Messages that wait for the filter or for the other side, in one direction; what comes meanwhile is dropped. @category constants */
export const capacity = 64

/** Messages relayed in one direction unless told otherwise: 100 a second. @category constants */
export const defaultRate: Rate = { messages: 100, per: Duration.seconds(1) }

/**
 * Decides whether a message crosses. One that throws, fails or takes longer than 5 s lets nothing through.
 *
 * @category models
 */
export type Filter = (message: Broadcast) => boolean | Effect.Effect<boolean, unknown>

/** So many messages in so much time, and no more than that at once. @category models */
export interface Rate {
  /** At least 1. */
  readonly messages: number
  readonly per: Duration.Input
}

/** What crosses a bridge. @category models */
export interface Crossing {
  /**
   * What is let through: one filter for both directions, or one each under the name of the network in which messages
   * are said; a direction without one lets nothing through.
   */
  readonly filter: Filter | { readonly [networkName: string]: Filter }
  /** The most that is relayed in each direction; what is more is dropped and counted. Default: 100 messages a second. */
  readonly rate?: Rate
}

/** @category models */
export interface BridgeOptions extends Crossing, Omit<MeshOptions, "networkName" | "allowGlobalFallback"> {
  /** The two networks. */
  readonly between: readonly [string, string]
}

/** @category services */
export class NetworkBridge extends Context.Service<NetworkBridge, {
  readonly between: readonly [NetworkName, NetworkName]
  readonly status: Effect.Effect<BridgeStatus>
}>()("homing/NetworkBridge") {
  /**
   * A bridge over the signaling and WebRTC layers of a platform, such as `layer` of `homing/node`, with two fresh
   * identities. It joins both networks and stands until its scope closes. Fails with `InvalidInput` when an option cannot
   * be used, and as `Mesh.join` does.
   */
  static readonly layer = (
    { between, filter, rate, ...options }: BridgeOptions
  ): Layer.Layer<
    NetworkBridge,
    InvalidInput | HubUnreachable | HubRefused | CryptoError.CryptoError,
    SignalingTransport | WebRtc
  > => {
    const [first, second] = between
    const side = (networkName: string) =>
      Mesh.layer({ ...options, networkName, allowGlobalFallback: false }).pipe(
        Layer.provide(Layer.fresh(Identity.layer))
      )
    return NetworkBridge.layerOf({
      between: [side(first), side(second)],
      filter,
      ...(rate === undefined ? {} : { rate })
    })
  }

  /**
   * A bridge of two meshes of one's own, with identities that others know, say. It builds both, forbids them to fall
   * back, and lets them join.
   */
  static readonly layerOf = <E1, R1, E2, R2>(
    { between: [first, second], ...crossing }: Crossing & {
      readonly between: readonly [Layer.Layer<Mesh, E1, R1>, Layer.Layer<Mesh, E2, R2>]
    }
  ): Layer.Layer<NetworkBridge, E1 | E2 | InvalidInput | HubUnreachable | HubRefused, R1 | R2> =>
    Layer.effect(
      NetworkBridge,
      Effect.gen(function*() {
        const meshes = [yield* meshOf(first), yield* meshOf(second)] as const
        return yield* make(meshes, crossing)
      })
    )
}

/** Where its meshes are is the bridge's own affair, and not what an application's mesh is to remember. */
const forgetful = Layer.succeed(Preferences, { recall: Effect.succeed({}), remember: () => Effect.void })

const meshOf = <E, R>(layer: Layer.Layer<Mesh, E, R>) =>
  Effect.map(
    Layer.build(Layer.fresh(layer).pipe(Layer.provide(forgetful))),
    (context) => Context.get(context, Mesh)
  )

type AMesh = Mesh["Service"]

const make = Effect.fnUntraced(function*(meshes: readonly [AMesh, AMesh], crossing: Crossing) {
  const [first, second] = meshes
  const between = [yield* first.originalNetworkName, yield* second.originalNetworkName] as const
  const [one, other] = between
  if (one === other) {
    return yield* new InvalidInput({ field: "between", problem: `both networks are ${one}; a bridge needs two` })
  }
  const rate = yield* checkedRate(crossing.rate ?? defaultRate)
  const filterFrom = yield* checkedFilters(crossing.filter, between)
  const ways = [
    yield* makeWay(first, second, { from: one, into: other, filter: filterFrom(one), rate }),
    yield* makeWay(second, first, { from: other, into: one, filter: filterFrom(other), rate })
  ] as const

  yield* Effect.forEach(
    meshes,
    (mesh) =>
      Effect.andThen(
        mesh.setAllowGlobalFallback(false),
        // Two fresh meshes are in no network yet.
        Effect.catchTag(mesh.join, "AlreadyJoined", Effect.die)
      ),
    { concurrency: "unbounded", discard: true }
  )

  const [there, back] = ways
  return NetworkBridge.of({
    between,
    status: Effect.gen(function*() {
      return { meshes: [yield* first.status, yield* second.status], ways: [there(), back()] }
    })
  })
})

/** Checked options of one direction. */
interface WayOptions {
  readonly from: NetworkName
  readonly into: NetworkName
  readonly filter: Filter
  readonly rate: CheckedRate
}

interface Waiting {
  readonly message: Broadcast
  /** When it was heard, in milliseconds since 1970. */
  readonly since: number
}

/** Starts to carry messages in one direction, and gives its status. */
const makeWay = Effect.fnUntraced(function*(source: AMesh, target: AMesh, { filter, from, into, rate }: WayOptions) {
  const counts = { heard: 0, relayed: 0, refused: 0, known: 0, dropped: 0, failed: 0, missed: 0 }
  // Its own, so that a slow filter or a slow network does not slow the one from which messages come.
  const waiting = yield* Queue.dropping<Waiting>(capacity)
  const allowance = makeAllowance(rate, yield* Clock.currentTimeMillis)

  yield* source.events.pipe(
    Stream.runForEach((event) =>
      Effect.map(Clock.currentTimeMillis, (since) => {
        if (event._tag === "Missed") counts.missed += event.count
        if (!isBroadcast(event) || event.networkName !== from) return
        counts.heard++
        if (!Queue.offerUnsafe(waiting, { message: event, since })) counts.dropped++
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )

  /** What becomes of a message. */
  const cross = Effect.fnUntraced(function*({ message, since }: Waiting) {
    if ((yield* Clock.currentTimeMillis) - since > Duration.toMillis(patience)) return "dropped"
    if (!(yield* passes(filter, message))) return "refused"
    if (!allowance.take(yield* Clock.currentTimeMillis)) return "dropped"
    if ((yield* target.networkName) !== into) return yield* new NotJoined({ operation: `relay to ${into}` })
    if (yield* target.relay(message)) return "relayed"
    allowance.giveBack()
    return "known"
  })

  const carry = Effect.fnUntraced(function*(next: Waiting) {
    const outcome = yield* Effect.exit(cross(next))
    if (Exit.isSuccess(outcome)) return void counts[outcome.value]++
    // The first failure is for people to read; the others are most likely the same again.
    const log = counts.failed++ === 0 ? Effect.logWarning : Effect.logDebug
    yield* log(`a message of ${short(next.message.from)} could not be brought from ${from} to ${into}`, outcome.cause)
  })

  yield* Queue.take(waiting).pipe(Effect.flatMap(carry), Effect.forever, Effect.forkScoped)

  return (): WayStatus => {
    const { dropped, failed, heard, known, refused, relayed } = counts
    return { from, into, ...counts, waiting: heard - relayed - refused - known - dropped - failed }
  }
})

const passes = (filter: Filter, message: Broadcast): Effect.Effect<boolean, unknown> =>
  Effect.suspend(() => {
    const verdict = filter(message)
    return typeof verdict === "boolean" ? Effect.succeed(verdict) : Effect.timeout(verdict, filterPatience)
  })

// ---------------------------------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------------------------------

const nothing: Filter = () => false

/** The filter of each direction. */
const checkedFilters = Effect.fnUntraced(function*(
  filter: Crossing["filter"],
  between: readonly [NetworkName, NetworkName]
) {
  if (typeof filter === "function") return () => filter
  for (const name of Object.keys(filter)) {
    if (!between.some((known) => known === name)) {
      return yield* new InvalidInput({
        field: "filter",
        problem: `it names "${name}", and the bridge is between ${between.join(" and ")}`
      })
    }
  }
  return (from: NetworkName) => Object.hasOwn(filter, from) ? filter[from] ?? nothing : nothing
})

interface CheckedRate {
  readonly messages: number
  /** In milliseconds. */
  readonly per: number
}

const checkedRate = Effect.fnUntraced(function*({ messages, per }: Rate) {
  const millis = Option.match(Duration.fromInput(per), { onNone: () => 0, onSome: Duration.toMillis })
  if (messages >= 1 && Number.isFinite(messages) && millis > 0 && Number.isFinite(millis)) {
    return { messages, per: millis } satisfies CheckedRate
  }
  return yield* new InvalidInput({
    field: "rate",
    problem: `${messages} messages in ${String(per)}; expected at least 1, in more than no time`
  })
})

/** A token bucket that starts full. Times are in milliseconds. */
const makeAllowance = ({ messages, per }: CheckedRate, start: number) => {
  let left = messages
  let at = start
  return {
    take: (now: number): boolean => {
      left = Math.min(messages, left + (now - at) * messages / per)
      at = now
      if (left < 1) return false
      left--
      return true
    },
    giveBack: () => {
      left = Math.min(messages, left + 1)
    }
  }
}
