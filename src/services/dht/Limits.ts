/**
 * Every period and bound of the hash table, in one place. Times are in milliseconds, sizes in bytes.
 */

/**
 * Peers that keep a record: those nearest to its key. With 12 a record outlives the sudden end of half of all peers in all
 * but one case of 4,096; with 8, reads failed after such a loss (simulated).
 *
 * @category constants
 */
export const copies = 12

/**
 * Holders that offer a record outwards too, the nearest: their leaf sets of 8 on each side reach over all that should have
 * it. With all 12 doing so, records had 22 copies instead of 12 (simulated).
 *
 * @category constants
 */
export const innerCopies = 8

/** How long a request may take in all before its asker is told. @category constants */
export const requestLives = 10_000

/**
 * How long a hop may take to say that it has a request before another is tried: four round trips of the slowest links that
 * we expect (240 ms), so that a busy peer is not passed over.
 *
 * @category constants
 */
export const hopPatience = 1_000

/**
 * How long a peer keeps to itself that it has a request: most are answered by then, which says it too. With the ticks' period
 * and two ways of 120 ms it is heard within `hopPatience`.
 *
 * @category constants
 */
export const takenDelay = 400

/** How long the origin waits for an answer before it asks again by another way. Two such ways fit into a request's life. @category constants */
export const attemptLives = 4_000

/** The pause before a request that found no way is tried again. @category constants */
export const wayPause = 1_000

/**
 * Places where nobody nearer is found, and no record, before the answer is that there is none: an absent key costs so many
 * hops more, and a record is found though its nearest peers are new or gone. With 4, 0.6 % of reads failed right after 30 %
 * of 1,000 peers had died; with 6, 0.1 % (simulated).
 *
 * @category constants
 */
export const minima = 6

/** The deepest tree along which a record is spread: 12 copies need 3 levels over ring links, and some room. @category constants */
export const spreadDepth = 5

/** The depth of the tree to those who were not reached by the first, or not known. @category constants */
export const secondDepth = 3

/** How long each level of a spread waits for those below. The whole of it fits into a request's life. @category constants */
export const spreadLevel = 600

/** How often a write is tried that turns out to be older than what a holder has. @category constants */
export const writeRounds = 4

/** How often `update` with a function reads and writes again when others were faster. @category constants */
export const updateRounds = 16

/** Requests on their way through a peer at a time; more are refused. @category constants */
export const maxTransits = 4096

/** Spreads under way at a time; a record that cannot be spread now is offered later. @category constants */
export const maxSpreads = 1024

/** How far ahead of our clock a record may be dated. Versions may not be ahead of it either: one a millisecond will do. @category constants */
export const maxAhead = 300_000

/** Records kept of one network. @category constants */
export const maxRecords = 16_384

/** Bytes kept of one network: what a browser's page can spare. @category constants */
export const maxBytes = 64 * 1024 * 1024

/** The share of both that the records of one writer may take, so that one alone does not fill a store. @category constants */
export const writerShare = 0.5

/** What a record counts for beside its key and value. @category constants */
export const recordOverhead = 256

/** Frames a second, and at once, that a neighbour may send; it passes on those of many. @category constants */
export const frameRate = { perSecond: 500, burst: 2_000 }

/** Bytes of records a second, and at once, that a neighbour may send. @category constants */
export const byteRate = { perSecond: 8 * 1024 * 1024, burst: 32 * 1024 * 1024 }

/** How long the nearest peers must stay the same before records are offered; jittered by half. @category constants */
export const syncDelay = 1_000

/** How long an offer waits for its answer. @category constants */
export const offerLives = 5_000

/** Bytes of records in one frame, unless a single one is larger. @category constants */
export const recordsBytes = 128 * 1024

/** How often everything is offered again (Kademlia's republishing; Maymounkov, Mazières 2002); jittered by a tenth. @category constants */
export const republish = 3_600_000

/** How often what has ended is removed; what is read is checked each time. @category constants */
export const sweep = 60_000

/** Neighbours to whom a record is handed over before leaving, unless they have it. @category constants */
export const handoverCopies = 3

/** How long a subscription lasts at a holder unless it is renewed. @category constants */
export const lease = 60_000

/** How often a subscription is renewed, jittered by a quarter: two renewals may be lost. @category constants */
export const renewal = 20_000

/** How soon it is renewed when the nearest peers changed. @category constants */
export const renewalSoon = 1_000

/** Peers that know of a subscription: the nearest tells the changes, the others take its place. @category constants */
export const watchCopies = 3

/** Keys that may be watched at a holder. @category constants */
export const maxWatchedKeys = 4096

/** Subscribers that a key may have at a holder. @category constants */
export const maxSubscribers = 256

/** Keys that this peer may subscribe to. @category constants */
export const maxSubscriptions = 1024

/** How long a write is remembered after it was kept: longer than any way that it may still be on. @category constants */
export const writeLives = 60_000

/** Writes that are remembered. @category constants */
export const maxWrites = 8192

/**
 * How long a copy that passed by may answer for the holders, of a key that is asked for all the time; so old may what is
 * read of it without `fresh` be.
 *
 * @category constants
 */
export const cacheLives = 1_000

/** Requests for a key within `cacheLives` from which on copies that passed by answer for the holders. @category constants */
export const hotReads = 32

/** Copies that passed by and are kept. @category constants */
export const maxCached = 256

/** How often what is under way is looked at. @category constants */
export const tick = 250

/** The most hops of what is passed on: more than any way that was seen (13 among 10,000 peers, simulated). @category constants */
export const hops = 64

/** How long what a PeerPigeon peer stores lives: a day, as it does there. @category constants */
export const pigeonTtl = 86_400_000

/** Signatures that were checked and are known again. @category constants */
export const maxChecked = 1024
