/** Hubs without sockets, and their peers, for the tests of what hubs are together. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { PeerId } from "../../../src/domain/PeerId.ts"
import type { Backplane, Elsewhere } from "../../../src/hub/backplane/Backplane.ts"
import * as Admission from "../../../src/hub/door/Admission.ts"
import type { Refused } from "../../../src/hub/door/Refused.ts"
import * as Exchange from "../../../src/hub/exchange/Exchange.ts"
import type { Sender } from "../../../src/hub/exchange/Router.ts"

const Json = Schema.Record(Schema.String, Schema.Unknown)
type Json = typeof Json.Type
const decodeJson = Schema.decodeUnknownSync(Schema.fromJsonString(Json))

/** A peer at a hub. */
export interface Guest {
  readonly peerId: PeerId
  /** All that it was told. */
  readonly frames: ReadonlyArray<Json>
  say(message: object): void
  /** Frames of a type that came from a peer, or are about it. */
  heard(type: string, other?: PeerId): ReadonlyArray<Json>
  /** Loses its connection. */
  leave(): void
}

/** How somebody comes to the door. */
export interface Knock {
  /** Whether it proves its key when asked. Default: no. */
  readonly proves?: boolean
}

/** A peer that was let in at the door. */
export interface Admitted extends Guest {
  /** Its connection stands, and nobody answers there any more. */
  fallSilent(): void
  /** How the hub closed its connection, if it did; code 1006 when it dropped it. */
  readonly closing: { readonly code: number; readonly reason: string } | undefined
}

export interface RunningHub {
  readonly elsewhere: Elsewhere
  readonly exchange: Exchange.Exchange
  /** A peer that is just there. */
  arrive(peerId: PeerId): Guest
  /** Comes in by the door, if the hub lets it. */
  knock(peerId: PeerId, how?: Knock): Effect.Effect<Admitted, Refused>
}

/** How long holders of an id have to show that they live, in the town. */
export const takeoverPatience = Duration.seconds(2)

/** How long whoever lives takes to answer, and whoever proves its key, in milliseconds. */
const roundTrip = 30

/** Runs a hub on a backplane until the scope closes. */
export const run = Effect.fnUntraced(function*(backplane: Backplane["Service"], url?: string) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const now = () => clock.currentTimeMillisUnsafe()
  const fork = yield* FiberSet.makeRuntime<never, void>()
  const exchange = Exchange.make({
    now,
    random: () => random.nextDoubleUnsafe(),
    contested: (peerId) => void (admission.holds(peerId) && fork(admission.contest(peerId)))
  })
  const admission = Admission.make({
    router: exchange.router,
    rivals: exchange.ties.rivals,
    settings: { maxConnections: 1000, requireProof: false, takeoverPatience },
    now
  })
  const elsewhere = yield* backplane.open({
    ...exchange.ties.house,
    visit: exchange.visit,
    claimed: (claim, answer) => fork(Effect.map(admission.answer(claim), answer)),
    about: () => url === undefined ? {} : { url }
  })
  exchange.ties.attach(elsewhere)
  yield* Effect.forkScoped(exchange.lookout.serve)

  /** A peer, and what the hub knows it by. */
  const person = (peerId: PeerId) => {
    const frames: Array<Json> = []
    let here = true
    const sender: Sender = {
      peerId,
      send(frame) {
        if (here) frames.push(decodeJson(String(frame)))
        return here
      },
      afford: () => true,
      strike: () => undefined
    }
    const guest: Guest = {
      peerId,
      frames,
      say: (message) => here && exchange.router.receive(sender, JSON.stringify(message)),
      heard: (type, other) =>
        frames.filter((frame) =>
          frame["type"] === type &&
          (other === undefined || frame["fromPeerId"] === other ||
            (typeof frame["data"] === "object" && frame["data"] !== null && "peerId" in frame["data"] &&
              frame["data"].peerId === other))
        ),
      leave() {
        here = false
        exchange.router.lost(sender)
      }
    }
    return { guest, sender }
  }

  const knock = Effect.fnUntraced(function*(peerId: PeerId, { proves = false }: Knock = {}) {
    const { guest, sender } = person(peerId)
    let closing: Admitted["closing"]
    let isSilent = false
    const end = (code: number, reason: string) => {
      if (closing !== undefined) return
      closing = { code, reason }
      admission.release(tenant)
      guest.leave()
    }
    // The router knows the peer by the one object, and the door too.
    const tenant = Object.assign(sender, {
      proven: false,
      since: now(),
      connection: {
        alive: (patience: Duration.Duration) =>
          Effect.suspend(() =>
            closing !== undefined
              ? Effect.succeed(false)
              : isSilent
              ? Effect.as(Effect.sleep(patience), false)
              : Effect.as(Effect.sleep(roundTrip), true)
          ),
        close: end,
        terminate: () => end(1006, "")
      }
    })
    const proof = Effect.sync(() => tenant.proven = true).pipe(Effect.delay(roundTrip))
    yield* admission.admit(tenant, proves ? proof : undefined)
    // As one that nobody contests proves it after the greeting.
    tenant.proven = proves
    return {
      ...guest,
      leave: () => end(1005, ""),
      fallSilent: () => void (isSilent = true),
      get closing() {
        return closing
      }
    } satisfies Admitted
  })

  const hub: RunningHub = { elsewhere, exchange, arrive: (peerId) => person(peerId).guest, knock }
  return hub
})

