/**
 * How a peer proves to a hub that it has the key of its id: the hub gives it a number that was never used before, and the
 * peer signs it together with who it is and the host that it dialled. So a proof is good once, at that hub, and needs no
 * clocks; a hub that passes another's number on gets a proof that names the wrong host.
 */
import * as Schema from "effect/Schema"
import type { PeerId } from "./PeerId.ts"
import { Signature } from "./Signature.ts"

/** Random bytes of a nonce; as text they are 22 characters. @category constants */
export const nonceBytes = 16

/** A number that a hub gives out once, base64url. @category schemas */
export const Nonce = Schema.String.check(
  Schema.isPattern(/^[\w-]{16,64}$/, {
    expected: "16 to 64 letters, digits, hyphens and underscores",
    arbitraryConstraint: { patterns: [{ source: "^[A-Za-z0-9_-]{16,64}$", flags: "" }] }
  })
).pipe(Schema.brand("Nonce"))
/** @category models */
export type Nonce = typeof Nonce.Type

/** That a peer has the key of its id. The nonce is the one that its connection was given. @category schemas */
export const PeerProof = Schema.Struct({
  /** The host that the peer dialled, with its port. */
  host: Schema.String.check(Schema.isBetweenLength(1, 300)),
  signature: Signature
})
/** @category models */
export type PeerProof = typeof PeerProof.Type

/**
 * A host as both sides name it: in lower case, and without a port that goes without saying. It may be what stands in a URL
 * or in a request's `Host`.
 *
 * @category constructors
 */
export const hostOf = (authority: string): string => authority.trim().toLowerCase().replace(/:(80|443)$/, "")

const utf8 = new TextEncoder()

/** The bytes that a peer signs. @category encoding */
export const signedBytes = (
  { host, nonce, peerId }: { readonly nonce: Nonce; readonly host: string; readonly peerId: PeerId }
): Uint8Array => utf8.encode(JSON.stringify([nonce, hostOf(host), peerId.toLowerCase()]))
