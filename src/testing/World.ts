/**
 * A world in memory: hubs, peers and a network between them, on virtual time and from one seed.
 *
 * Only the two edges are simulated, the WebSocket to a hub and WebRTC. Everything above them is what runs in
 * production. The same seed and the same test make the same run, event for event.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Socket from "effect/socket/Socket"
import type { InvalidInput } from "../domain/Errors.ts"
import type { PeerId } from "../domain/PeerId.ts"
import { Mesh } from "../runtime/Mesh.ts"
import type { MeshOptions } from "../runtime/MeshOptions.ts"
import { Identity, keyLength } from "../services/Identity.ts"
import type { SignalingTransport } from "../services/SignalingTransport.ts"
import * as SignalingWebSocket from "../services/SignalingWebSocket.ts"
import { WebRtc } from "../services/WebRtc.ts"
import * as SimulatedHub from "./SimulatedHub.ts"
import { type Place, SimulatedNetwork } from "./SimulatedNetwork.ts"
import * as SimulatedSocket from "./SimulatedSocket.ts"
import * as SimulatedWebRtc from "./SimulatedWebRtc.ts"
import { Happening, type Traced } from "./Trace.ts"
import * as VirtualClock from "./VirtualClock.ts"
import type { Weather } from "./Weather.ts"

/** What a world is made with. Everything has a default. @category models */
export interface WorldOptions extends Weather {
  /** From which all randomness comes. Default: `homing`. */
  readonly seed?: string | number
  /** URLs at which hubs run. Each is a meeting place of its own. Default: `ws://hub.test`. */
  readonly hubs?: readonly [string, ...ReadonlyArray<string>]
  /** Those of the hubs that are PeerPigeon's: one network per connection, and no counts. Default: none. */
  readonly pigeonHubs?: ReadonlyArray<string>
  /** Happenings that the trace keeps; older ones give way. Default: 100,000. */
  readonly traceLimit?: number
  /** Whether the trace has every packet between peers, probes and all. Default: no. */
  readonly tracePackets?: boolean
}

/** A mesh's options; its hubs are all hubs of the world unless told otherwise. @category models */
export type PeerOptions = Omit<MeshOptions, "hubs"> & Partial<Pick<MeshOptions, "hubs">> & {
  /** Stands between the mesh and its simulated WebRTC, to spoil what it does. */
  readonly spoil?: (webRtc: WebRtc["Service"]) => WebRtc["Service"]
}

