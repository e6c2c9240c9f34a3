/**
 * SHA-256 (FIPS 180-4), at once: WebCrypto's answers come later, and a frame's place in its order would be lost while we
 * wait. For short texts, such as keys; secrets belong to WebCrypto.
 */

/** Rounds of a block. */
const rounds = 64

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return true
}

const primes = (count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let n = 2; found.length < count; n++) if (isPrime(n)) found.push(n)
  return found
}

/** The first 32 bits of the fraction of a root; the 53 bits of a number hold them exactly for the first 64 primes. */
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0

const initial = primes(8).map((prime) => fraction(Math.sqrt(prime)))
const constants = Int32Array.from(primes(rounds), (prime) => fraction(Math.cbrt(prime)))

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))

const at = (words: Int32Array, index: number): number => words[index] ?? 0

const compress = (state: Int32Array, schedule: Int32Array): void => {
  for (let t = 16; t < rounds; t++) {
    const [w15, w2] = [at(schedule, t - 15), at(schedule, t - 2)]
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3)
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10)
    schedule[t] = at(schedule, t - 16) + s0 + at(schedule, t - 7) + s1
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let t = 0; t < rounds; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const first = (h + s1 + ((e & f) ^ (~e & g)) + at(constants, t) + at(schedule, t)) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = at(state, index) + word
}

const toUtf8 = new TextEncoder()

/** The 32 bytes of the SHA-256 of a text in UTF-8. @category digests */
export const ofText = (text: string): Uint8Array => {
  const bytes = toUtf8.encode(text)
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29))
  view.setUint32(padded.length - 4, bytes.length * 8)
  const state = Int32Array.from(initial)
  const schedule = new Int32Array(rounds)
  for (let block = 0; block < padded.length; block += 64) {
    for (let t = 0; t < 16; t++) schedule[t] = view.getInt32(block + 4 * t)
    compress(state, schedule)
  }
  const digest = new DataView(new ArrayBuffer(32))
  for (const [index, word] of state.entries()) digest.setInt32(4 * index, word)
  return new Uint8Array(digest.buffer)
}
