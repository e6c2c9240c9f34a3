/**
 * The hubs that this one dials: those that it was told of, for as long as it lives, and some of those that it has learned of
 * while it has few neighbours. A socket that WebRTC has replaced is let go, all but one, which is kept as a lifeline.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import type { PeerId } from "../../../domain/PeerId.ts"
import type { Health, HubView } from "../../backplane/Backplane.ts"
import { HubDialer, type HubNotThere } from "../Duplex.ts"
import { Timings } from "../FederationSettings.ts"
import * as Handshake from "../Handshake.ts"
import type { Relay } from "../Relay.ts"
import { converse } from "./Conversation.ts"

/** Hubs that are dialled since others told of them, besides those of the list. */
const maxLearned = 4

/** Neighbours that a hub wants, as far as there are hubs. */
const enough = 2

/** How often it is looked which sockets are wanted. */
const glance = Duration.seconds(1)

/** A hub that is dialled, or might be. */
interface Prospect {
  readonly url: string
  /** Whether it was told of by other hubs, and not by whoever runs this one. */
  readonly learned: boolean
  /** Whether nobody wants to hear that it is not there. */
  readonly quiet: boolean
  /** The hub there, once known. */
  hub: PeerId | undefined
  /** Whether a connection to it stands. */
  linked: boolean
  /** Whether a connection is wanted. */
  readonly wanted: Latch.Latch
  /** Ends the connection that stands, when done. */
  hangUp: Deferred.Deferred<void>
  /** Why there is none, and since when. */
  problem: { readonly text: string; readonly since: number } | undefined
}

/** @category models */
export interface Prospects {
  /** Those that are not connected, and why. */
  readonly views: ReadonlyArray<HubView>
  /** Whether any hub is connected, if some should be. */
  readonly health: Health
}

/** Nobody is dialled. @category constants */
export const none: Prospects = { views: [], health: { _tag: "Well" } }

