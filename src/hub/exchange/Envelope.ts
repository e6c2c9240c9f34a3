/**
 * What a hub must know of a signal to pass it on, found in its bytes: the type, to whom, in which network, and where the
 * data begins and ends. The data is checked and left as it is, so that nothing of it is built or written anew.
 *
 * This is a short cut. It takes only what `JSON.stringify` writes for an offer, an answer or a candidate: no white space
 * between tokens, plain keys, each of ours once, an id and a network name without escapes, numbers that are whole and
 * short, and no deep nesting. Whatever it takes, the Schema takes, with the same result; and of whatever it does not take
 * it says nothing.
 */
import type { Buffer } from "node:buffer"
import type { NetworkName } from "../../domain/NetworkName.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { Relayed } from "../../domain/Signal.ts"

/** A signal's outside. @category models */
export interface Envelope {
  readonly type: Exclude<Relayed["type"], "connection-rejected">
  readonly targetPeerId: PeerId
  /** `undefined` when the signal names no network. */
  readonly networkName: NetworkName | undefined
  /** Where the data begins, and where it has ended. */
  readonly data: readonly [from: number, to: number]
}

/** How deep data may be nested to be passed on by the short cut: a description with its mark is 2 deep. @category constants */
export const maxDepth = 16

/** The most digits of a number that is written as it was read. */
const maxDigits = 15

const code = (character: string): number => character.charCodeAt(0)
const quote = code("\"")
const backslash = code("\\")
const colon = code(":")
const comma = code(",")
const minus = code("-")
const zero = code("0")
const space = code(" ")
const letterU = code("u")
const openBrace = code("{")
const closeBrace = code("}")
const openBracket = code("[")
const closeBracket = code("]")

/** One for each byte that is among those. */
const among = (isIn: (character: string) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => isIn(String.fromCharCode(byte)) ? 1 : 0)

const escaped = among((character) => "\"\\/bfnrt".includes(character))
const hex = among((character) => /[0-9a-fA-F]/.test(character))
const digit = among((character) => /[0-9]/.test(character))
/** What a network's name has that needs no thought: those one may choose are made of it. */
const simple = among((character) => /[a-z0-9._-]/.test(character))
const idLength = 40
const maxNameLength = 64

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const literals = ["true", "false", "null"].map(bytesOf)
const types = (["ice-candidate", "offer", "answer"] as const).map((type) => ({ type, bytes: bytesOf(`"${type}"`) }))
const keys = {
  type: bytesOf("type"),
  data: bytesOf("data"),
  targetPeerId: bytesOf("targetPeerId"),
  networkName: bytesOf("networkName")
}

/** What every reader returns instead of a place when it will not read on. */
const no = -1

const has = (bytes: Uint8Array, at: number, expected: Uint8Array): boolean => {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false
  return true
}

/** Whether a byte of a table is at a place, which may be beyond the end. */
const is = (table: Uint8Array, bytes: Uint8Array, at: number): boolean => table[bytes[at] ?? 0] === 1

/** Reads the rest of a string whose opening quote was read. Most of a signal is in here. */
const string = (bytes: Uint8Array, from: number): number => {
  const end = bytes.length
  let at = from
  while (at < end) {
    const byte = bytes[at] ?? 0
    if (byte === quote) return at + 1
    if (byte < space) return no
    if (byte !== backslash) at++
    else if (is(escaped, bytes, at + 1)) at += 2
    else if (
      bytes[at + 1] === letterU && is(hex, bytes, at + 2) && is(hex, bytes, at + 3) && is(hex, bytes, at + 4) &&
      is(hex, bytes, at + 5)
    ) at += 6
    else return no
  }
  return no
}

/** Reads the rest of a string of bytes of one table; the place of its closing quote. */
const plain = (table: Uint8Array, bytes: Uint8Array, from: number): number => {
  let at = from
  while (is(table, bytes, at)) at++
  return bytes[at] === quote ? at : no
}

/** Reads a whole number that `JSON.stringify` writes as it is: not -0, none too long to be exact, no fraction. */
const number = (bytes: Uint8Array, from: number): number => {
  const first = bytes[from] === minus ? from + 1 : from
  let at = first
  while (is(digit, bytes, at)) at++
  const digits = at - first
  if (digits === 0 || digits > maxDigits) return no
  if (bytes[first] === zero && (digits > 1 || first !== from)) return no
  const next = bytes[at]
  // A fraction or an exponent would follow; nothing else that could would be JSON.
  return next === comma || next === closeBrace || next === closeBracket ? at : no
}

