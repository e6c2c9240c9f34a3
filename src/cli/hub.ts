/** Running a hub from the command line. */
import * as CliError from "effect/cli/CliError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { InvalidInput } from "../domain/Errors.ts"
import { Hub } from "../hub/Hub.ts"
import type { HubOptions } from "../hub/Options.ts"
import { waitAtMost } from "../services/Patience.ts"
import * as Failure from "./Failure.ts"
import * as Logs from "./Logs.ts"
import { Output } from "./Output.ts"
import * as Package from "./Package.ts"
import * as Secrets from "./Secrets.ts"
import * as Telemetry from "./Telemetry.ts"

/** What a person is told once the hub listens. */
const greeting = Effect.fnUntraced(function*(options: HubOptions, page: string | undefined) {
  const { hubSecret, natsUrl, port: wanted } = options
  const { hubId, hubMeshNamespace, isHub, port, url } = yield* Hub
  const address = url.replace(/^ws/, "http")
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

/** How long a line may take that is said while all else waits. */
const linePatience = Duration.millis(100)

/** Sends the peers away, and says so if there are any. */
const takeLeave = Effect.gen(function*() {
  const { drain, stats } = yield* Hub
  const { peers } = yield* stats
  if (peers > 0) {
    const output = yield* Output
    const whom = peers === 1 ? "a peer" : `${peers} peers`
    yield* waitAtMost(linePatience)(output.line(`Sending ${whom} away. Ctrl-C once more stops at once.`))
  }
  yield* drain
  yield* Effect.flatten(Telemetry.Flush)
})

/** By which flag and which variable an option is set here, for whoever has to set it right. */
const settings: Readonly<Record<string, string>> = {
  port: "--port or PORT",
  portRetries: "--port-retries or PORT_RETRIES",
  host: "--host or HOST",
  maxConnections: "--max-connections or MAX_CONNECTIONS",
  maxMessageBytes: "--max-message-bytes or MAX_MESSAGE_BYTES",
  corsOrigin: "--cors-origin or CORS_ORIGIN",
  tlsCert: "--tls-cert or TLS_CERT",
  tlsKey: "--tls-key or TLS_KEY",
  stun: "--stun or STUN",
  turn: "--turn or TURN",
  turnSecret: "TURN_SECRET or TURN_SECRET_FILE",
  moveTo: "--move-to or MOVE_TO",
  maxBufferedBytes: "--max-buffered-bytes or MAX_BUFFERED_BYTES",
  messagesPerSecond: "--messages-per-second or MESSAGES_PER_SECOND",
  messageBurst: "--message-burst or MESSAGE_BURST",
  networksPerPeer: "--networks-per-peer or NETWORKS_PER_PEER",
  introductions: "--introductions or INTRODUCTIONS",
  connectionsPerAddress: "--connections-per-address or CONNECTIONS_PER_ADDRESS",
  connectionRate: "--connection-rate or CONNECTION_RATE",
  trustedProxies: "--trusted-proxies or TRUSTED_PROXIES",
  allowedOrigins: "--allowed-origins or ALLOWED_ORIGINS",
  proofHosts: "--proof-hosts or PROOF_HOSTS",
  requireProof: "--require-proof or REQUIRE_PROOF",
  peerTokenSecret: "PEER_TOKEN_SECRET or PEER_TOKEN_SECRET_FILE",
  hubMeshNamespace: "--hub-mesh-namespace or HUB_MESH_NAMESPACE",
  bootstrapHubs: "--bootstrap, BOOTSTRAP_HUBS or BOOTSTRAP",
  hubId: "--hub-id or HUB_ID",
  hubSecret: "HUB_SECRET or HUB_SECRET_FILE",
  publicUrl: "--public-url or HUB_URL",
  meshMigrationDelay: "--mesh-migration-delay or MESH_MIGRATION_DELAY",
  hubMeshMaxPeers: "--hub-mesh-max-peers or HUB_MESH_MAX_PEERS",
  natsUrl: "--nats or NATS_URL",
  drainPatience: "--drain-patience or DRAIN_PATIENCE"
}

/** Says how to set an option that cannot be used. */
const withSetting = (error: InvalidInput): InvalidInput => {
  const [, name = ""] = /at \["(\w+)"\]/.exec(error.problem) ?? []
  const setting = settings[name]
  return setting === undefined
    ? error
    : new InvalidInput({ field: error.field, problem: `${error.problem}\nIt is set by ${setting}` })
}

/**
 * Runs a hub until it is interrupted; then peers are sent away, and it ends within seconds. Fails when an option cannot be
 * used or no port can be had.
 *
 * @category running
 */
export const run = (options: HubOptions, logs: Logs.LogOptions) =>
  Effect.gen(function*() {
    const page = Package.page()
    const turnSecret = yield* Secrets.read("TURN_SECRET")
    const peerTokenSecret = yield* Secrets.read("PEER_TOKEN_SECRET")
    const hubSecret = options.isHub === true ? yield* Secrets.read("HUB_SECRET") : undefined
    const level = logs.level ?? (yield* Logs.levelFromEnvironment)
    const life = Effect.gen(function*() {
      const output = yield* Output
      for (const line of yield* greeting({ ...options, hubSecret }, page)) yield* output.line(line)
      // Its lines are for people: a hub whose output nobody reads goes on.
      return yield* Effect.never
    }).pipe(Effect.onInterrupt(() => takeLeave))
    const hub = Hub.layer({
      ...options,
      turnSecret,
      peerTokenSecret,
      hubSecret,
      ...page === undefined ? {} : { assets: page }
    })
    return yield* life.pipe(
      Effect.provide(
        Layer.merge(hub, Output.layer).pipe(
          Layer.provideMerge(Telemetry.layer(yield* Package.version)),
          Layer.provideMerge(Logs.layer({ ...logs, level }, process.stderr.isTTY === true))
        )
      )
    )
  }).pipe(
    Effect.catchTags({
      InvalidInput: (error) => Effect.fail(withSetting(error)),
      HubCannotListen: (error) =>
        Effect.fail(
          new CliError.UserError({
            cause: error,
            userMessage: `${error.message}\nIt is set by ${settings["host"]}, and by ${settings["port"]}`
          })
        )
    }),
    Effect.scoped,
    Failure.shown
  )
