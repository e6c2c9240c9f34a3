/**
 * Where a mesh's health is read: its own links, what the hub counts in its home network, and how its last moves went.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { NetworkHealth } from "../domain/NetworkHealth.ts"
import type { NetworkName } from "../domain/NetworkName.ts"
import { HealthSchedule } from "../services/HealthSchedule.ts"
import type { Health } from "../services/HealthSource.ts"
import type { HubSession } from "../services/SignalingTransport.ts"
import * as Visit from "./Visit.ts"
import { sessionOf, type State, type Whereabouts } from "./Whereabouts.ts"

/** What a mesh sees of its health, and the one thing about it that its owner decides. @category models */
export interface OwnHealth extends Health {
  allowGlobalFallback(): boolean
  setAllowGlobalFallback(allow: boolean): Effect.Effect<void>
}

/** What the hub counts in the home network. */
interface Counts {
  readonly present: number
  readonly waiting: number
}

/** Starts to watch over a mesh's home in the scope. @category constructors */
export const make = Effect.fnUntraced(function*(options: {
  readonly hub: HubSession
  readonly whereabouts: Whereabouts
  readonly allowGlobalFallback: boolean
}) {
  const { hub, whereabouts } = options
  const { probes, settling } = yield* HealthSchedule
  const news = yield* PubSub.sliding<void>(1)
  const watch = yield* FiberHandle.make()
  let allow = options.allowGlobalFallback
  let counts: Counts | undefined
  let aloneSince: number | undefined
  let movedAt = 0
  let returnedAt: number | undefined
  let failedReturns = 0
  let last: NetworkName | undefined

  const tell = Effect.asVoid(PubSub.publish(news, undefined))

  /** What the hub cannot tell is seen by going there now and then. */
  const visitHome = Effect.suspend(() =>
    Visit.repeat({
      hub,
      networkName: whereabouts.home(),
      probes,
      tell: (present) => {
        counts = { present, waiting: 0 }
        return tell
      }
    })
  )

  /** Keeps the hub's counts of the home network up to date, as one who waits for it or as one who is there. */
  const watchHome = Effect.suspend(() => {
    counts = undefined
    // While it moves a mesh is in two networks, and would count itself.
    if (whereabouts.state()._tag !== "Joined") return FiberHandle.clear(watch)
    // Who stays home whatever happens counts nowhere else.
    const waiting = allow && whereabouts.current() !== whereabouts.home()
    const watching = Effect.gen(function*() {
      const seen = yield* hub.watch(whereabouts.home(), { waiting })
      const visits = yield* FiberHandle.make()
      yield* Stream.runForEach(seen, (next) => {
        counts = next._tag === "Counts" ? next : undefined
        return Effect.andThen(
          waiting && next._tag === "Unsupported"
            ? FiberHandle.run(visits, visitHome, { onlyIfMissing: true })
            : FiberHandle.clear(visits),
          tell
        )
      })
    })
    return FiberHandle.run(watch, Effect.scoped(watching))
  })

  const onChange = Effect.fnUntraced(function*(state: State) {
    const now = yield* Clock.currentTimeMillis
    const current = sessionOf(state)?.networkName
    if (current !== last) {
      const home = whereabouts.home()
      movedAt = now
      if (current === home && last !== undefined) returnedAt = now
      if (current !== undefined && current !== home && last === home) {
        // Only company makes a stay: who was alone from the start has not settled, however long the grace.
        const kept = returnedAt === undefined ? Infinity : (aloneSince ?? now) - returnedAt
        failedReturns = kept < Duration.toMillis(settling) ? failedReturns + 1 : 0
      }
      aloneSince = undefined
      last = current
    }
    yield* watchHome
    yield* tell
  })
  const changes = yield* whereabouts.changes
  yield* PubSub.take(changes).pipe(Effect.flatMap(onChange), Effect.forever, Effect.forkScoped)

  const now = Effect.gen(function*() {
    const state = whereabouts.state()
    if (state._tag !== "Joined") return undefined
    const at = yield* Clock.currentTimeMillis
    const { session } = state.stay
    const links = session.pool.size()
    const openLinks = session.pool.openCount()
    const candidates = session.membership.knownCount()
    const hubReachable = (yield* hub.state)._tag === "Connected"
    const originalNetworkName = whereabouts.home()
    const atHome = session.networkName === originalNetworkName
    const others = counts === undefined ? undefined : Math.max(0, counts.present - (atHome ? 1 : 0))
    // Whoever is at home is no company to somebody who is not.
    const alone = links === 0 && hubReachable && ((atHome ? others : undefined) ?? candidates) === 0
    aloneSince = alone ? aloneSince ?? at : undefined
    return {
      at,
      networkName: session.networkName,
      originalNetworkName,
      allowGlobalFallback: allow,
      openLinks,
      linksUnderWay: links - openLinks,
      candidates,
      hubReachable,
      ...(counts === undefined || others === undefined ? {} : { othersAtHome: others, othersWaiting: counts.waiting }),
      aloneForMillis: aloneSince === undefined ? 0 : at - aloneSince,
      sinceSwitchMillis: at - movedAt,
      failedReturns
    } satisfies NetworkHealth
  })

  return {
    now,
    news: Stream.fromPubSub(news),
    allowGlobalFallback: () => allow,
    setAllowGlobalFallback: (next) =>
      Effect.suspend(() => {
        allow = next
        return Effect.andThen(watchHome, tell)
      })
  } satisfies OwnHealth as OwnHealth
})