/** A hub that can be ended and started again. */
export interface TownHub {
  readonly name: string
  readonly isRunning: boolean
  /** The hub that runs now. */
  readonly running: RunningHub
  readonly start: Effect.Effect<void>
  /** Ends it as a process is killed: nothing is said, and its connections break. */
  readonly kill: Effect.Effect<void>
  /** Ends it politely. */
  readonly stop: Effect.Effect<void>
}

/** A town of hubs. What it needs to wait for takes time of its clock. */
export interface Town {
  readonly hubs: ReadonlyArray<TownHub>
  elapse(seconds: number): Effect.Effect<void>
}

/** Makes a hub that can be started. `cut` makes everybody deaf to it, at once. */
export const startable = Effect.fnUntraced(function*<R>(options: {
  readonly name: string
  readonly open: Effect.Effect<RunningHub, never, R | Scope.Scope>
  /** Makes everybody deaf to this life of the hub. */
  readonly cut: () => void
}) {
  const context = yield* Effect.context<R>()
  const around = yield* Effect.scope
  let life: { readonly hub: RunningHub; readonly scope: Scope.Closeable } | undefined
  const end = Effect.suspend(() => {
    const ending = life
    life = undefined
    return ending === undefined ? Effect.void : Scope.close(ending.scope, Exit.void)
  })
  const hub: TownHub = {
    name: options.name,
    get isRunning() {
      return life !== undefined
    },
    get running() {
      assert.isDefined(life, `${options.name} runs`)
      return life.hub
    },
    start: Effect.gen(function*() {
      if (life !== undefined) return
      const scope = yield* Scope.fork(around)
      life = { hub: yield* Scope.provide(options.open, scope), scope }
    }).pipe(Effect.provideContext(context)),
    kill: Effect.suspend(() => {
      options.cut()
      return end
    }),
    stop: end
  }
  return hub
})

/** Waits until something holds, and fails with what was expected when it does not in time. */
export const until = Effect.fnUntraced(function*(what: string, test: () => boolean, atMost = 15) {
  const start = yield* Clock.currentTimeMillis
  while (!test()) {
    const waited = (yield* Clock.currentTimeMillis) - start
    assert.isBelow(waited, atMost * 1000, what)
    yield* Effect.sleep(20)
  }
  return (yield* Clock.currentTimeMillis) - start
})