/** A hub of the world. @category models */
export interface Hub {
  readonly url: string
  /** Ends the hub as if its process was killed: connections break, and who was where is forgotten. */
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** @category services */
export class World extends Context.Service<World, {
  /** The first hub. */
  readonly hub: Hub
  readonly hubs: ReadonlyArray<Hub>
  /** A mesh that has not joined yet. Its identity follows from the world's seed and its name. Lives as long as the world. */
  peer(name: string | number, options?: PeerOptions): Effect.Effect<Mesh["Service"], InvalidInput>
  /** The same as a layer, for what is built on a mesh. */
  mesh(name: string | number, options?: PeerOptions): Layer.Layer<Mesh, InvalidInput>
  /** The id of the peer with that name, which need not be there. */
  idOf(name: string | number): Effect.Effect<PeerId>
  /** The two edges as a peer with that id has them, for what is not a mesh, and the bare socket to a hub. */
  edges(peerId: PeerId): Layer.Layer<SignalingTransport | WebRtc | Socket.WebSocketConstructor>
  /**
   * Runs an effect while time goes on, until it is done: its sleeps, time-outs and finalizers take no time of yours. Dies
   * when that takes longer than `atMost` (default: a day of virtual time).
   */
  run<A, E, R>(effect: Effect.Effect<A, E, R>, options?: { readonly atMost?: Duration.Input }): Effect.Effect<A, E, R>
  /** Lets time pass. */
  elapse(duration: Duration.Input): Effect.Effect<void>
  /** Runs an effect while time stands still: for promises that wait for something outside of the world. */
  still<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
  /**
   * Cuts every way between two groups, of peers' ids and hubs' URLs. Signals between them are lost; what links and
   * connections carry waits, and arrives if they still stand when all is whole again.
   */
  partition(groupA: ReadonlyArray<string>, groupB: ReadonlyArray<string>): Effect.Effect<void>
  /** Makes every way whole again. */
  readonly heal: Effect.Effect<void>
  /** Takes a peer from the world, without a goodbye, as a power cut does. Nobody is told. */
  vanish(peerId: PeerId): Effect.Effect<void>
  /** What happened so far, in order. */
  readonly trace: Effect.Effect<ReadonlyArray<Traced>>
}>()("homing/testing/World") {
  /**
   * A world at time 0. It brings its own clock, which is a `TestClock`, and its own randomness. When the layer is
   * released, peers say goodbye and time goes on until they have.
   */
  static readonly layer = (options: WorldOptions = {}): Layer.Layer<World> => Layer.effectContext(make(options))
}

const generator = (seed: string) => Random.Random.pipe(Random.withSeed(seed))

const anyDay = "1 day"

const make = Effect.fnUntraced(function*(options: WorldOptions) {
  const seed = String(options.seed ?? "homing")
  const { clock, context: time } = yield* VirtualClock.make
  const surroundings = Context.add(time, Random.Random, yield* generator(`${seed}/test`))
  const scope = yield* Effect.scope
  const network = Context.get(
    yield* Layer.buildWithScope(SimulatedNetwork.layer(options, options.traceLimit), scope).pipe(
      Effect.provideContext(Context.add(surroundings, Random.Random, yield* generator(`${seed}/weather`)))
    ),
    SimulatedNetwork
  )
  const engine = SimulatedWebRtc.make(network, { tracePackets: options.tracePackets === true })
  const urls = options.hubs ?? (["ws://hub.test"] as const)
  const simulated = new Map<string, SimulatedHub.SimulatedHub>()
  for (const url of new Set(urls)) {
    const manner = options.pigeonHubs?.includes(url) === true ? "pigeon" : "homing"
    simulated.set(hostOf(url), yield* SimulatedHub.make(network, url, manner).pipe(Effect.provideContext(surroundings)))
  }
  const places = new Map<PeerId, Place>()
  const lives = new Map<Place, Scope.Closeable>()

  // All leave at once: one after the other, those who stay would mend the network around each gap.
  const peers = yield* Scope.make("parallel")
  yield* Effect.addFinalizer((exit) =>
    clock.flow(Scope.close(peers, exit), anyDay).pipe(Effect.provideContext(surroundings))
  )

  // ------------------------------------------------------------------------------------------------
  // peers
  // ------------------------------------------------------------------------------------------------

  const oneAtATime = yield* Semaphore.make(1)
  /** WebCrypto takes real time, and two at a time would finish in any order. */
  const atOnce = <A, E, R>(effect: Effect.Effect<A, E, R>) => clock.still(oneAtATime.withPermit(effect))
  const identities = new Map<string | number, Identity["Service"]>()

  const identity = Effect.fnUntraced(function*(name: string | number) {
    const known = identities.get(name)
    if (known !== undefined) return known
    const random = yield* generator(`${seed}/key/${name}`)
    const key = Uint8Array.from({ length: keyLength }, () => Math.floor(random.nextDoubleUnsafe() * 256))
    const context = yield* Effect.scoped(Layer.build(Layer.fresh(Identity.layerFromKey(key))))
    const bare = Context.get(context, Identity)
    const made = Identity.of({
      ...bare,
      sign: (purpose, bytes) => atOnce(bare.sign(purpose, bytes)),
      verify: (claim) => atOnce(bare.verify(claim))
    })
    identities.set(name, made)
    return made
  }, (effect) => atOnce(Effect.orDie(effect)))

  const edgesAt = (peerId: PeerId, place: Place) =>
    Layer.mergeAll(
      SignalingWebSocket.layer.pipe(
        Layer.provideMerge(Layer.succeed(Socket.WebSocketConstructor, (url) =>
          SimulatedSocket.dial(network, place, peerId, simulated.get(hostOf(url)))))
      ),
      Layer.succeed(WebRtc, engine.at(place))
    )

  const arrive = (peerId: PeerId) => {
    const place: Place = { name: peerId, alive: true }
    places.set(peerId, place)
    return place
  }

  const meshAt = (place: Place, self: Identity["Service"], { spoil, ...options }: PeerOptions) =>
    Mesh.layer({ hubs: urls, ...options }).pipe(
      Layer.provide(spoil === undefined ? Layer.empty : Layer.succeed(WebRtc, spoil(engine.at(place)))),
      Layer.provide(edgesAt(self.peerId, place)),
      Layer.provide(Layer.succeed(Identity, self)),
      Layer.fresh
    )

  /** Every peer draws from a well of its own, so that one more peer does not change what the others do. */
  const asPeer = (name: string | number) =>
    Effect.map(generator(`${seed}/peer/${name}`), (random) => Context.add(surroundings, Random.Random, random))

  const peer = Effect.fnUntraced(function*(name: string | number, options: PeerOptions = {}) {
    const self = yield* identity(name)
    const place = arrive(self.peerId)
    const life = yield* Scope.fork(peers)
    lives.set(place, life)
    const context = yield* Layer.buildWithScope(meshAt(place, self, options), life).pipe(
      Effect.provideContext(yield* asPeer(name))
    )
    return Context.get(context, Mesh)
  })

  const vanish = (peerId: PeerId) =>
    Effect.suspend(() => {
      const place = places.get(peerId)
      if (place === undefined || !place.alive) return Effect.void
      place.alive = false
      network.note(Happening.Vanished({ peer: peerId }))
      const life = lives.get(place)
      lives.delete(place)
      // What it says from now on reaches nobody; it ends by itself, some time.
      return life === undefined
        ? Effect.void
        : Scope.close(life, Exit.void).pipe(Effect.forkIn(peers), Effect.asVoid, Effect.provideContext(surroundings))
    })

  const hubs = Array.from(simulated.values(), ({ start, stop, url }): Hub => ({
    url,
    start: Effect.sync(start),
    stop: Effect.sync(stop)
  }))
  const [hub] = hubs
  if (hub === undefined) return yield* Effect.die(new Error("a world needs a hub"))

  const world = World.of({
    hub,
    hubs,
    peer,
    mesh: (name, options = {}) =>
      Layer.unwrap(
        Effect.gen(function*() {
          const self = yield* identity(name)
          const layer = meshAt(arrive(self.peerId), self, options)
          return Layer.provide(layer, Layer.succeedContext(yield* asPeer(name)))
        })
      ),
    idOf: (name) => Effect.map(identity(name), ({ peerId }) => peerId),
    edges: (peerId) => edgesAt(peerId, arrive(peerId)),
    run: (effect, { atMost = anyDay } = {}) => clock.flow(effect, atMost),
    elapse: clock.adjust,
    still: clock.still,
    partition: (groupA, groupB) =>
      Effect.sync(() => {
        network.note(Happening.Partitioned({ groups: [groupA, groupB] }))
        network.cut(groupA, groupB)
      }),
    heal: Effect.sync(() => {
      network.note(Happening.Healed())
      network.heal()
    }),
    vanish,
    trace: Effect.sync(network.noted)
  })
  return Context.add(surroundings, World, world)
})

/** Under which a hub is found, however its URL is written. */
const hostOf = (url: string): string => URL.canParse(url) ? new URL(url).host : url
