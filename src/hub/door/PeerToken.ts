/**
 * Tokens by which an application server says who may come in: JSON Web Tokens (RFC 7519), signed with HMAC and SHA-256 by
 * a secret that it shares with the hub. They expire, and may be for one peer and for some networks only.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { errors, jwtVerify } from "jose"
import type { IncomingHttpHeaders } from "node:http"
import { NetworkName } from "../../domain/NetworkName.ts"
import { equals, PeerId } from "../../domain/PeerId.ts"
import { Refused } from "./Refused.ts"

/** The subprotocol that a client with a token offers, and that the hub chooses. @category constants */
export const subprotocol = "homing"

/** What stands before a token that is offered as a subprotocol, as browsers can: they can set no header. @category constants */
export const prefix = "homing.token."

/** Seconds that the clocks of the hub and of whoever signs may differ. @category constants */
export const tolerance = 5

const Claims = Schema.Struct({
  /** When it expires, in seconds since 1970. */
  exp: Schema.Finite,
  /** The only peer that may use the token. */
  sub: Schema.optionalKey(PeerId),
  /** The only networks that it may join or watch. */
  networks: Schema.optionalKey(Schema.Array(NetworkName).check(Schema.isMaxLength(256)))
})
const decodeClaims = Schema.decodeUnknownEffect(Claims)

/** What a peer may do. @category models */
export interface Grant {
  /** The networks it may join or watch; any when absent. */
  readonly networks?: ReadonlySet<NetworkName> | undefined
  /** When it may be there no longer, in milliseconds since 1970, with what clocks may differ; never when absent. */
  readonly expiresAt?: number
}

/** Whether whoever has one grant may do all that another one allows. @category predicates */
export const covers = (grant: Grant, other: Grant): boolean => {
  const { networks } = grant
  return networks === undefined ||
    (other.networks !== undefined && Array.from(other.networks).every((networkName) => networks.has(networkName)))
}

/** The token of a request: a subprotocol `homing.token.…`, or else the query's `token`. @category getters */
export const ofRequest = (target: string, headers: IncomingHttpHeaders): string | undefined => {
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim())
  const found = offered.find((protocol) => protocol.startsWith(prefix))
  const query = target.indexOf("?")
  return found?.slice(prefix.length) ??
    (query < 0 ? undefined : new URLSearchParams(target.slice(query)).get("token") ?? undefined)
}

/** The subprotocol that the hub answers with: the first that is no token. @category getters */
export const chooseSubprotocol = (offered: ReadonlySet<string>): string | false =>
  Array.from(offered).find((protocol) => !protocol.startsWith(prefix)) ?? false

/** Checks tokens. @category models */
export interface Verifier {
  /** What the token of a peer grants; it fails when there is none, or none that is good for this peer now. */
  verify(token: string | undefined, peerId: PeerId): Effect.Effect<Grant, Refused>
}

/** Lets everybody in. @category constructors */
export const anybody: Verifier = { verify: () => Effect.succeed({}) }

/** Asks for tokens that were signed with a secret. `now` gives milliseconds since 1970. @category constructors */
export const make = (secret: Redacted.Redacted, now: () => number): Verifier => {
  const key = new TextEncoder().encode(Redacted.value(secret))
  return {
    verify: Effect.fnUntraced(function*(token, peerId) {
      if (token === undefined) return yield* new Refused({ reason: "A peer token is needed" })
      const { payload } = yield* Effect.tryPromise({
        try: () =>
          jwtVerify(token, key, {
            algorithms: ["HS256"],
            requiredClaims: ["exp"],
            clockTolerance: tolerance,
            currentDate: new Date(now())
          }),
        catch: (cause) =>
          new Refused({
            reason: cause instanceof errors.JWTExpired ? "The peer token has expired" : "The peer token is not valid"
          })
      })
      const { exp, networks, sub } = yield* Effect.mapError(
        decodeClaims(payload),
        () => new Refused({ reason: "The peer token is not valid" })
      )
      if (sub !== undefined && !equals(sub, peerId)) {
        return yield* new Refused({ reason: "The peer token is for another peer" })
      }
      return { expiresAt: (exp + tolerance) * 1000, ...networks === undefined ? {} : { networks: new Set(networks) } }
    })
  }
}
