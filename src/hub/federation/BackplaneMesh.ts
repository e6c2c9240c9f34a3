/**
 * Hubs linked with each other. A hub dials those it was told of, learns of the others from them, and with a fabric links
 * with some of them over WebRTC. Then sockets are let go, all but one, which is kept as a lifeline; when links get few,
 * they are taken up again.
 *
 * What is said over the links is the business of `Relay`. Which links there are is that of `mesh`: the hubs that are dialled
 * (`Prospects`), sockets from handshake to end (`Conversation`), and the links of the fabric (`Woven`).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import { Backplane, type Elsewhere } from "../backplane/Backplane.ts"
import { type Duplex, HubDialer } from "./Duplex.ts"
import { Fabric } from "./Fabric.ts"
import { Timings } from "./FederationSettings.ts"
import type * as Handshake from "./Handshake.ts"
import { converse } from "./mesh/Conversation.ts"
import * as Prospects from "./mesh/Prospects.ts"
import * as Refusals from "./mesh/Refusals.ts"
import { weave } from "./mesh/Woven.ts"
import * as Relay from "./Relay.ts"

/** What a hub is among hubs. @category models */
export interface FederationOptions {
  readonly hub: PeerId
  /** The network on which hubs find each other; those of others are refused. */
  readonly namespace: NetworkName
  /** URLs of hubs to begin with. */
  readonly bootstrap: ReadonlyArray<string>
  /** URLs at which there may be a hub, or not: it is linked with if it is there, and not missed otherwise. */
  readonly nearby?: ReadonlyArray<string>
  /** Whether to dial at all. Default: yes. */
  readonly autoConnect?: boolean
  /** What hubs prove to know; without it only hubs at private addresses are admitted. */
  readonly secret?: Redacted.Redacted | undefined
  /** For how long a link over WebRTC stands before the socket beside it is let go. Default: 10 s. */
  readonly migrationDelay?: Duration.Duration
}

/** Takes connections of other hubs. @category services */
export class HubDoor extends Context.Service<HubDoor, {
  /** Serves a connection that another hub dialled, until it ends. Nothing is open before the backplane is. */
  accept(duplex: Duplex): Effect.Effect<void>
}>()("homing/hub/HubDoor") {}

/** How often it is looked whether a hub that is held back may go on. */
const respite = Duration.millis(50)

/** How often the same is said in the log of a hub that is held back, or says of this one what is not so. */
const complaint = Duration.minutes(1)

/**
 * Both the backplane and the door for hubs that dial this one. The fabric is optional: without it hubs stay on sockets.
 *
 * @category layers
 */
export const layer = (
  options: FederationOptions
): Layer.Layer<Backplane | HubDoor, never, HubDialer | SecureRandom.SecureRandom> => Layer.effectContext(make(options))

