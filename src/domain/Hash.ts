/**
 * A point of the id space for any text: the first 160 bits of its SHA-256. At once, which WebCrypto cannot: a frame's
 * place in its order would be lost while we wait.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { fromDigest, type PeerId } from "./PeerId.ts"

const utf8 = new TextEncoder()

/** @category constructors */
export const pointOf = (text: string): PeerId => fromDigest(sha256(utf8.encode(text)))