const literal = (bytes: Uint8Array, from: number): number => {
  for (const each of literals) if (has(bytes, from, each)) return from + each.length
  return no
}

/** Reads any value; the place after it. */
const value = (bytes: Uint8Array, from: number, depth: number): number => {
  switch (bytes[from]) {
    case quote:
      return string(bytes, from + 1)
    case openBrace:
      return depth === 0 ? no : fields(bytes, from + 1, depth - 1)
    case openBracket:
      return depth === 0 ? no : elements(bytes, from + 1, depth - 1)
    case undefined:
      return no
    default:
      return is(digit, bytes, from) || bytes[from] === minus ? number(bytes, from) : literal(bytes, from)
  }
}

/** Reads the rest of an object. */
const fields = (bytes: Uint8Array, from: number, depth: number): number => {
  if (bytes[from] === closeBrace) return from + 1
  let at = from
  while (true) {
    if (bytes[at] !== quote) return no
    at = string(bytes, at + 1)
    if (at === no || bytes[at] !== colon) return no
    at = value(bytes, at + 1, depth)
    if (at === no) return no
    if (bytes[at] === closeBrace) return at + 1
    if (bytes[at] !== comma) return no
    at++
  }
}

/** Reads the rest of an array. */
const elements = (bytes: Uint8Array, from: number, depth: number): number => {
  if (bytes[from] === closeBracket) return from + 1
  let at = from
  while (true) {
    at = value(bytes, at, depth)
    if (at === no) return no
    if (bytes[at] === closeBracket) return at + 1
    if (bytes[at] !== comma) return no
    at++
  }
}

/** Of 40 hexadecimal digits, an id. */
const isPeerId = (digits: string): digits is PeerId => digits.length === idLength

/** Of simple letters, not too many, a name. */
const isNetworkName = (letters: string): letters is NetworkName => letters !== "." && letters !== ".."

/** What the keys of a message may be made of here. An escape could spell one of ours. */
const keyLetters = among((character) => /[a-zA-Z0-9_-]/.test(character))

const isNamed = (bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean =>
  to - from === name.length && has(bytes, from, name)

/**
 * Reads a message of well-formed UTF-8. `undefined` says nothing about it, not even that it is none.
 *
 * @category decoding
 */
export const read = (bytes: Buffer): Envelope | undefined => {
  let type: Envelope["type"] | undefined
  let dataFrom = no
  let dataTo = no
  let target = no
  let nameFrom = no
  let nameTo = no
  if (bytes[0] !== openBrace) return undefined
  let at = 1
  while (true) {
    if (bytes[at] !== quote) return undefined
    const from = at + 1
    const to = plain(keyLetters, bytes, from)
    if (to === no || bytes[to + 1] !== colon) return undefined
    at = to + 2
    if (isNamed(bytes, from, to, keys.data)) {
      if (dataFrom !== no) return undefined
      dataFrom = at
      at = value(bytes, at, maxDepth)
      dataTo = at
    } else if (isNamed(bytes, from, to, keys.type)) {
      const found = types.find((each) => has(bytes, at, each.bytes))
      if (found === undefined || type !== undefined) return undefined
      type = found.type
      at += found.bytes.length
    } else if (isNamed(bytes, from, to, keys.targetPeerId)) {
      if (target !== no || bytes[at] !== quote) return undefined
      target = at + 1
      const end = plain(hex, bytes, target)
      if (end - target !== idLength) return undefined
      at = end + 1
    } else if (isNamed(bytes, from, to, keys.networkName)) {
      if (nameFrom !== no || bytes[at] !== quote) return undefined
      nameFrom = at + 1
      nameTo = plain(simple, bytes, nameFrom)
      if (nameTo === no || nameTo === nameFrom || nameTo - nameFrom > maxNameLength) return undefined
      at = nameTo + 1
    } else at = value(bytes, at, maxDepth)
    if (at === no) return undefined
    if (bytes[at] === comma) at++
    else if (bytes[at] === closeBrace) break
    else return undefined
  }
  if (at + 1 !== bytes.length || type === undefined || dataFrom === no || target === no) return undefined
  const targetPeerId = bytes.toString("latin1", target, target + idLength)
  const networkName = nameFrom === no ? undefined : bytes.toString("latin1", nameFrom, nameTo)
  if (!isPeerId(targetPeerId) || (networkName !== undefined && !isNetworkName(networkName))) return undefined
  return { type, targetPeerId, networkName, data: [dataFrom, dataTo] }
}
