/** A world without a network: sockets whose hub is the test. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as NetworkName from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import { feature } from "../../src/domain/Signal.ts"
import { type HubMembership, SignalingTransport } from "../../src/services/SignalingTransport.ts"
import * as SignalingWebSocket from "../../src/services/SignalingWebSocket.ts"

export const ada = PeerId.make("a".repeat(40))
export const bob = PeerId.make("b".repeat(40))
export const dove = NetworkName.NetworkName.make("dove")
export const lark = NetworkName.NetworkName.make("lark")
export const hubA = "ws://a.test"
export const hubB = "ws://b.test"

export type Behaviour = (socket: FakeSocket) => void

export const greeting = { type: "connected", data: { peerId: ada }, fromPeerId: "system", timestamp: 1 }
export const offer = { type: "offer", targetPeerId: bob, data: { type: "offer", sdp: "v=0\r\no=- 1 1" } } as const
export const discovered = (networkName?: string) => ({
  type: "peer-discovered",
  data: { peerId: bob, isHub: false },
  fromPeerId: "system",
  ...networkName !== undefined && { networkName }
})

export const ignores: Behaviour = () => {}
export const opens: Behaviour = (socket) => socket.open()
export const greets: Behaviour = (socket) => {
  socket.open()
  queueMicrotask(() => socket.say(greeting))
}
/** The greeting of a hub of ours, where `greeting` is PeerPigeon's. */
export const welcome = {
  ...greeting,
  data: { peerId: ada, homing: { version: 1, features: Object.values(feature) } }
}
/** A hub of ours, where `greets` is PeerPigeon's. */
export const welcomes: Behaviour = (socket) => {
  socket.open()
  queueMicrotask(() => socket.say(welcome))
}
export const refuses = (code: number, reason: string): Behaviour => (socket) => {
  socket.open()
  queueMicrotask(() => socket.drop(code, reason))
}
export const fails = (message: string): Behaviour => (socket) => {
  socket.emit("error", { message })
  socket.drop(1006)
}

/** A WebSocket whose hub is the test. */
export class FakeSocket implements Socket.WebSocketLike {
  readyState = 0
  bufferedAmount = 0
  confirmsClose = true
  terminated = false
  closedWith: number | undefined
  readonly sent: Array<string> = []
  readonly url: string
  readonly #listeners = new Map<(event: never) => void, { type: string; once: boolean }>()

  constructor(url: string) {
    this.url = url
  }
  get closed(): boolean {
    return this.readyState === 3
  }
  /** Listeners that are left, but for those that only keep late errors quiet. */
  get listeners(): number {
    return Array.from(this.#listeners.values()).filter(({ type }) => type !== "error").length
  }
  get types(): Array<string> {
    return this.sent.map((frame) => JSON.parse(frame)).map(({ networkName, type }) =>
      networkName === undefined ? type : `${type} ${networkName}`
    )
  }
  addEventListener(type: string, listener: (event: never) => void, options?: { readonly once?: boolean }) {
    this.#listeners.set(listener, { type, once: options?.once ?? false })
  }
  removeEventListener(_: string, listener: (event: never) => void) {
    this.#listeners.delete(listener)
  }
  emit(type: string, event: object) {
    for (const [listener, entry] of Array.from(this.#listeners)) {
      if (entry.type !== type) continue
      if (entry.once) this.#listeners.delete(listener)
      Reflect.apply(listener, this, [event])
    }
  }
  send(data: string | Uint8Array) {
    this.sent.push(String(data))
  }
  close(code = 1005) {
    if (this.readyState >= 2) return
    this.closedWith = code
    this.readyState = 2
    if (this.confirmsClose) queueMicrotask(() => this.drop(code))
  }
  terminate() {
    this.terminated = true
    this.drop(1006)
  }
  open() {
    this.readyState = 1
    this.emit("open", {})
  }
  say(message: object) {
    this.emit("message", { data: JSON.stringify(message) })
  }
  drop(code: number, reason = "") {
    this.readyState = 3
    this.emit("close", { code, reason })
  }
}

export const makeWorld = (behaviours: Record<string, Behaviour> = {}, otherwise: Behaviour = greets) => {
  const sockets: Array<FakeSocket> = []
  const origin = (url: string) => new URL(url).origin
  const behaves = new Map(Object.entries(behaviours).map(([hub, behaviour]) => [origin(hub), behaviour]))
  const at = (index: number) => {
    const socket = sockets.at(index)
    if (socket === undefined) throw new Error("nobody dialled")
    return socket
  }
  return {
    sockets,
    get only() {
      assert.strictEqual(sockets.length, 1)
      return at(0)
    },
    get last() {
      return at(-1)
    },
    get dialled() {
      return sockets.map(({ url }) => origin(url))
    },
    behave: (hub: string, behaviour: Behaviour) => void behaves.set(origin(hub), behaviour),
    dial: (url: string) => {
      const behaviour = behaves.get(origin(url)) ?? otherwise
      const socket = new FakeSocket(url)
      sockets.push(socket)
      queueMicrotask(() => behaviour(socket))
      return socket
    }
  }
}

export const open = (
  world: { readonly dial: (url: string) => FakeSocket },
  hubs: readonly [string, ...ReadonlyArray<string>]
) =>
  Effect.flatMap(SignalingTransport, (transport) => transport.open({ peerId: ada, hubs })).pipe(
    Effect.provide(
      Layer.provide(SignalingWebSocket.layer, Layer.succeed(Socket.WebSocketConstructor, world.dial))
    )
  )

export const joinScoped = Effect.fnUntraced(function*(
  session: Effect.Success<ReturnType<typeof open>>,
  networkName: NetworkName.NetworkName
) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  return [scope, yield* Scope.provide(session.join(networkName), scope)] as const
})

export const drain = (membership: HubMembership) =>
  Effect.map(
    Queue.takeAll(membership.news),
    (news) => news.map((item) => item._tag === "Signal" ? item.signal.type : item._tag)
  )

/** Lets every fiber go as far as it can without time. */
export const settle = Effect.forEach(
  Array.from({ length: 20 }),
  () => Effect.yieldNow.pipe(Effect.andThen(Effect.promise(() => Promise.resolve()))),
  {
    discard: true
  }
)

/** Randomness that always draws the same share of a bound. */
export const always = (share: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => share, nextIntUnsafe: () => 0 })
