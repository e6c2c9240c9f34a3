/**
 * What a peer signs with the key from which its id follows: the public key and the signature, so that whoever knows the
 * id can check both.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Bytes of an Ed25519 public key (RFC 8032, 5.1.5). @category constants */
export const publicKeyBytes = 32

/** Bytes of an Ed25519 signature (RFC 8032, 5.1.6). @category constants */
export const signatureBytes = 64

/** A public key and a signature, one after the other, as base64: 128 characters. @category schemas */
export const Signature = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9+/]{128}$/, {
    expected: "a public key and a signature, 96 bytes as base64",
    arbitraryConstraint: { patterns: [{ source: "^[A-Za-z0-9+/]{128}$", flags: "" }] }
  })
).pipe(Schema.brand("Signature"))

/** @category models */
export type Signature = typeof Signature.Type

/**
 * What is signed: it is part of what is signed, so that a signature made for one purpose is none for another.
 *
 * @category models
 */
export type Purpose = "dht-record" | "signal" | "hub"

/** @category models */
export interface Parts {
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** Puts a public key and a signature together. @category constructors */
export const fromParts = ({ publicKey, signature }: Parts): Signature => {
  const bytes = new Uint8Array(publicKeyBytes + signatureBytes)
  bytes.set(publicKey)
  bytes.set(signature, publicKeyBytes)
  return Signature.make(Base64.encode(bytes))
}

/** Takes them apart again. @category getters */
export const toParts = (signature: Signature): Parts => {
  // The pattern leaves nothing that is not base64.
  const bytes = Result.getOrThrow(Base64.decode(signature))
  return { publicKey: bytes.subarray(0, publicKeyBytes), signature: bytes.subarray(publicKeyBytes) }
}

const utf8 = new TextEncoder()

/** The bytes that a key signs for a purpose. @category encoding */
export const toSign = (purpose: Purpose, bytes: Uint8Array): Uint8Array => {
  const prefix = utf8.encode(`homing/${purpose}\0`)
  const all = new Uint8Array(prefix.length + bytes.length)
  all.set(prefix)
  all.set(bytes, prefix.length)
  return all
}
