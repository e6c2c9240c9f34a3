/** Hubs of the mesh backplane on a simulated network, in virtual time. */
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type { NetworkName } from "../../../src/domain/NetworkName.ts"
import { hubMesh } from "../../../src/domain/NetworkName.ts"
import { Backplane } from "../../../src/hub/backplane/Backplane.ts"
import * as BackplaneMesh from "../../../src/hub/federation/BackplaneMesh.ts"
import { type Duplex, HubDialer, HubNotThere } from "../../../src/hub/federation/Duplex.ts"
import * as FabricWebRtc from "../../../src/hub/federation/FabricWebRtc.ts"
import { Identity, keyLength } from "../../../src/services/Identity.ts"
import { WebRtc } from "../../../src/services/WebRtc.ts"
import { type Place, SimulatedNetwork, type Wire } from "../../../src/testing/SimulatedNetwork.ts"
import * as SimulatedWebRtc from "../../../src/testing/SimulatedWebRtc.ts"
import * as VirtualClock from "../../../src/testing/VirtualClock.ts"
import { peer } from "../simulation.ts"
import { run, startable, type Town, type TownHub } from "./Town.ts"

export interface HubPlan {
  /** Names of hubs it begins with. */
  readonly bootstrap: ReadonlyArray<string>
  /** Names of hubs that may be there, or not. */
  readonly nearby?: ReadonlyArray<string>
  readonly namespace?: NetworkName
  readonly secret?: Redacted.Redacted
  /** The address that others see. Default: 10.0.0.1. */
  readonly address?: string
  readonly migrationDelay?: Duration.Duration
}

export interface SimulatedTown extends Town {
  hub(name: string): TownHub
  cut(one: ReadonlyArray<string>, other: ReadonlyArray<string>): void
  heal(): void
  /** Takes a hub's power: nobody is told, and connections to it do not break. */
  powerCut(name: string): Effect.Effect<void>
  /** How many connections stand that a hub has dialled. */
  sockets(name: string): number
  /** Cuts all that goes over WebRTC, now and later. */
  failWebRtc(): void
  readonly urlOf: (name: string) => string
}

/** Where a hub is, and where its WebRTC is, which can be cut apart from the rest. */
interface HubPlace extends Place {
  readonly webRtc: Place
}

const webRtcOf = (name: string) => `${name} over WebRTC`

/** What travels by a connection. */
type Packet = { readonly text: string } | "close"

/** A connection between two places: one that dialled, and one that accepts. */
const pipe = (network: SimulatedNetwork["Service"], one: Place, other: Place, addresses: readonly [string, string]) => {
  const end = (self: Place, far: Place, address: string) => {
    const ended = Deferred.makeUnsafe<string>()
    const early: Array<string> = []
    let hear: ((text: string) => void) | undefined
    let isOpen = true
    let out: Wire<Packet> | undefined
    const finish = (why: string) => {
      isOpen = false
      Deferred.doneUnsafe(ended, Effect.succeed(why))
    }
    const duplex: Duplex = {
      address,
      send(text) {
        if (isOpen) out?.send({ text })
        return isOpen
      },
      listen(onText) {
        hear = onText
        for (const text of early.splice(0)) onText(text)
      },
      close() {
        if (!isOpen) return
        out?.send("close")
        finish("closed here")
      },
      ended: Deferred.await(ended)
    }
    return {
      duplex,
      finish,
      isOpen: () => isOpen,
      connect: (take: (packet: Packet) => void) => void (out = network.wire(self, far, take)),
      take(packet: Packet) {
        if (!isOpen) return
        if (packet === "close") return finish("closed there")
        if (hear === undefined) early.push(packet.text)
        else hear(packet.text)
      }
    }
  }
  const dialler = end(one, other, addresses[1])
  const accepter = end(other, one, addresses[0])
  dialler.connect(accepter.take)
  accepter.connect(dialler.take)
  return {
    dialler: dialler.duplex,
    accepter: accepter.duplex,
    from: one,
    isOpen: dialler.isOpen,
    /** As when a process dies: both ends notice. */
    snap: () => {
      dialler.finish("broken")
      accepter.finish("broken")
    }
  }
}