const make = Effect.fnUntraced(function*(options: FederationOptions) {
  const { autoConnect = true, bootstrap, hub: self, namespace, nearby = [], secret } = options
  const migrationDelay = Duration.toMillis(options.migrationDelay ?? Duration.seconds(10))
  const timings = yield* Timings
  const silence = Duration.toMillis(timings.silence)
  const dialer = yield* HubDialer
  const fabric = yield* Effect.serviceOption(Fabric)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const secure = yield* SecureRandom.SecureRandom
  const credentials: Handshake.Credentials = { hub: self, namespace, secret, patience: timings.patience }
  const refusals = Refusals.make(now)
  let open: Relay.Relay | undefined

  const refused = (duplex: Duplex, { hub, problem }: Handshake.HubNotAdmitted) => {
    const name = hub === undefined ? "A hub" : `The hub ${short(hub)}`
    return refusals.add(duplex.address, hub, problem)
      ? Effect.logWarning(`${name} at ${duplex.address} was not admitted: ${problem}`)
      : Effect.void
  }

  const accept = Effect.fnUntraced(
    function*(duplex: Duplex) {
      if (open === undefined) return
      yield* converse(open, duplex, "listener", credentials, (hub) => refusals.remove(duplex.address, hub))
    },
    (conversation, duplex) =>
      conversation.pipe(
        Effect.catchTag("HubNotAdmitted", (error) => refused(duplex, error)),
        Effect.provideService(SecureRandom.SecureRandom, secure)
      )
  )

  const said = new Map<string, number>()
  /** Warns of something, now and then. */
  const warn = (problem: string) =>
    Effect.suspend(() => {
      const last = said.get(problem)
      if (last !== undefined && now() - last < Duration.toMillis(complaint)) return Effect.void
      if (said.size > 64) said.clear()
      said.set(problem, now())
      return Effect.logWarning(problem)
    })

  /** Reads on, in time, from hubs that are held back; and says so of each. */
  const relieve = (relay: Relay.Relay, held: Queue.Dequeue<PeerId>) =>
    Queue.take(held).pipe(
      Effect.tap((hub) =>
        warn(`The hub ${short(hub)} says more than a hub may, and is held back. Look what is wrong with it, or stop it`)
      ),
      Effect.andThen(Effect.sleep(respite).pipe(Effect.repeat({ while: relay.release }))),
      Effect.forever
    )

  /** Says that somebody says of this hub what is not so. */
  const deny = (twins: Queue.Dequeue<void>) =>
    Queue.take(twins).pipe(
      Effect.andThen(
        warn(
          `Another hub says that it is this one (${
            short(self)
          }), or that this one is gone. Give no two hubs the same HUB_ID`
        )
      ),
      Effect.forever
    )

  const openWith: Backplane["Service"]["open"] = Effect.fnUntraced(function*(house) {
    const changed = Latch.makeUnsafe(false)
    const held = yield* Queue.sliding<PeerId>(16)
    const twins = yield* Queue.sliding<void>(1)
    /** Open once there is another hub: one that is alone has nobody to link with. */
    const company = Latch.makeUnsafe(false)
    const relay = Relay.make({
      hub: self,
      incarnation: Math.floor(now()),
      silence,
      now,
      house: {
        ...house,
        hear(news) {
          if (news.some((item) => item._tag === "HubCame")) company.openUnsafe()
          if (news.some((item) => item._tag === "Twin")) Queue.offerUnsafe(twins, undefined)
          house.hear(news)
        },
        about: () => ({
          ...house.about(),
          ...(fabric._tag === "Some" ? { mesh: fabric.value.peerId } : {})
        })
      },
      changed: () => changed.openUnsafe(),
      held: (hub) => Queue.offerUnsafe(held, hub)
    })
    // The first beat, so that whoever is met hears at once who this is.
    relay.beat()

    yield* Effect.acquireRelease(
      Effect.sync(() => void (open = relay)),
      () => Effect.sync(() => void (open = undefined))
    )
    yield* changed.await.pipe(
      Effect.andThen(Effect.sync(() => {
        changed.closeUnsafe()
        relay.flush()
      })),
      Effect.andThen(Effect.sleep(timings.gather)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.sync(relay.beat), timings.beat)))
    yield* Effect.forkScoped(relieve(relay, held))
    yield* Effect.forkScoped(deny(twins))
    // Its scope is made now, to outlast the leave that is taken by its links.
    const woven = yield* Scope.fork(yield* Effect.scope)
    if (fabric._tag === "Some") {
      yield* company.await.pipe(
        Effect.andThen(weave(relay, fabric.value, house.visit)),
        Scope.provide(woven),
        Effect.forkScoped
      )
    }
    const prospects = autoConnect
      ? yield* Prospects.make({ relay, bootstrap, nearby, credentials, migrationDelay, now }).pipe(
        Effect.provideService(HubDialer, dialer),
        Effect.provideService(SecureRandom.SecureRandom, secure)
      )
      : Prospects.none
    if (secret === undefined) {
      yield* Effect.logInfo("Without a HUB_SECRET this hub admits other hubs from private addresses only")
    }

    // First of all that is released, while there are still links to say it by.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        relay.leave()
        return relay.neighbours.size === 0 ? Effect.void : Effect.sleep(timings.gather)
      })
    )

    const elsewhere: Elsewhere = {
      ...relay.elsewhere,
      get counts() {
        return relay.counts
      },
      get hubs() {
        return [...relay.hubs, ...prospects.views, ...refusals.views]
      },
      get health() {
        return prospects.health
      }
    }
    return elsewhere
  })

  return Context.make(Backplane, { kind: "mesh", hub: self, open: openWith }).pipe(
    Context.add(HubDoor, { accept })
  )
})
