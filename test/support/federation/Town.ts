/** Hubs without sockets, and their peers, for the tests of what hubs are together. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { PeerId } from "../../../src/domain/PeerId.ts"
import type { Backplane, Elsewhere } from "../../../src/hub/backplane/Backplane.ts"
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

export interface RunningHub {
  readonly elsewhere: Elsewhere
  readonly exchange: Exchange.Exchange
  arrive(peerId: PeerId): Guest
}

/** Runs a hub on a backplane until the scope closes. */
export const run = Effect.fnUntraced(function*(backplane: Backplane["Service"], url?: string) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const exchange = Exchange.make({
    now: () => clock.currentTimeMillisUnsafe(),
    random: () => random.nextDoubleUnsafe()
  })
  const elsewhere = yield* backplane.open({
    ...exchange.ties.house,
    visit: exchange.visit,
    about: () => url === undefined ? {} : { url }
  })
  exchange.ties.attach(elsewhere)
  yield* Effect.forkScoped(exchange.lookout.serve)

  const hub: RunningHub = {
    elsewhere,
    exchange,
    arrive(peerId) {
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
      return {
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
    }
  }
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
