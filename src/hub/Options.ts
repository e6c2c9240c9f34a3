/** What one may choose about a hub. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidInput } from "../domain/Errors.ts"
import * as NetworkName from "../domain/NetworkName.ts"
import { PeerId } from "../domain/PeerId.ts"
import { HubAddress, maxAlternatives, maxIceServers, StunUrl, TurnUrl } from "../domain/Signal.ts"
import * as Addresses from "./door/Addresses.ts"
import * as Limits from "./Limits.ts"

/** The least bytes of a secret: those of what signs with it (HMAC with SHA-256; RFC 7518, 3.2). @category constants */
export const secretBytes = 32

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefault(Effect.succeed(value)))

const Count = Schema.Int.check(Schema.isGreaterThan(0, { expected: "a whole number above 0" }))
/** A duration, or milliseconds, or a text such as `5 seconds`. */
const Period = Schema.Union([Schema.Duration, Schema.DurationFromMillis, Schema.DurationFromString]).check(
  Schema.makeFilter((period: Duration.Duration) => Duration.isFinite(period) && Duration.isPositive(period), {
    expected: "a finite duration above 0"
  })
)

const TrustedProxies = Schema.Array(Schema.String).check(
  Schema.makeFilter((list: ReadonlyArray<string>) => Result.isSuccess(Addresses.trustedProxies(list)), {
    expected: "IP addresses, networks such as 10.1.0.0/16, loopback or private"
  })
)
const Origin = Schema.String.check(
  Schema.makeFilter((text: string) => URL.canParse(text) && new URL(text).origin === text, {
    expected: "an origin such as https://example.org, without a path or a slash at its end"
  })
)
const Host = Schema.String.check(
  Schema.makeFilter(
    (text: string) => URL.canParse(`ws://${text}`) && new URL(`ws://${text}`).host !== "" && /^[^/?#@]+$/.test(text),
    {
      expected: "a host such as hub.example.org or localhost:3000"
    }
  )
)
/** What pages of other origins are told may ask: one origin, or any. */
const CorsOrigin = Schema.String.check(
  Schema.makeFilter((text: string) => text === "*" || (URL.canParse(text) && new URL(text).origin === text), {
    expected: "an origin such as https://example.org, without a path or a slash at its end, or * for any"
  })
)
const Secret = Schema.String.check(
  Schema.makeFilter((text: string) => new TextEncoder().encode(text).length >= secretBytes, {
    expected: `a secret of at least ${secretBytes} bytes`
  })
).pipe(Schema.RedactedFromValue)

const hasScheme = (...schemes: ReadonlyArray<string>) => (text: string): boolean =>
  URL.canParse(text) && schemes.includes(new URL(text).protocol) && new URL(text).hostname !== ""
const HubUrl = Schema.String.check(
  Schema.makeFilter(hasScheme("ws:", "wss:", "http:", "https:"), { expected: "a URL such as ws://localhost:3000" })
)
const NatsUrl = Schema.String.check(
  Schema.makeFilter((text: string) => text.split(",").every((url) => hasScheme("nats:", "tls:")(url.trim())), {
    expected: "a URL such as nats://localhost:4222, or several with commas between"
  })
).pipe(Schema.RedactedFromValue)

const HubMeshNamespace = NetworkName.ChosenNetworkName.check(
  Schema.makeFilter((name: NetworkName.NetworkName) => name !== NetworkName.global, {
    expected: `another name than ${NetworkName.global}, which is where lonely peers meet`
  })
)

/**
 * The options of a hub, with their defaults.
 *
 * @category schemas
 */
export const HubOptions = Schema.Struct({
  /** The TCP port; 0 takes any that is free. A taken port gives way to the next free one of `portRetries` above. Default 3000. */
  port: withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }, { expected: "a port from 0 to 65535" })),
    3000
  ),
  /** How many ports above a taken one are tried; 0 where peers or a proxy know the port and no other will do. Default 10. */
  portRetries: withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }, { expected: "a whole number from 0 to 100" })),
    10
  ),
  /**
   * The name or address to listen at. Default `localhost`, which is both 127.0.0.1 and ::1, since clients
   * disagree on which of them it means. `0.0.0.0` or `::` is every interface of the machine.
   */
  host: withDefault(Schema.NonEmptyString, "localhost"),
  /** The most peers at a time; the next is refused with code 1008. Default 1000. */
  maxConnections: withDefault(Count, 1000),
  /** The most bytes of one message; a larger one closes its connection with code 1009. Default 64 KiB. */
  maxMessageBytes: withDefault(
    Schema.Int.check(
      Schema.isBetween({ minimum: 1, maximum: Limits.mostMessageBytes }, {
        expected: `a whole number from 1 to ${Limits.mostMessageBytes}`
      })
    ),
    Limits.messageBytes
  ),
  /**
   * The most bytes that may wait to be sent to a peer; one that reads more slowly than that is closed with
   * code 1013. Default 4 MiB.
   */
  maxBufferedBytes: withDefault(Count, 4 * 1024 * 1024),
  /**
   * The most messages per second that a peer may send for long; a large one counts for several, and so does an
   * announcement. Beyond it the peer is read from no faster; one that insists is closed with code 1008. Default 200.
   */
  messagesPerSecond: withDefault(Count, Limits.messagesPerSecond),
  /** The most messages that a peer may send at once, after a rest. Default 2000. */
  messageBurst: withDefault(Count, Limits.messageBurst),
  /**
   * How many messages of a connection may not be of the protocol; beyond it the connection is closed with code 1008, and
   * one is forgiven every ten seconds. Default 20.
   */
  malformedBurst: withDefault(Count, Limits.malformedBurst),
  /** The most members that a newcomer is introduced to, and they to it. Default 20. */
  introductions: withDefault(Count, Limits.introductions),
  /** The most networks that one connection may be in. Default 32. */
  networksPerPeer: withDefault(Count, Limits.networksPerPeer),
  /**
   * The most connections of one address at a time, of an IPv6 address' first 64 bits; the next is refused with HTTP status
   * 429. This machine's own addresses may have any number. Default 256.
   */
  connectionsPerAddress: withDefault(Count, Limits.connectionsPerAddress),
  /** The connections that one address may open per second for long; beyond it the status is 429, too. Default 10. */
  connectionRate: withDefault(Count, Limits.connectionRate),
  /**
   * Proxies whose `X-Forwarded-For` tells where a connection comes from: addresses, networks such as `10.1.0.0/16`,
   * `loopback` (this machine) and `private` (private networks). Default none: the header is ignored.
   */
  trustedProxies: withDefault(TrustedProxies, []),
  /**
   * The origins of pages that may connect, such as `https://example.org`; others are refused with HTTP status 403.
   * Programs that are no browsers send none and are not concerned. Default any.
   */
  allowedOrigins: Schema.optional(Schema.Array(Origin)),
  /**
   * The secret, of at least 32 bytes, by which tokens are signed that peers need to come in. Default none: anybody may.
   * See docs/admission.md.
   */
  peerTokenSecret: Schema.optional(Secret),
  /**
   * The hosts by which peers address the hub, such as `hub.example.org` or `localhost:3000`: proofs of a peer's key count
   * only when they name one of these. Default that of `publicUrl`, and without one whatever host a request is addressed to.
   * See docs/admission.md.
   */
  proofHosts: Schema.optional(Schema.Array(Host).check(Schema.isMaxLength(64))),
  /** Whether only peers may come in that prove to have the key of their id, as those of PeerPigeon cannot. Default `false`. */
  requireProof: withDefault(Schema.Boolean, false),
  /** How long a connection may be silent before it is asked for a sign of life. Default 30 s. */
  heartbeat: withDefault(Period, Duration.seconds(30)),
  /** How long a sign of life may take before the connection counts as dead. Default 10 s. */
  heartbeatPatience: withDefault(Period, Duration.seconds(10)),
  /**
   * How long the holder of a peer id has to show that it lives when a newcomer claims the same id. Until
   * then the newcomer waits. Default 2 s.
   */
  takeoverPatience: withDefault(Period, Duration.seconds(2)),
  /** How long a peer has to answer the closing of its connection before it is cut. Default 1 s. */
  closingPatience: withDefault(Period, Duration.seconds(1)),
  /** Whether it is one hub among others; otherwise it is a signaling server of its own. Default `false`. */
  isHub: withDefault(Schema.Boolean, false),
  /**
   * The network on which hubs find each other, and into which no peer gets. Only hubs that name the same one are connected.
   * Default `pigeonhub-mesh`.
   */
  hubMeshNamespace: withDefault(HubMeshNamespace, NetworkName.hubMesh),
  /** URLs of hubs to begin with, such as `ws://hub-1.example.org:3000`; others are learned from those. Default none. */
  bootstrapHubs: withDefault(Schema.Array(HubUrl), []),
  /**
   * URLs at which there may be a hub, or not: it is linked with when it is there, and otherwise not missed. Default none; the
   * command line names the first hub of this machine, `ws://localhost:3000`, where it was told of no others.
   */
  nearbyHubs: withDefault(Schema.Array(HubUrl), []),
  /** The hub's id among hubs: 40 hexadecimal digits. Default a new one each time. */
  hubId: Schema.optionalKey(PeerId),
  /** Whether it dials other hubs; otherwise it waits for them. Default `true`. */
  autoConnect: withDefault(Schema.Boolean, true),
  /**
   * The secret, of at least 32 bytes, that hubs prove to each other to know. Default none: then only hubs at loopback and
   * private addresses are admitted.
   */
  hubSecret: Schema.optional(Secret),
  /** Where peers and other hubs reach this one, told to other hubs. Default what it listens at, unless that is every interface. */
  publicUrl: Schema.optionalKey(HubUrl),
  /** For how long a link between hubs over WebRTC stands before the socket beside it is let go. Default 10 s. */
  meshMigrationDelay: withDefault(Period, Duration.seconds(10)),
  /** The most links over WebRTC with other hubs; 0 stays on sockets. Default 8. */
  hubMeshMaxPeers: withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }, { expected: "a whole number from 0 to 50" })),
    8
  ),
  /**
   * The `nats:` or `tls:` URL of a NATS server or cluster over which hubs are one, instead of links of their own; several
   * are separated by commas. Default none.
   */
  natsUrl: Schema.optionalKey(NatsUrl),
  /** The origin that pages may ask the HTTP side from. Default `*`, any. */
  corsOrigin: withDefault(CorsOrigin, "*"),
  /** The directory whose files are served over HTTP, `index.html` at `/`. Default none. */
  assets: Schema.optional(Schema.NonEmptyString),
  /**
   * A file with the certificate, and those that vouch for it, in PEM. With `tlsKey` it makes the hub speak `wss:` and
   * `https:` only; both are read again every hour. Default none.
   */
  tlsCert: Schema.optional(Schema.NonEmptyString),
  /** A file with the certificate's private key in PEM. Default none. */
  tlsKey: Schema.optional(Schema.NonEmptyString),
  /** STUN servers that peers are told to use, such as `stun:stun.example.org:3478`. Default none. */
  stun: withDefault(Schema.Array(StunUrl).check(Schema.isMaxLength(maxIceServers)), []),
  /** TURN servers that peers are told to use, such as `turn:turn.example.org:3478`. They need `turnSecret`. Default none. */
  turn: withDefault(Schema.Array(TurnUrl).check(Schema.isMaxLength(maxIceServers)), []),
  /** The secret shared with the TURN servers (coturn's `static-auth-secret`). Default none. */
  turnSecret: Schema.optional(Schema.RedactedFromValue(Schema.NonEmptyString, { label: "turnSecret" })),
  /** How long TURN credentials are good for; peers get new ones at half time. Default 1 hour. */
  turnLifetime: withDefault(Period, Duration.hours(1)),
  /** Hubs that peers are sent to when this one drains, `ws:` or `wss:` URLs. Default none. */
  moveTo: withDefault(Schema.Array(HubAddress).check(Schema.isMaxLength(maxAlternatives)), []),
  /** How long negotiations may begin while the hub drains; what has begun has 5 s more. Default 5 s. */
  drainPatience: withDefault(Period, Duration.seconds(5))
}).check(
  Schema.makeFilter(({ tlsCert, tlsKey }) =>
    (tlsCert === undefined) === (tlsKey === undefined)
      ? undefined
      : {
        path: [tlsCert === undefined ? "tlsCert" : "tlsKey"],
        issue: "a certificate and its key belong together: expected both files, or neither"
      }
  ),
  Schema.makeFilter(({ turn, turnSecret }) =>
    turn.length === 0 || turnSecret !== undefined
      ? undefined
      : { path: ["turnSecret"], issue: "expected the secret of the TURN servers, since there are such" }
  )
)

