/**
 * What a hub bears from a peer: the constants, each with its reason, and the budget that meters a connection.
 *
 * A budget is a token bucket that may run into debt. Whoever speaks too fast is refused, and each refusal
 * still costs, so that one who slows down recovers while one who insists reaches the bottom and is cut off.
 */
import * as Duration from "effect/Duration"

/** What a peer may spend: tokens. @category models */
export interface Allowance {
  /** Tokens that can be spent at once, after a rest. */
  readonly burst: number
  /** Tokens that come back each second. */
  readonly perSecond: number
  /** Debt, in tokens, at which patience ends. */
  readonly patience: number
}

/** How much of an allowance was left at a moment. @category models */
export interface Budget {
  /** Negative when in debt. */
  readonly tokens: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Where a budget stands: something may be spent, nothing may, or patience is at its end. @category models */
export type Standing = "within" | "over" | "exhausted"

/** A budget that nothing was spent of. @category constructors */
export const full = (allowance: Allowance, now: number): Budget => ({ tokens: allowance.burst, at: now })

/**
 * The budget after `cost` tokens more. A clock that goes backwards gives nothing and takes nothing.
 *
 * @category combinators
 */
export const spend = (allowance: Allowance, budget: Budget, now: number, cost: number): Budget => {
  const regained = (Math.max(0, now - budget.at) / 1000) * allowance.perSecond
  return { tokens: Math.min(allowance.burst, budget.tokens + regained) - cost, at: now }
}

/** Where a budget stands by an allowance. @category getters */
export const standing = (allowance: Allowance, budget: Budget): Standing =>
  budget.tokens >= 0 ? "within" : budget.tokens >= -allowance.patience ? "over" : "exhausted"

/**
 * When a budget that is in debt will have a quarter of a second's tokens again: in milliseconds since 1970. Less would be
 * spent at once.
 *
 * @category getters
 */
export const recovery = (allowance: Allowance, { at, tokens }: Budget): number => {
  const enough = Math.min(allowance.burst, Math.max(1, allowance.perSecond / 4))
  return at + Math.ceil(((enough - tokens) / allowance.perSecond) * 1000)
}

/** The bytes that one token buys: signals are smaller, descriptions take two or three. @category constants */
export const bytesPerToken = 4096

/** The tokens that receiving a message costs: one, and one more for every `bytesPerToken` bytes. @category getters */
export const costOf = (bytes: number): number => 1 + Math.floor(bytes / bytesPerToken)

/**
 * Tokens that an announcement, a goodbye, a watch or a question for the networks costs on top: the hub answers
 * with up to `introductions` messages in either direction, with news to everybody who watches, or with a long
 * list, where a signal makes one message.
 *
 * @category constants
 */
export const fanOutCost = 20

/** The work of letting somebody in, in tokens: reading the request, answering it, and the greeting. @category constants */
export const handshakeCost = 20

/**
 * The tokens that one connection may spend at once. 50 links are the most a PeerPigeon peer holds, and a
 * link takes an offer and up to 20 candidates: all 50 at once are some 1100 tokens, so that nearly twice
 * this fits.
 *
 * @category constants
 */
export const messageBurst = 2000

/** The tokens that come back to a connection each second: a new link every tenth of one. @category constants */
export const messagesPerSecond = 200

/**
 * The messages of one connection. Patience is a quarter of a burst, and never so little that what is read in one go of a
 * peer that means no harm is beyond it: nobody makes that much debt but by nonsense.
 *
 * @category constructors
 */
export const messages = (
  options: { readonly messageBurst: number; readonly messagesPerSecond: number }
): Allowance => ({
  burst: options.messageBurst,
  perSecond: options.messagesPerSecond,
  patience: Math.max(100, options.messageBurst / 4)
})

/** How many messages of one connection may not be of the protocol: a peer with a bug is told so twenty times. @category constants */
export const malformedBurst = 20

/**
 * Messages of one connection that are not of the protocol. A tenth of a token per second forgives what happens now and
 * then.
 *
 * @category constructors
 */
export const strikes = (burst: number): Allowance => ({ burst, perSecond: 0.1, patience: 0 })

/**
 * The most members that one announcement introduces to the newcomer, and the newcomer to them. Twelve of them are next
 * to it on the ring, three times what a mesh links; and a join costs forty messages, however large the network is.
 *
 * @category constants
 */
export const introductions = 20

/**
 * The most members that are told when one leaves: those it was introduced to and those who came later and were introduced
 * to it. A newcomer makes 20 acquaintances and, while others come and go, gains as many again.
 *
 * @category constants
 */
export const acquaintances = 128

/** The most networks that one connection may be in: far more than a peer watches, few enough to list. @category constants */
export const networksPerPeer = 32

/** The most networks that one connection may watch: one is what a peer needs to find home. @category constants */
export const watchesPerPeer = 32

/** The shortest time between two tellings of a network's counts to one watcher. @category constants */
export const countsPeriod = Duration.millis(100)

/**
 * How much longer it is for each that was told: a thousand who watch while a thousand come would be told a million counts.
 *
 * @category constants
 */
export const countsPace = Duration.millis(1)

/** How old the list of networks may be: whoever asks more often is told the same. @category constants */
export const listPeriod = Duration.millis(100)

/** The most characters of an error frame's text: enough for a field and a reason, too little for an echo. @category constants */
export const errorLength = 512

/**
 * TCP connections beyond `maxConnections` that are let in to be told that the hub is full, or to ask over
 * HTTP how it is.
 *
 * @category constants
 */
export const headroom = 256

/**
 * The most connections of one address, unless told otherwise: an office or a school behind one address is not turned
 * away, and one machine alone cannot fill a hub.
 *
 * @category constants
 */
export const connectionsPerAddress = 256

/** The connections that one address may open each second for long: a tab that is reloaded takes one. @category constants */
export const connectionRate = 10

/** The most addresses that are remembered: some 10 MB. @category constants */
export const addresses = 65_536

/** The most bytes of one message: the largest description, which is ten times what browsers make. @category constants */
export const messageBytes = 64 * 1024

/** The most that may be chosen for that: a peer may hold so much of the hub's memory by a message that it never ends. @category constants */
export const mostMessageBytes = 16 * 1024 * 1024

/**
 * In how many pieces a message of so many bytes may come: as frames of WebSocket, and as what TCP hands over of one frame.
 * Each piece is kept in a buffer of its own until the last one is there, and those cost far more than the bytes in them: a
 * thousand peers that send one byte at a time would take the memory of the whole machine. No client sends pieces this
 * small.
 *
 * @category getters
 */
export const pieces = (
  messageBytes: number
): { readonly maxFragments: number; readonly maxBufferedChunks: number } => ({
  maxFragments: Math.max(64, Math.ceil(messageBytes / 1024)),
  maxBufferedChunks: Math.max(256, Math.ceil(messageBytes / 256))
})

/**
 * What an admitted hub may have this one do, in tokens of about ten microseconds: a burst of two seconds' work, so that ten
 * thousand peers can move to it at once, and a fifth of a core for long, which is 20,000 signals or 2,500 joins a second.
 * Beyond, the hub is read from more slowly, and never cut off: its patience has no end.
 *
 * @category constants
 */
export const hubWork: Allowance = { burst: 200_000, perSecond: 20_000, patience: Number.POSITIVE_INFINITY }

/** Tokens that a peer's coming to another hub costs there: it is introduced to members here. @category constants */
export const arrivalCost = 8

/** Tokens for each of those who are found at another hub with many others. @category constants */
export const foundCost = 2

/** Memberships and waits for which a token is charged when another hub asks who is here. @category constants */
export const toldPerToken = 8

/** Tokens that what cannot be read costs on top. @category constants */
export const malformedCost = 20

/** Other hubs that are known at a time: each beats every two seconds, to all. @category constants */
export const hubs = 256

/** Memberships that all other hubs together have here at most; each takes some 1.2 kB. @category constants */
export const memberships = 262_144

/** And one of them: half of it, so that a single hub cannot leave the others no room. @category constants */
export const membershipsPerHub = memberships / 2
