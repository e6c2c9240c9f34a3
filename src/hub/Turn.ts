/**
 * The STUN and TURN servers that peers are told to use. Each peer gets TURN credentials of its own that expire, as coturn
 * knows them (`use-auth-secret`): the user is a time and a name, and the password is its HMAC-SHA1 by the shared secret.
 * So a server need not know the peers, and nobody can use it for long without a hub.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { createHmac } from "node:crypto"
import type { PeerId } from "../domain/PeerId.ts"
import type { IceServer } from "../domain/Signal.ts"
import type { HubSettings } from "./Options.ts"

/** Credentials of a TURN server. @category models */
export interface Credentials {
  readonly username: string
  readonly credential: string
}

/** Credentials for a peer that are good until `expiresAt`, in milliseconds since 1970. @category constructors */
export const credentials = (secret: string, peerId: PeerId, expiresAt: number): Credentials => {
  const username = `${Math.floor(expiresAt / 1000)}:${peerId}`
  return { username, credential: createHmac("sha1", secret).update(username).digest("base64") }
}

/** What peers are told of servers. @category models */
export interface IceServers {
  /** The servers for a peer at a time, in milliseconds since 1970; `undefined` when there are none. */
  issue(peerId: PeerId, now: number): ReadonlyArray<IceServer> | undefined
  /** How often a peer needs new credentials; `undefined` when those it has do not expire. */
  readonly renewal: Duration.Duration | undefined
}

/** The servers of a hub's options. @category constructors */
export const make = (settings: Pick<HubSettings, "stun" | "turn" | "turnLifetime" | "turnSecret">): IceServers => {
  const { stun, turn, turnLifetime, turnSecret } = settings
  const fixed: ReadonlyArray<IceServer> = stun.length === 0 ? [] : [{ urls: stun }]
  if (turn.length === 0 || turnSecret === undefined) {
    return { issue: () => fixed.length === 0 ? undefined : fixed, renewal: undefined }
  }
  const secret = Redacted.value(turnSecret)
  const lifetime = Duration.toMillis(turnLifetime)
  return {
    issue: (peerId, now) => [...fixed, { urls: turn, ...credentials(secret, peerId, now + lifetime) }],
    renewal: Duration.times(turnLifetime, 0.5)
  }
}
