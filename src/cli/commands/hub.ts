/** `homing hub`: its flags. What it does is loaded when it is run. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { HubOptions } from "../../hub/Options.ts"
import { parse as parseDuration } from "../Durations.ts"
import * as Logs from "../Logs.ts"
import * as Federation from "./federation.ts"
import * as Flags from "./flags.ts"

/** A whole number from a flag or else from the environment. */
const wholeNumber = (flag: string, variable: string, description: string) =>
  Flags.setting(flag, variable, {
    metavar: "integer",
    description,
    expected: "a whole number",
    parse: (text) => /^\d{1,15}$/.test(text) ? Number(text) : undefined
  })

/** A text as it is. */
const text = (flag: string, variable: string, metavar: string, description: string) =>
  Flags.setting(flag, variable, { metavar, description, expected: "a text", parse: (text) => text })

/** What one may choose about a hub and about a signaling server. */
const flags = {
  port: wholeNumber(
    "port",
    "PORT",
    "Port to listen at, 0 for any; if taken, the next free one (PORT, default 3000)"
  ).pipe(Flag.withAlias("p")),
  portRetries: wholeNumber(
    "port-retries",
    "PORT_RETRIES",
    "How many ports above a taken one to try, 0 for none (PORT_RETRIES, default 10)"
  ),
  host: text(
    "host",
    "HOST",
    "string",
    "Name or address to listen at; 0.0.0.0 is all of them (HOST, default localhost)"
  ),
  maxConnections: wholeNumber(
    "max-connections",
    "MAX_CONNECTIONS",
    "Most peers at a time (MAX_CONNECTIONS, default 1000)"
  ),
  maxMessageBytes: wholeNumber(
    "max-message-bytes",
    "MAX_MESSAGE_BYTES",
    "Most bytes of one signal (MAX_MESSAGE_BYTES, default 65536)"
  ),
  maxBufferedBytes: wholeNumber(
    "max-buffered-bytes",
    "MAX_BUFFERED_BYTES",
    "Most bytes that wait for a peer that reads slowly (MAX_BUFFERED_BYTES, default 4194304)"
  ),
  messagesPerSecond: wholeNumber(
    "messages-per-second",
    "MESSAGES_PER_SECOND",
    "Most messages per second of one peer, for long (MESSAGES_PER_SECOND, default 200)"
  ),
  messageBurst: wholeNumber(
    "message-burst",
    "MESSAGE_BURST",
    "Most messages of one peer at once (MESSAGE_BURST, default 2000)"
  ),
  networksPerPeer: wholeNumber(
    "networks-per-peer",
    "NETWORKS_PER_PEER",
    "Most networks that one peer may be in (NETWORKS_PER_PEER, default 32)"
  ),
  introductions: wholeNumber(
    "introductions",
    "INTRODUCTIONS",
    "Most members that a newcomer is introduced to (INTRODUCTIONS, default 20)"
  ),
  connectionsPerAddress: wholeNumber(
    "connections-per-address",
    "CONNECTIONS_PER_ADDRESS",
    "Most connections of one address (CONNECTIONS_PER_ADDRESS, default 256)"
  ),
  connectionRate: wholeNumber(
    "connection-rate",
    "CONNECTION_RATE",
    "Most new connections of one address per second, for long (CONNECTION_RATE, default 10)"
  ),
  trustedProxies: Flags.addresses(
    "trusted-proxies",
    "TRUSTED_PROXIES",
    "LIST",
    "Proxies whose X-Forwarded-For is believed: addresses, networks such as 10.1.0.0/16, loopback, private; default none"
  ),
  allowedOrigins: Flags.addresses(
    "allowed-origins",
    "ALLOWED_ORIGINS",
    "LIST",
    "Origins of the pages that may connect; default any"
  ),
  proofHosts: Flags.addresses(
    "proof-hosts",
    "PROOF_HOSTS",
    "LIST",
    "Hosts by which peers address the hub, such as hub.example.org; default that of HUB_URL, or else any"
  ),
  requireProof: Flags.setting("require-proof", "REQUIRE_PROOF", {
    metavar: "true|false",
    description: "Whether peers must prove to have the keys of their ids (REQUIRE_PROOF, default false)",
    expected: "true or false",
    parse: (text) => text === "true" ? true : text === "false" ? false : undefined
  }),
  corsOrigin: text(
    "cors-origin",
    "CORS_ORIGIN",
    "string",
    "Origin of the pages that may ask for /health and the like (CORS_ORIGIN, default *)"
  ),
  tlsCert: text("tls-cert", "TLS_CERT", "file", "Certificate in PEM; with --tls-key it makes this wss: (TLS_CERT)"),
  tlsKey: text("tls-key", "TLS_KEY", "file", "The certificate's key in PEM (TLS_KEY)"),
  stun: Flags.addresses("stun", "STUN", "URLS", "STUN servers to hand to peers"),
  turn: Flags.addresses(
    "turn",
    "TURN",
    "URLS",
    "TURN servers to hand to peers, with credentials by TURN_SECRET or TURN_SECRET_FILE"
  ),
  moveTo: Flags.addresses("move-to", "MOVE_TO", "URLS", "Hubs to send the peers to when this one stops"),
  drainPatience: Flags.setting("drain-patience", "DRAIN_PATIENCE", {
    metavar: "DURATION",
    description: "How long peers may go on negotiating when the hub is to stop (DRAIN_PATIENCE, default 5s)",
    expected: "a duration from 100ms to 10m, such as 5s",
    parse: (text) =>
      Option.getOrUndefined(Result.getSuccess(parseDuration(text, Duration.millis(100), Duration.minutes(10))))
  }),
  logFormat: Flags.choice(
    "log-format",
    "LOG_FORMAT",
    Logs.formats,
    "How logs look (LOG_FORMAT, default pretty on a terminal, json otherwise)"
  )
}

