/**
 * A supervisor with an operator: a person says where the peer should be, and it goes there at once. Until told, and when
 * told `auto`, it does what it always does.
 *
 * Two parts of the supervisor are replaced. The policy obeys the command that was given last. The health source is the
 * mesh's own, except that a new command is news, so that the supervisor looks at once and not at its next check.
 *
 *     npm run hub
 *     npm run example examples/by-hand.ts   # then type: away eu-west, home, auto
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Effect, Layer, Result, Schema, Stream, SubscriptionRef } from "effect"
import { FallbackPolicy, HealthSource, Mesh, NetworkHealth, NetworkName } from "homing"
import * as Node from "homing/node"
import { createInterface } from "node:readline"

/** What an operator can say. */
export type Command =
  | { readonly _tag: "Auto" }
  | { readonly _tag: "Home" }
  | { readonly _tag: "Away"; readonly to: NetworkName.NetworkName }

/** What a command means while the peer is somewhere. */
const obey = (command: Command, health: NetworkHealth.NetworkHealth): NetworkHealth.FallbackDecision => {
  switch (command._tag) {
    case "Auto":
      return NetworkHealth.decide(health)
    case "Home":
      return health.networkName === health.originalNetworkName
        ? NetworkHealth.stay("told to stay at home")
        : NetworkHealth.goHome("told to")
    case "Away":
      // Not even an operator takes a strict peer to strangers.
      if (!health.allowGlobalFallback) return NetworkHealth.decide(health)
      return health.networkName === command.to
        ? NetworkHealth.stay(`told to stay in ${command.to}`)
        : NetworkHealth.fallBack(command.to, "told to")
  }
}

/** Gives orders to the meshes that are built on its layer. */
export class Operator extends Context.Service<Operator, {
  order(command: Command): Effect.Effect<void>
}>()("examples/Operator") {
  /** The operator, and what makes a supervisor obey: provide it to `Mesh.layer` with `Layer.provideMerge`. */
  static readonly layer = Layer.effectContext(
    Effect.gen(function*() {
      const command = yield* SubscriptionRef.make<Command>({ _tag: "Auto" })
      return Context.make(Operator, { order: (next) => SubscriptionRef.set(command, next) }).pipe(
        Context.add(FallbackPolicy, { decide: (health) => obey(SubscriptionRef.getUnsafe(command), health) }),
        Context.add(HealthSource, {
          observe: ({ news, now }) =>
            Effect.succeed({ now, news: Stream.merge(news, SubscriptionRef.changes(command)) })
        })
      )
    })
  )
}

const decodeName = Schema.decodeUnknownResult(NetworkName.ChosenNetworkName)

/** Reads what an operator typed: `auto`, `home` or `away <network>`. */
export const parse = (line: string): Command | undefined => {
  const [word, name] = line.trim().split(/\s+/)
  if (word === "auto") return { _tag: "Auto" }
  if (word === "home") return { _tag: "Home" }
  const to = decodeName(name)
  return word === "away" && Result.isSuccess(to) ? { _tag: "Away", to: to.success } : undefined
}

/** Joins, obeys what is typed, and says where it is taken. */
const program = Effect.gen(function*() {
  const mesh = yield* Mesh
  const operator = yield* Operator
  yield* mesh.events.pipe(
    Stream.runForEach((event) => event._tag === "StatusChanged" ? Effect.log(event.message) : Effect.void),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* mesh.join
  const lines = Stream.fromAsyncIterable(createInterface({ input: process.stdin }), (cause) => cause)
  yield* Stream.runForEach(lines, (line) => {
    const command = parse(line)
    return command === undefined
      ? Effect.logWarning("that is none of: auto, home, away <network>")
      : operator.order(command)
  })
})

if (import.meta.main) {
  const MeshLayer = Mesh.layer({ hubs: "ws://localhost:3000", networkName: "gaming" }).pipe(
    Layer.provideMerge(Operator.layer),
    Layer.provide(Node.layer)
  )
  program.pipe(Effect.scoped, Effect.provide(MeshLayer), NodeRuntime.runMain)
}