/** The options as one gives them: all optional, and `undefined` is as good as left out. @category models */
export type HubOptions = typeof HubOptions.Encoded

/** The options as the hub uses them: all present. @category models */
export type HubSettings = typeof HubOptions.Type

/** The variables of the environment from which the hub program takes options. @category constants */
export const variables = {
  port: "PORT",
  portRetries: "PORT_RETRIES",
  host: "HOST",
  maxConnections: "MAX_CONNECTIONS",
  maxMessageBytes: "MAX_MESSAGE_BYTES",
  maxBufferedBytes: "MAX_BUFFERED_BYTES",
  messagesPerSecond: "MESSAGES_PER_SECOND",
  messageBurst: "MESSAGE_BURST",
  networksPerPeer: "NETWORKS_PER_PEER",
  introductions: "INTRODUCTIONS",
  connectionsPerAddress: "CONNECTIONS_PER_ADDRESS",
  connectionRate: "CONNECTION_RATE",
  trustedProxies: "TRUSTED_PROXIES",
  allowedOrigins: "ALLOWED_ORIGINS",
  peerTokenSecret: "PEER_TOKEN_SECRET",
  proofHosts: "PROOF_HOSTS",
  requireProof: "REQUIRE_PROOF",
  corsOrigin: "CORS_ORIGIN",
  hubMeshNamespace: "HUB_MESH_NAMESPACE",
  bootstrapHubs: "BOOTSTRAP_HUBS",
  hubId: "HUB_ID",
  autoConnect: "AUTO_CONNECT",
  hubSecret: "HUB_SECRET",
  publicUrl: "HUB_URL",
  meshMigrationDelay: "MESH_MIGRATION_DELAY",
  hubMeshMaxPeers: "HUB_MESH_MAX_PEERS",
  natsUrl: "NATS_URL"
} as const satisfies Partial<Record<keyof HubOptions, string>>

const decode = Schema.decodeUnknownResult(HubOptions)

/** The option that is at fault, and the variable it may have come from. */
const nameFault = (options: HubOptions): string => {
  const fault = Object.entries(options).find(([key, value]) => Result.isFailure(decode({ [key]: value })))
  if (fault === undefined) return "The hub's options"
  const variable = Object.entries(variables).find(([key]) => key === fault[0])?.[1]
  return variable === undefined ? `The hub's ${fault[0]}` : `The hub's ${fault[0]} (${variable} in the environment)`
}

/**
 * Checks options and fills in the defaults.
 *
 * @category decoding
 */
export const resolve = (options: HubOptions): Effect.Effect<HubSettings, InvalidInput> =>
  Effect.mapError(
    Effect.fromResult(decode(options)),
    ({ message }) => new InvalidInput({ field: nameFault(options), problem: message })
  )
