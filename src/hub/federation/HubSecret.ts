/**
 * How two hubs prove to each other that they know the same secret, without ever sending it: each draws a nonce, and each
 * answers with a code that only who knows the secret can make (HMAC with SHA-256; RFC 2104) over both nonces, both hubs'
 * ids, the hub namespace, and which of the two it is. So no proof is good for another connection, another hub, another
 * namespace, or when it is sent back to whoever made it. Both must check before either trusts.
 *
 * This proves who is there, and does not hide what is said: across networks that others can read, hubs talk over `wss:`.
 */
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** Bytes of a nonce: as many as of the code, so that none is ever drawn twice. @category constants */
export const nonceBytes = 32

const hex = (bytes: number, what: string) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), { expected: `${what} of ${2 * bytes} hexadecimal digits` })
  )

/** A number used once. @category schemas */
export const Nonce = hex(nonceBytes, "a nonce").pipe(Schema.brand("HubNonce"))
/** @category models */
export type Nonce = typeof Nonce.Type

/** What shows that one knows the secret. @category schemas */
export const Proof = hex(32, "a proof").pipe(Schema.brand("HubProof"))
/** @category models */
export type Proof = typeof Proof.Type

/** Who dialled, and who was dialled. @category models */
export type Role = "dialler" | "listener"

/** All that a proof is about. Both hubs must see the same. @category models */
export interface Handshake {
  readonly namespace: NetworkName
  readonly dialler: { readonly peerId: PeerId; readonly nonce: Nonce }
  readonly listener: { readonly peerId: PeerId; readonly nonce: Nonce }
}

/** A fresh nonce, from the platform's secure random numbers. @category constructors */
export const nonce: Effect.Effect<Nonce, never, SecureRandom.SecureRandom> = Effect.map(
  SecureRandom.SecureRandom.use((random) => random.randomBytes(nonceBytes)),
  (bytes) => Nonce.make(bytesToHex(bytes))
)

const version = "homing hub handshake 1"

const code = (secret: Redacted.Redacted, role: Role, { dialler, listener, namespace }: Handshake): Uint8Array =>
  hmac(
    sha256,
    utf8ToBytes(Redacted.value(secret)),
    // JSON keeps the parts apart, whatever is in them.
    utf8ToBytes(JSON.stringify([
      version,
      role,
      namespace,
      dialler.peerId.toLowerCase(),
      dialler.nonce,
      listener.peerId.toLowerCase(),
      listener.nonce
    ]))
  )

/** The proof of the hub with this role. @category combinators */
export const prove = (secret: Redacted.Redacted, role: Role, handshake: Handshake): Proof =>
  Proof.make(bytesToHex(code(secret, role, handshake)))

/** Whether a proof is that of the hub with this role. Takes as long whether it nearly is or not at all. @category predicates */
export const isProof = (secret: Redacted.Redacted, role: Role, handshake: Handshake, proof: Proof): boolean => {
  const expected = code(secret, role, handshake)
  const given = hexToBytes(proof)
  let difference = expected.length ^ given.length
  for (const [index, byte] of expected.entries()) difference |= byte ^ (given[index] ?? 0)
  return difference === 0
}
