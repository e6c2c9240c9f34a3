/** A process with one server in it, which tells its parent where it listens, and what it has used whenever it is asked. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { setTimeout as sleep } from "node:timers/promises"
import { Hub } from "../../src/hub/Hub.ts"
import { reference } from "./reference.ts"
import { relay } from "./relay.ts"

/** A hub that refuses nobody for how fast they speak, unless it is flooded on purpose. */
const hub = async (limited: boolean): Promise<number> => {
  const plenty = 1_000_000_000
  const layer = Hub.layer({
    host: "127.0.0.1",
    port: 0,
    maxConnections: 100_000,
    trustedProxies: ["loopback"],
    ...(limited ? {} : { messagesPerSecond: plenty, messageBurst: plenty, malformedBurst: plenty })
  })
  const scope = await Effect.runPromise(Scope.make())
  return Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), Hub).port
}

const [, , kind = "", folder = ""] = process.argv
const serve: Record<string, () => Promise<number>> = {
  relay,
  reference: () => reference(folder),
  limited: () => hub(true),
  hub: () => hub(false)
}
const port = await serve[kind]?.()

process.on("message", async (question) => {
  if (question === "memory") {
    // Gives back the room in which short-lived things were made, too: it is no connection's.
    for (let n = 0; n < 3; n++) {
      globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
      await sleep(100)
    }
  }
  const { system, user } = process.cpuUsage()
  const { external, heapUsed, rss } = process.memoryUsage()
  process.send?.({ cpu: system + user, heap: heapUsed + external, rss })
})
process.on("disconnect", () => process.exit())
process.send?.({ port })