/** Dials hubs until the scope closes. @category constructors */
export const make = Effect.fnUntraced(function*(options: {
  readonly relay: Relay
  readonly bootstrap: ReadonlyArray<string>
  /** Where there may be a hub, which is not missed otherwise. */
  readonly nearby: ReadonlyArray<string>
  readonly credentials: Handshake.Credentials
  /** For how long a link over WebRTC stands before the socket beside it is let go, in milliseconds. */
  readonly migrationDelay: number
  readonly now: () => number
}) {
  const { credentials, migrationDelay, now, relay } = options
  const timings = yield* Timings
  const { dial } = yield* HubDialer
  const random = yield* Random.Random
  const prospects = new Map<string, Prospect>()
  /** Since when hubs are linked over WebRTC. */
  const migrated = new Map<PeerId, number>()

  // ------------------------------------------------------------------------------------------------
  // dialling
  // ------------------------------------------------------------------------------------------------

  /** One connection with a hub, from dialling it to its end. */
  const connect = Effect.fnUntraced(function*(prospect: Prospect) {
    const hangUp = yield* Deferred.make<void>()
    const duplex = yield* Effect.timeoutOrElse(dial(prospect.url), {
      duration: timings.patience,
      orElse: () => Effect.fail(new Handshake.HubNotAdmitted({ problem: "it does not answer", isSelf: false }))
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => void (prospect.linked = false)))
    const conversation = converse(relay, duplex, "dialler", credentials, (hub) => {
      prospect.hub = hub
      prospect.linked = true
      prospect.problem = undefined
      prospect.hangUp = hangUp
    })
    yield* Effect.raceFirst(conversation, Deferred.await(hangUp))
  }, Effect.scoped)

  const failed = Effect.fnUntraced(function*(prospect: Prospect, error: HubNotThere | Handshake.HubNotAdmitted) {
    if (error._tag === "HubNotAdmitted" && error.hub !== undefined) prospect.hub = error.hub
    if (prospect.problem?.text === error.problem) return
    prospect.problem = { text: error.problem, since: now() }
    const report = prospect.quiet ? Effect.logDebug : Effect.logWarning
    yield* report(`Not connected with the hub at ${prospect.url}: ${error.problem}`)
  })

  /** Stays connected with a hub for as long as that is wanted. */
  const pursue = Effect.fnUntraced(function*(prospect: Prospect) {
    const first = Duration.toMillis(timings.redial)
    let pause = first
    while (true) {
      yield* prospect.wanted.await
      const result = yield* connect(prospect).pipe(
        Effect.tapError((error) => failed(prospect, error)),
        Effect.result
      )
      if (result._tag === "Success") pause = first
      else if (result.failure._tag === "HubNotAdmitted") {
        // Nobody connects with oneself.
        if (result.failure.isSelf) return
        pause = Duration.toMillis(timings.redialRefused)
      }
      yield* Effect.sleep(pause * (0.5 + random.nextDoubleUnsafe() / 2))
      pause = Math.min(pause * 2, Duration.toMillis(timings.redialAtMost))
    }
  })

  const pursuits = yield* FiberMap.make<string>()
  const add = Effect.fnUntraced(function*(url: string, learned: boolean, quiet = false) {
    if (prospects.has(url)) return
    const prospect: Prospect = {
      url,
      learned,
      quiet,
      hub: undefined,
      linked: false,
      wanted: Latch.makeUnsafe(true),
      hangUp: Deferred.makeUnsafe(),
      problem: undefined
    }
    prospects.set(url, prospect)
    yield* FiberMap.run(pursuits, url, pursue(prospect))
  })

  // ------------------------------------------------------------------------------------------------
  // which sockets are wanted
  // ------------------------------------------------------------------------------------------------

  const count = (is: (prospect: Prospect) => boolean): number => Array.from(prospects.values()).filter(is).length

  const survey = (at: number) => {
    for (const [hub, links] of relay.neighbours) {
      if (links.some(({ carrier }) => carrier === "webrtc")) migrated.set(hub, migrated.get(hub) ?? at)
      else migrated.delete(hub)
    }
    for (const hub of Array.from(migrated.keys())) if (!relay.neighbours.has(hub)) migrated.delete(hub)
  }

  /** Lets a socket go that WebRTC has replaced, unless it is the last. */
  const letGo = Effect.fnUntraced(function*(prospect: Prospect, at: number) {
    const since = prospect.hub === undefined ? undefined : migrated.get(prospect.hub)
    if (since === undefined || at - since < migrationDelay || count(({ linked }) => linked) <= 1) return
    prospect.wanted.closeUnsafe()
    prospect.linked = false
    yield* Effect.logInfo(`The socket to the hub at ${prospect.url} is let go: it is linked over WebRTC`)
    yield* Deferred.succeed(prospect.hangUp, undefined)
  })

  /** Lets go of sockets that are not needed any more, and wants those again that are missed. */
  const steer = Effect.gen(function*() {
    const at = now()
    survey(at)
    const { hubs } = relay.presence
    const few = relay.neighbours.size < Math.min(enough, Math.max(1, hubs.length))
    for (const prospect of prospects.values()) {
      const isNeighbour = prospect.hub !== undefined && relay.neighbours.has(prospect.hub)
      if (prospect.linked) yield* letGo(prospect, at)
      else if (!isNeighbour && (few || !prospect.learned)) prospect.wanted.openUnsafe()
      else if (prospect.learned && !few) prospect.wanted.closeUnsafe()
    }
    if (!few) return
    for (const { about, hub } of hubs) {
      const isWanted = !relay.neighbours.has(hub) && count(({ learned }) => learned) < maxLearned
      if (about.url !== undefined && isWanted) yield* add(about.url, true)
    }
  })

  for (const url of options.bootstrap) yield* add(url, false)
  for (const url of options.nearby) yield* add(url, true, true)
  yield* Effect.forkScoped(Effect.forever(Effect.delay(steer, glance)))

  return {
    get views() {
      return Array.from(prospects.values()).flatMap(({ hub, learned, problem, url }): ReadonlyArray<HubView> =>
        problem === undefined || learned || (hub !== undefined && relay.presence.knows(hub)) ? [] : [{
          ...(hub === undefined ? {} : { hub }),
          url,
          connection: "refused",
          metAt: problem.since,
          problem: problem.text
        }]
      )
    },
    get health(): Health {
      const told = Array.from(prospects.values()).filter(({ learned }) => !learned)
      if (relay.neighbours.size > 0 || told.length === 0) return { _tag: "Well" }
      const problem = told.find(({ problem }) => problem !== undefined)?.problem?.text ?? "none has answered yet"
      return { _tag: "Degraded", problem: `no other hub is connected: ${problem}` }
    }
  } satisfies Prospects as Prospects
})
