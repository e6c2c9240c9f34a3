/** Running a hub from the command line. */
import * as Effect from "effect/Effect"
import { Hub } from "../hub/Hub.ts"
import type { HubOptions } from "../hub/Options.ts"
import * as Failure from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Package from "./Package.ts"

/** What a person is told once the hub listens. */
const greeting = Effect.fnUntraced(function*(options: HubOptions, page: string | undefined) {
  const { hubSecret, natsUrl, port: wanted } = options
  const { hubId, hubMeshNamespace, isHub, port, url } = yield* Hub
  const address = url.replace("ws:", "http:")
  return [
    `Homing ${isHub ? "hub" : "signaling server"} ${yield* Package.version} listens at ${url}`,
    isHub
      ? `  Hubs:   namespace ${hubMeshNamespace}, this one is ${hubId}`
      : `  Hubs:   none here; the namespace ${hubMeshNamespace} is theirs`,
    ...isHub && hubSecret === undefined && natsUrl === undefined
      ? ["          Without a HUB_SECRET, others are admitted from loopback and private addresses only."]
      : [],
    ...wanted === undefined || wanted === 0 || wanted === port
      ? []
      : [`  NOTE: port ${wanted} is taken, so this hub is at port ${port}. Peers need its address.`],
    page === undefined ? `  Health: ${address}/health` : `  Page:   ${address}`,
    `  Peer:   ${Package.invocation("peer")} --hub ${url} --network gaming`,
    "  Stop:   Ctrl-C"
  ]
})

/**
 * Runs a hub until it is interrupted; then peers are told, and it ends within seconds. Fails when an option cannot be
 * used or no port can be had.
 *
 * @category running
 */
export const run = (options: HubOptions) =>
  Effect.suspend(() => {
    const page = Package.page()
    const life = Effect.gen(function*() {
      const output = yield* Output
      for (const line of yield* greeting(options, page)) yield* output.line(line)
      // Its lines are for people: a hub whose output nobody reads goes on.
      return yield* Effect.never
    })
    return life.pipe(
      Effect.provide([Hub.layer({ ...options, ...page === undefined ? {} : { assets: page } }), Output.layer]),
      Effect.scoped,
      Failure.shown
    )
  })
