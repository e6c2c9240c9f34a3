/** Our own links: one pool that dials, and as many on the other side as there are links. */
import { Context, Effect, Exit, Layer, PubSub, Queue, Result, Scope } from "effect"
import { noneDropped } from "../../src/domain/MeshStatus.ts"
import { global } from "../../src/domain/NetworkName.ts"
import { PeerId } from "../../src/domain/PeerId.ts"
import { decodeHubSignal, isPeerSignal } from "../../src/domain/Signal.ts"
import { ConnectionPool } from "../../src/services/ConnectionPool.ts"
import * as Received from "../../src/services/gossip/Received.ts"
import { SessionContext } from "../../src/services/SessionContext.ts"
import type { MembershipNews } from "../../src/services/SignalingTransport.ts"
import { Supervisor } from "../../src/services/Supervisor.ts"
import type { WebRtc } from "../../src/services/WebRtc.ts"
import type { Side, Surroundings } from "./protocol.ts"

/** The dialler's id is the greatest, so that it offers. */
const dialler = PeerId.make("f".repeat(40))
const answerer = (link: number) => PeerId.make(link.toString(16).padStart(40, "0"))

export const make = async (
  webRtc: Layer.Layer<WebRtc, unknown>,
  { arrived, dials, signal }: Surroundings
): Promise<Side> => {
  const engine = await Effect.runPromise(Effect.flatMap(Scope.make(), (scope) => Layer.buildWithScope(webRtc, scope)))
  let scope = await Effect.runPromise(Scope.make())
  const pools = new Map<number, Promise<ConnectionPool["Service"]>>()

  /** The pool of an end of a link; all links of the dialler are in one. */
  const poolOf = (link: number) => {
    const key = dials ? 0 : link
    const known = pools.get(key)
    if (known !== undefined) return known
    const self = dials ? dialler : answerer(link)
    const making = Effect.gen(function*() {
      const context = Layer.succeed(SessionContext, {
        self,
        networkName: global,
        received: Received.make().of(global),
        hub: {
          networkName: global,
          news: yield* Queue.unbounded<MembershipNews>(),
          foreign: Effect.succeed(0),
          announce: Effect.void,
          report: () => Effect.void,
          send: (outgoing) =>
            Effect.sync(() =>
              signal(
                dials && "targetPeerId" in outgoing ? Number.parseInt(String(outgoing.targetPeerId), 16) : link,
                { ...outgoing, fromPeerId: self }
              )
            )
        },
        iceServers: Effect.succeed([]),
        minPeers: 4,
        maxPeers: 50,
        emit: () => Effect.succeed(true),
        dropped: { ...noneDropped }
      })
      const layer = ConnectionPool.layer.pipe(Layer.provide(context), Layer.provide(Supervisor.layer))
      const pool = Context.get(yield* Layer.build(Layer.fresh(layer)), ConnectionPool)
      yield* pool.serve(["gossip", "__BINARY__"], (_, batch) =>
        Effect.sync(() => {
          for (const frame of batch) {
            if (frame.type === "gossip" && typeof frame.content === "string") arrived(frame.content)
          }
        }))
      return pool
    }).pipe(Scope.provide(scope), Effect.provide(engine), Effect.runPromise)
    pools.set(key, making)
    return making
  }

  let count = 0
  const frame = (content: string) => ({
    type: "gossip" as const,
    id: (count++).toString(16).padStart(32, "0"),
    subtype: "chat" as const,
    content,
    from: dials ? dialler : answerer(0),
    timestamp: 1,
    ttl: 40,
    path: []
  })
  let first: ConnectionPool["Service"] | undefined

  return {
    open: async (links) => {
      const pool = first = await poolOf(0)
      await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
        const news = yield* pool.news
        for (let link = 0; link < links; link++) yield* pool.dial(answerer(link), { dialect: "homing" })
        while (Array.from(pool.neighbours()).length < links) yield* PubSub.take(news)
      })))
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      scope = await Effect.runPromise(Scope.make())
      pools.clear()
      first = undefined
    },
    send: async (texts) => {
      const pool = first
      if (pool === undefined) throw new Error("no link")
      const to = dials ? answerer(0) : dialler
      // Not `Effect.forEach`, which has all texts made before the first is sent.
      await Effect.runPromise(Effect.gen(function*() {
        for (const text of texts) yield* pool.send(to, frame(text))
      }))
    },
    receive: (link, news) => {
      const decoded = decodeHubSignal(JSON.stringify(news))
      if (Result.isFailure(decoded) || !isPeerSignal(decoded.success)) return
      const incoming = decoded.success
      void poolOf(link).then((pool) => {
        if (!dials && link === 0) first = pool
        return Effect.runPromise(pool.receive(incoming))
      })
    }
  }
}
