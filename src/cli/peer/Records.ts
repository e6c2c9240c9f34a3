/** What a program asks of the hash table, and the subscriptions that it has. */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Mesh } from "../../runtime/Mesh.ts"
import * as DhtProtocol from "../DhtProtocol.ts"
import * as PeerProtocol from "../PeerProtocol.ts"

/** An op of the hash table. @category models */
export type RecordOp = Extract<PeerProtocol.Op, { readonly op: (typeof DhtProtocol.opNames)[number] }>

const names: ReadonlySet<string> = new Set(DhtProtocol.opNames)

/** Whether an op is one. @category predicates */
export const isRecordOp = <A extends PeerProtocol.Op>(op: A): op is Extract<A, RecordOp> => names.has(op.op)

/** Does such ops. @category models */
export type Records = Effect.Success<ReturnType<typeof make>>

/** Does such ops, and says what is subscribed to until the scope closes. @category constructors */
export const make = Effect.fnUntraced(function*(
  { dht }: Mesh["Service"],
  say: (message: PeerProtocol.PeerMessage) => Effect.Effect<void>
) {
  const subscribed = yield* FiberMap.make<string, void, unknown>()

  const subscribe = Effect.fnUntraced(function*({ key, ...options }: Extract<RecordOp, { readonly op: "subscribe" }>) {
    // Those who ask twice hear it once.
    yield* FiberMap.remove(subscribed, key)
    const scope = yield* Scope.make()
    const changes = yield* dht.subscription(key, options).pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => exit._tag === "Failure" ? Scope.close(scope, exit) : Effect.void)
    )
    const tell = Stream.runForEach(changes, (change) => say(DhtProtocol.changeLine(change)))
    yield* FiberMap.run(subscribed, key, Effect.onExit(tell, (exit) => Scope.close(scope, exit)))
    return null
  })

  return Effect.fnUntraced(function*(op: RecordOp) {
    switch (op.op) {
      case "put": {
        const value = yield* Effect.fromResult(PeerProtocol.contentOf(op))
        return yield* dht.put(op.key, value, op)
      }
      case "get":
        return Option.getOrNull(Option.map(yield* dht.get(op.key, op), DhtProtocol.recordLine))
      case "update": {
        const value = yield* Effect.fromResult(PeerProtocol.contentOf(op))
        return yield* dht.update(op.key, value, op)
      }
      case "delete":
        return yield* dht.delete(op.key, op)
      case "subscribe":
        return yield* subscribe(op)
      case "unsubscribe":
        yield* FiberMap.remove(subscribed, op.key)
        return null
    }
  })
})
