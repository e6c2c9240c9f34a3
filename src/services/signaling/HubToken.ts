/** The token that a peer shows to hubs that ask for one. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PeerToken } from "../../domain/Signal.ts"
import type { HubLoss } from "./HubLoss.ts"

/**
 * Gives the token, asked for anew for each connection, since tokens expire. A failure counts as a hub that cannot be
 * reached, and is tried again. Default: none.
 *
 * @category references
 */
export const HubToken = Context.Reference<Effect.Effect<string | undefined, HubLoss>>("homing/HubToken", {
  defaultValue: () => Effect.succeed(undefined)
})

/**
 * The subprotocols that carry a token: browsers can set no header, and a URL is written into logs. The hub chooses the
 * first and leaves the other alone. None without a token.
 *
 * @category getters
 */
export const subprotocols = (token: string | undefined): ReadonlyArray<string> =>
  token === undefined ? [] : ["homing", `homing.token.${token}`]

/** What a subprotocol may be made of (RFC 6455, 4.1), as far as a token needs it. @category predicates */
export const isToken = Schema.is(PeerToken)
