/** `homing hub`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type { HubOptions } from "../../hub/Options.ts"
import * as Federation from "./federation.ts"
import { wholeNumber } from "./flags.ts"

/** A list from a flag or else from the environment, with commas between its parts; nothing when neither is there. */
const list = (flag: string, variable: string, metavar: string) =>
  Flag.String(flag).pipe(
    Flag.withMetavar(metavar),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault(""),
    Flag.map((text) => text.split(",").map((part) => part.trim()).filter((part) => part !== ""))
  )

/** What one may choose about a hub and about a signaling server. */
const flags = {
  port: wholeNumber("port", "PORT", 3000).pipe(
    Flag.withAlias("p"),
    Flag.withDescription("Port to listen at, 0 for any; if taken, the next free one of ten (PORT, default 3000)")
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("Name or address to listen at; 0.0.0.0 is all of them (HOST, default localhost)"),
    Flag.withFallbackConfig(Config.String("HOST")),
    Flag.withDefault("localhost")
  ),
  maxConnections: wholeNumber("max-connections", "MAX_CONNECTIONS", 1000).pipe(
    Flag.withDescription("Most peers at a time (MAX_CONNECTIONS, default 1000)")
  ),
  maxMessageBytes: wholeNumber("max-message-bytes", "MAX_MESSAGE_BYTES", 65_536).pipe(
    Flag.withDescription("Most bytes of one signal (MAX_MESSAGE_BYTES, default 65536)")
  ),
  maxBufferedBytes: wholeNumber("max-buffered-bytes", "MAX_BUFFERED_BYTES", 4 * 1024 * 1024).pipe(
    Flag.withDescription("Most bytes that wait for a peer that reads slowly (MAX_BUFFERED_BYTES, default 4194304)")
  ),
  messagesPerSecond: wholeNumber("messages-per-second", "MESSAGES_PER_SECOND", 200).pipe(
    Flag.withDescription("Most messages per second of one peer, for long (MESSAGES_PER_SECOND, default 200)")
  ),
  messageBurst: wholeNumber("message-burst", "MESSAGE_BURST", 2000).pipe(
    Flag.withDescription("Most messages of one peer at once (MESSAGE_BURST, default 2000)")
  ),
  networksPerPeer: wholeNumber("networks-per-peer", "NETWORKS_PER_PEER", 32).pipe(
    Flag.withDescription("Most networks that one peer may be in (NETWORKS_PER_PEER, default 32)")
  ),
  introductions: wholeNumber("introductions", "INTRODUCTIONS", 20).pipe(
    Flag.withDescription("Most members that a newcomer is introduced to (INTRODUCTIONS, default 20)")
  ),
  connectionsPerAddress: wholeNumber("connections-per-address", "CONNECTIONS_PER_ADDRESS", 256).pipe(
    Flag.withDescription("Most connections of one address (CONNECTIONS_PER_ADDRESS, default 256)")
  ),
  connectionRate: wholeNumber("connection-rate", "CONNECTION_RATE", 10).pipe(
    Flag.withDescription("Most new connections of one address per second, for long (CONNECTION_RATE, default 10)")
  ),
  trustedProxies: list("trusted-proxies", "TRUSTED_PROXIES", "LIST").pipe(
    Flag.withDescription(
      "Proxies whose X-Forwarded-For is believed: addresses, networks such as 10.1.0.0/16, loopback, private (TRUSTED_PROXIES, default none)"
    )
  ),
  allowedOrigins: list("allowed-origins", "ALLOWED_ORIGINS", "LIST").pipe(
    Flag.withDescription("Origins of the pages that may connect (ALLOWED_ORIGINS, default any)")
  ),
  corsOrigin: Flag.String("cors-origin").pipe(
    Flag.withDescription("Origin of the pages that may ask for /health and the like (CORS_ORIGIN, default *)"),
    Flag.withFallbackConfig(Config.String("CORS_ORIGIN")),
    Flag.withDefault("*")
  )
}

type Given = { readonly [Name in keyof typeof flags]: typeof flags[Name] extends Flag.Flag<infer A> ? A : never }

/** Runs a hub with what was given, and what is in the environment alone. */
const start = Effect.fnUntraced(function*({ allowedOrigins, ...options }: Given, more: HubOptions) {
  // No flag: what is given to a command can be seen by everybody on the machine.
  const peerTokenSecret = yield* Config.String("PEER_TOKEN_SECRET").pipe(Config.withDefault(""))
  const { run } = yield* Effect.promise(() => import("../hub.ts"))
  return yield* run({
    ...options,
    ...more,
    ...(allowedOrigins.length === 0 ? {} : { allowedOrigins }),
    ...(peerTokenSecret === "" ? {} : { peerTokenSecret })
  })
})

/** @category commands */
export const hub = Command.make(
  "hub",
  { own: flags, among: Federation.flags },
  Effect.fnUntraced(function*({ among, own }) {
    return yield* start(own, yield* Federation.optionsOf(among))
  })
).pipe(
  Command.withDescription("Run a hub: where peers meet before they talk to each other directly"),
  Command.withExamples([
    { command: "homing hub", description: "For peers on this machine" },
    { command: "homing hub --host 0.0.0.0 --port 8080", description: "For everyone who can reach this machine" },
    { command: "homing hub --bootstrap ws://hub-1.example.org:3000", description: "As one of several hubs" },
    { command: "homing hub --nats nats://localhost:4222", description: "As one of several hubs on NATS" }
  ])
)

/** @category commands */
export const server = Command.make(
  "server",
  { own: flags, namespace: Federation.namespace },
  ({ namespace, own }) => start(own, { isHub: false, ...(namespace === "" ? {} : { hubMeshNamespace: namespace }) })
).pipe(
  Command.withDescription("Run a signaling server of its own: what a hub is to peers, without other hubs")
)