const hubIs = "Run a hub: where peers meet before they talk to each other directly"
const serverIs = "Run a signaling server of its own: what a hub is to peers, without other hubs"

/** What has no flag. */
const secrets = (more: string) =>
  `Secrets are variables of the environment alone: ${more}PEER_TOKEN_SECRET and TURN_SECRET, each of which may end in _FILE to name a file. LOG_LEVEL is --log-level, and OTEL_EXPORTER_OTLP_ENDPOINT names a collector`

type Given = { readonly [Name in keyof typeof flags]: typeof flags[Name] extends Flag.Flag<infer A> ? A : never }

const start = Effect.fnUntraced(function*({ logFormat, ...options }: Given, more: HubOptions) {
  const { run } = yield* Effect.promise(() => import("../hub.ts"))
  return yield* run(
    { ...options, ...more },
    { format: logFormat, level: Option.getOrUndefined(yield* GlobalFlag.LogLevel) }
  )
})

/** @category commands */
export const server = Command.make(
  "server",
  { own: flags, namespace: Federation.namespace },
  ({ namespace, own }) => start(own, { isHub: false, ...(namespace === "" ? {} : { hubMeshNamespace: namespace }) })
).pipe(
  Command.withDescription(`${serverIs}. ${secrets("")}`),
  Command.withShortDescription(serverIs)
)

/** @category commands */
export const hub = Command.make(
  "hub",
  { own: flags, among: Federation.flags },
  ({ among, own }) => start(own, Federation.optionsOf(among, own))
).pipe(
  Command.withDescription(`${hubIs}. ${secrets("HUB_SECRET, ")}`),
  Command.withShortDescription(hubIs),
  Command.withExamples([
    { command: "homing hub", description: "For peers on this machine" },
    { command: "homing hub --host 0.0.0.0 --port 8080", description: "For everyone who can reach this machine" }
  ])
)
