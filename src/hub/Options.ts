/** What one may choose about a hub. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidInput } from "../domain/Errors.ts"
import { HubAddress, maxAlternatives, maxIceServers, StunUrl, TurnUrl } from "../domain/Signal.ts"
import * as Limits from "./Limits.ts"

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefault(Effect.succeed(value)))

const Count = Schema.Int.check(Schema.isGreaterThan(0, { expected: "a whole number above 0" }))
const Period = Schema.Duration.check(
  Schema.makeFilter((period: Duration.Duration) => Duration.isFinite(period) && Duration.isPositive(period), {
    expected: "a finite duration above 0"
  })
)

/**
 * The options of a hub, with their defaults.
 *
 * @category schemas
 */
export const HubOptions = Schema.Struct({
  /** The TCP port; 0 takes any that is free. A taken port gives way to the next free one of the ten above. Default 3000. */
  port: withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }, { expected: "a port from 0 to 65535" })),
    3000
  ),
  /**
   * The name or address to listen at. Default `localhost`, which is both 127.0.0.1 and ::1, since clients
   * disagree on which of them it means. `0.0.0.0` or `::` is every interface of the machine.
   */
  host: withDefault(Schema.NonEmptyString, "localhost"),
  /** The most peers at a time; the next is refused with code 1008. Default 1000. */
  maxConnections: withDefault(Count, 1000),
  /** The most bytes of one message; a larger one closes its connection with code 1009. Default 1 MiB. */
  maxMessageBytes: withDefault(Count, 1024 * 1024),
  /**
   * The most bytes that may wait to be sent to a peer; one that reads more slowly than that is closed with
   * code 1013. Default 4 MiB.
   */
  maxBufferedBytes: withDefault(Count, 4 * 1024 * 1024),
  /**
   * The most messages per second that a peer may send for long; a large one counts for several, and so does an
   * announcement. Beyond it messages are refused, and at last the connection, with code 1008. Default 200.
   */
  messagesPerSecond: withDefault(Count, Limits.messagesPerSecond),
  /** The most messages that a peer may send at once, after a rest. Default 2000. */
  messageBurst: withDefault(Count, Limits.messageBurst),
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
  /** The origin that pages may ask the HTTP side from. Default `*`, any. */
  corsOrigin: withDefault(Schema.NonEmptyString, "*"),
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
  /** How long a drain waits for negotiations under way before it ends them. Default 5 s. */
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

const decode = Schema.decodeUnknownEffect(HubOptions)

/**
 * Checks options and fills in the defaults.
 *
 * @category decoding
 */
export const resolve = (options: HubOptions): Effect.Effect<HubSettings, InvalidInput> =>
  Effect.mapError(
    decode(options),
    ({ message }) => new InvalidInput({ field: "The hub's options", problem: message })
  )
