/**
 * Hubs linked with each other. A hub dials those it was told of, learns of the others from them, and with a fabric links
 * with some of them over WebRTC. Then sockets are let go, all but one, which is kept as a lifeline; when links get few,
 * they are taken up again.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { NetworkName } from "../../domain/NetworkName.ts"
import { type PeerId, short } from "../../domain/PeerId.ts"
import { Backplane, type Elsewhere, type Health, type House, type HubView } from "../backplane/Backplane.ts"
import { type Duplex, HubDialer, type HubNotThere } from "./Duplex.ts"
import { Fabric } from "./Fabric.ts"
import { Timings } from "./FederationSettings.ts"
import * as Handshake from "./Handshake.ts"
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

/** Hubs that are dialled since others told of them, besides those of the list. */
const maxLearned = 4

/** Neighbours that a hub wants, as far as there are hubs. */
const enough = 2

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
  problem: string | undefined
}

/**
 * Both the backplane and the door for hubs that dial this one. The fabric is optional: without it hubs stay on sockets.
 *
 * @category layers
 */
export const layer = (
  options: FederationOptions
): Layer.Layer<Backplane | HubDoor, never, HubDialer | SecureRandom.SecureRandom> => Layer.effectContext(make(options))

const make = Effect.fnUntraced(function*(options: FederationOptions) {
  const { autoConnect = true, hub: self, namespace } = options
  const migrationDelay = Duration.toMillis(options.migrationDelay ?? Duration.seconds(10))
  const timings = yield* Timings
  const { dial } = yield* HubDialer
  const fabric = yield* Effect.serviceOption(Fabric)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const random = yield* Random.Random
  const secure = yield* SecureRandom.SecureRandom
  const credentials: Handshake.Credentials = {
    hub: self,
    namespace,
    secret: options.secret,
    patience: timings.patience
  }

  let open: Relay.Relay | undefined
  /** Hubs that were refused when they dialled, by what is known of them, and why. */
  const refusals = new Map<string, string>()
  const prospects = new Map<string, Prospect>()

  // ------------------------------------------------------------------------------------------------
  // sockets
  // ------------------------------------------------------------------------------------------------

  /** Uses a connection until it ends. */
  const converse = Effect.fnUntraced(function*(
    relay: Relay.Relay,
    duplex: Duplex,
    role: "dialler" | "listener",
    admitted: (hub: PeerId) => void
  ) {
    const other = yield* Handshake.shake(duplex, role, credentials).pipe(
      Effect.provideService(SecureRandom.SecureRandom, secure)
    )
    admitted(other.hub)
    refusals.delete(duplex.address)
    yield* Effect.logInfo(`Linked with the hub ${short(other.hub)} over WebSocket`)
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => relay.linked(other.hub, { carrier: "websocket", send: duplex.send, close: duplex.close })),
      ({ unlink }) => Effect.sync(unlink)
    )
    other.listen(link.receive)
    const why = yield* duplex.ended
    yield* Effect.logInfo(`The WebSocket to the hub ${short(other.hub)} is over: ${why}`)
  }, Effect.scoped)

  const accept = (duplex: Duplex) =>
    Effect.suspend(() => open === undefined ? Effect.void : converse(open, duplex, "listener", () => undefined)).pipe(
      Effect.catchTag("HubNotAdmitted", ({ problem }) => {
        if (refusals.size > 64) refusals.clear()
        const isNew = refusals.get(duplex.address) !== problem
        refusals.set(duplex.address, problem)
        return Effect.when(
          Effect.logWarning(`A hub at ${duplex.address} was not admitted: ${problem}`),
          Effect.sync(() => isNew)
        )
      }),
      Effect.asVoid
    )

  /** Stays connected with a hub for as long as that is wanted. */
  const pursue = Effect.fnUntraced(function*(relay: Relay.Relay, prospect: Prospect) {
    const attempt = Effect.gen(function*() {
      const hangUp = yield* Deferred.make<void>()
      const duplex = yield* Effect.timeoutOrElse(dial(prospect.url), {
        duration: timings.patience,
        orElse: () => Effect.fail(new Handshake.HubNotAdmitted({ problem: "it does not answer", isSelf: false }))
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => void (prospect.linked = false)))
      const conversation = converse(relay, duplex, "dialler", (hub) => {
        prospect.hub = hub
        prospect.linked = true
        prospect.problem = undefined
        prospect.hangUp = hangUp
      })
      yield* Effect.raceFirst(conversation, Deferred.await(hangUp))
    }).pipe(
      Effect.scoped,
      Effect.catch(Effect.fnUntraced(function*(error: HubNotThere | Handshake.HubNotAdmitted) {
        const isNew = prospect.problem !== error.problem
        prospect.problem = error.problem
        const report = prospect.quiet ? Effect.logDebug : Effect.logWarning
        if (isNew) yield* report(`Not connected with the hub at ${prospect.url}: ${error.problem}`)
        return yield* Effect.fail(error)
      })),
      Effect.result
    )

    let pause = Duration.toMillis(timings.redial)
    while (true) {
      yield* prospect.wanted.await
      const result = yield* attempt
      if (result._tag === "Success") pause = Duration.toMillis(timings.redial)
      else if (result.failure._tag === "HubNotAdmitted") {
        // Nobody connects with oneself.
        if (result.failure.isSelf) return
        pause = Duration.toMillis(timings.redialRefused)
      }
      yield* Effect.sleep(pause * (0.5 + random.nextDoubleUnsafe() / 2))
      pause = Math.min(pause * 2, Duration.toMillis(timings.redialAtMost))
    }
  })

  // ------------------------------------------------------------------------------------------------
  // which sockets are wanted
  // ------------------------------------------------------------------------------------------------

  /** Since when hubs are linked over WebRTC. */
  const migrated = new Map<PeerId, number>()

  const survey = (relay: Relay.Relay) => {
    const at = now()
    for (const [hub, links] of relay.neighbours) {
      if (links.some(({ carrier }) => carrier === "webrtc")) migrated.set(hub, migrated.get(hub) ?? at)
      else migrated.delete(hub)
    }
    for (const hub of Array.from(migrated.keys())) if (!relay.neighbours.has(hub)) migrated.delete(hub)
  }

  /** Lets go of sockets that WebRTC has replaced, and wants those again that are missed. */
  const steer = Effect.fnUntraced(
    function*(relay: Relay.Relay, add: (url: string, learned: boolean) => Effect.Effect<void>) {
      survey(relay)
      const at = now()
      const { hubs } = relay.presence
      const few = relay.neighbours.size < Math.min(enough, Math.max(1, hubs.length))
      for (const prospect of prospects.values()) {
        const isNeighbour = prospect.hub !== undefined && relay.neighbours.has(prospect.hub)
        if (prospect.linked) {
          const since = prospect.hub === undefined ? undefined : migrated.get(prospect.hub)
          const sockets = Array.from(prospects.values()).filter(({ linked }) => linked).length
          if (since !== undefined && at - since >= migrationDelay && sockets > 1) {
            prospect.wanted.closeUnsafe()
            prospect.linked = false
            yield* Effect.logInfo(`The socket to the hub at ${prospect.url} is let go: it is linked over WebRTC`)
            yield* Deferred.succeed(prospect.hangUp, undefined)
          }
        } else if (!isNeighbour && (few || !prospect.learned)) prospect.wanted.openUnsafe()
        else if (prospect.learned && !few) prospect.wanted.closeUnsafe()
      }
      if (!few) return
      for (const { about, hub } of hubs) {
        const learned = Array.from(prospects.values()).filter(({ learned }) => learned).length
        if (about.url !== undefined && !relay.neighbours.has(hub) && learned < maxLearned) yield* add(about.url, true)
      }
    }
  )

  // ------------------------------------------------------------------------------------------------
  // the backplane
  // ------------------------------------------------------------------------------------------------

  const openWith: Backplane["Service"]["open"] = Effect.fnUntraced(function*(house) {
    const changed = Latch.makeUnsafe(false)
    /** Open once there is another hub: one that is alone has nobody to link with. */
    const company = Latch.makeUnsafe(false)
    const relay = Relay.make({
      hub: self,
      incarnation: Math.floor(now()),
      silence: Duration.toMillis(timings.silence),
      now,
      house: {
        ...house,
        hear(news) {
          if (news.some((item) => item._tag === "HubCame")) company.openUnsafe()
          house.hear(news)
        },
        about: () => ({
          ...house.about(),
          ...(fabric._tag === "Some" ? { mesh: fabric.value.peerId } : {})
        })
      },
      changed: () => changed.openUnsafe()
    })
    // The first beat, so that whoever is met hears at once who this is.
    relay.beat()

    yield* Effect.acquireRelease(
      Effect.sync(() => void (open = relay)),
      () => Effect.sync(() => void (open = undefined))
    )

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
      yield* FiberMap.run(pursuits, url, pursue(relay, prospect))
    })

    yield* changed.await.pipe(
      Effect.andThen(Effect.sync(() => {
        changed.closeUnsafe()
        relay.flush()
      })),
      Effect.andThen(Effect.sleep(timings.gather)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.sleep(timings.beat).pipe(
      Effect.andThen(Effect.sync(() => relay.beat())),
      Effect.forever,
      Effect.forkScoped
    )
    // Its scope is made now, to outlast the leave that is taken by its links.
    const woven = yield* Scope.fork(yield* Effect.scope)
    if (fabric._tag === "Some") {
      yield* company.await.pipe(
        Effect.andThen(weave(relay, fabric.value, house)),
        Scope.provide(woven),
        Effect.forkScoped
      )
    }
    if (autoConnect) {
      for (const url of options.bootstrap) yield* add(url, false)
      for (const url of options.nearby ?? []) yield* add(url, true, true)
      yield* Effect.suspend(() => steer(relay, add)).pipe(
        Effect.delay(Duration.seconds(1)),
        Effect.forever,
        Effect.forkScoped
      )
    }
    if (options.secret === undefined) {
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
      get hubs() {
        return views(relay)
      },
      get health(): Health {
        const away = Array.from(prospects.values()).filter(({ learned }) => !learned)
        const problem = away.find(({ problem }) => problem !== undefined)?.problem
        return relay.neighbours.size > 0 || away.length === 0
          ? { _tag: "Well" }
          : { _tag: "Degraded", problem: `no other hub is connected: ${problem ?? "none has answered yet"}` }
      }
    }
    return elsewhere
  })

  const weave = Effect.fnUntraced(function*(relay: Relay.Relay, { weave }: Fabric["Service"], house: House) {
    /** Links that stand, whether it is known or not which hub is at the other end. */
    const links = new Map<PeerId, { readonly send: (text: string) => boolean; linked: Relay.Linked | undefined }>()
    /** A link is a hub's once presence says whose the peer is. */
    const recognise = () => {
      for (const [peer, link] of links) {
        if (link.linked !== undefined) continue
        const known = relay.presence.hubs.find(({ about }) => about.mesh === peer)
        if (known === undefined) continue
        const linked = relay.linked(known.hub, {
          carrier: "webrtc",
          send: link.send,
          // The fabric looks after its links itself: this one is used no more, until it is another.
          close: () => {
            linked.unlink()
            if (links.get(peer) === link) links.delete(peer)
          }
        })
        link.linked = linked
      }
    }
    yield* weave({
      linked(peer, send) {
        links.set(peer, { send, linked: undefined })
        recognise()
      },
      lost(peer) {
        links.get(peer)?.linked?.unlink()
        links.delete(peer)
      },
      heard(peer, text) {
        recognise()
        links.get(peer)?.linked?.receive(text)
      }
    }, house.visit)
    yield* Effect.sync(recognise).pipe(
      Effect.delay(Duration.millis(500)),
      Effect.forever,
      Effect.forkScoped
    )
  })

  const views = (relay: Relay.Relay): ReadonlyArray<HubView> => {
    const known = new Set(relay.presence.hubs.map(({ hub }) => hub))
    const apart = Array.from(prospects.values()).filter(({ hub, learned, problem }) =>
      problem !== undefined && !learned && (hub === undefined || !known.has(hub))
    )
    return [
      ...relay.hubs,
      ...apart.map(({ problem, url }): HubView => ({ url, connection: "refused", problem: problem ?? "" })),
      ...Array.from(refusals, ([address, problem]): HubView => ({ url: address, connection: "refused", problem }))
    ]
  }

  return Context.make(Backplane, { kind: "mesh", hub: self, open: openWith }).pipe(
    Context.add(HubDoor, { accept })
  )
})