/** Builds a town; hubs are not started. Its scope closes it. */
export const make = Effect.fnUntraced(function*(options: {
  readonly seed: string | number
  readonly hubs: Readonly<Record<string, HubPlan>>
  /** Whether hubs link over WebRTC. Default: no. */
  readonly fabric?: boolean
}) {
  const generator = (name: string) => Random.Random.pipe(Random.withSeed(`${options.seed}/${name}`))
  const network = yield* SimulatedNetwork
  const engine = SimulatedWebRtc.make(network, { tracePackets: false })
  const doors = new Map<
    string,
    { readonly place: Place; readonly door: BackplaneMesh.HubDoor["Service"]; readonly scope: Scope.Scope }
  >()
  const pipes = new Map<Place, Set<ReturnType<typeof pipe>>>()
  const places = new Map<string, HubPlace>()
  const urlOf = (name: string) => `ws://${name}.test`
  const names = Object.keys(options.hubs)

  const hubs = yield* Effect.forEach(Object.entries(options.hubs), ([name, plan], index) => {
    const address = plan.address ?? "10.0.0.1"
    const dialer = (place: Place) =>
      Layer.succeed(HubDialer, {
        dial: Effect.fnUntraced(function*(url) {
          // There, back, and there again with the upgrade.
          yield* Effect.sleep(3 * network.between(network.forecast.latency))
          const there = doors.get(url)
          if (there === undefined || network.isCut(place, there.place)) {
            return yield* new HubNotThere({ url, problem: "connection refused" })
          }
          const made = yield* Effect.acquireRelease(
            Effect.sync(() => pipe(network, place, there.place, [address, "10.0.0.9"])),
            (made) => Effect.sync(() => made.dialler.close())
          )
          for (const end of [place, there.place]) pipes.set(end, (pipes.get(end) ?? new Set()).add(made))
          yield* there.door.accept(made.accepter).pipe(
            Effect.ensuring(Effect.sync(made.accepter.close)),
            Effect.forkIn(there.scope)
          )
          return made.dialler
        })
      })
    const fabric = (place: HubPlace, identity: Identity["Service"] | undefined) =>
      identity !== undefined
        ? FabricWebRtc.layer({ namespace: plan.namespace ?? hubMesh }).pipe(
          Layer.provide(Layer.succeed(WebRtc, engine.at(place.webRtc))),
          Layer.provide(Layer.succeed(Identity, identity))
        )
        : Layer.empty
    return startable({
      name,
      cut: () => {
        const place = places.get(name)
        if (place === undefined) return
        place.alive = false
        place.webRtc.alive = false
        doors.delete(urlOf(name))
        for (const made of pipes.get(place) ?? []) made.snap()
        pipes.delete(place)
      },
      open: Effect.gen(function*() {
        const place: HubPlace = { name, alive: true, webRtc: { name: webRtcOf(name), alive: true } }
        places.set(name, place)
        const random = yield* generator(`${name}/${network.now()}`)
        const key = Uint8Array.from({ length: keyLength }, () => Math.floor(random.nextDoubleUnsafe() * 256))
        // WebCrypto takes real time.
        const still = (yield* VirtualClock.Virtual)?.still
        const made = Layer.build(Layer.fresh(Identity.layerFromKey(key))).pipe(Effect.orDie)
        const identity = options.fabric !== true || still === undefined
          ? undefined
          : Context.get(yield* still(made), Identity)
        const scope = yield* Scope.fork(yield* Effect.scope)
        return yield* Effect.gen(function*() {
          const context = yield* Layer.build(
            BackplaneMesh.layer({
              hub: peer(1000 + index),
              namespace: plan.namespace ?? hubMesh,
              bootstrap: plan.bootstrap.map(urlOf),
              nearby: (plan.nearby ?? []).map(urlOf),
              secret: plan.secret,
              ...(plan.migrationDelay === undefined ? {} : { migrationDelay: plan.migrationDelay })
            }).pipe(
              Layer.provide([dialer(place), SecureRandom.layerWebCrypto]),
              Layer.provide(fabric(place, identity)),
              Layer.fresh
            )
          )
          const hub = yield* run(Context.get(context, Backplane), urlOf(name))
          yield* Effect.acquireRelease(
            Effect.sync(() =>
              doors.set(urlOf(name), { place, scope, door: Context.get(context, BackplaneMesh.HubDoor) })
            ),
            () => Effect.sync(() => void (doors.get(urlOf(name))?.place === place && doors.delete(urlOf(name))))
          )
          return hub
        }).pipe(Effect.provideService(Random.Random, random))
      })
    })
  })

  const hub = (name: string): TownHub => {
    const found = hubs[names.indexOf(name)]
    if (found === undefined) throw new Error(`no hub ${name}`)
    return found
  }

  const town: SimulatedTown = {
    hubs,
    hub,
    urlOf,
    elapse: (seconds) => Effect.sleep(seconds * 1000),
    cut: network.cut,
    heal: network.heal,
    sockets(name) {
      const place = places.get(name)
      return place === undefined
        ? 0
        : Array.from(pipes.get(place) ?? []).filter(({ from, isOpen }) => from === place && isOpen()).length
    },
    failWebRtc: () => network.cut(names.map(webRtcOf), names.map(webRtcOf)),
    powerCut: (name) =>
      Effect.suspend(() => {
        const place = places.get(name)
        if (place !== undefined) place.alive = place.webRtc.alive = false
        doors.delete(urlOf(name))
        return hub(name).stop
      })
  }
  return town
})

/** Runs a test of a town in virtual time. */
export const simulate = <A, E>(
  seed: string | number,
  body: Effect.Effect<A, E, SimulatedNetwork | Scope.Scope>
): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const { clock, context } = yield* VirtualClock.make
    const random = yield* Random.Random.pipe(Random.withSeed(`${seed}/town`))
    return yield* clock.flow(Effect.scoped(Effect.provide(body, SimulatedNetwork.layer({}))), "1 day").pipe(
      Effect.provideContext(Context.add(context, Random.Random, random)),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  })
