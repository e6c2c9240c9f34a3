/**
 * The numbers that the overlay's rules go by: each with its unit, why it has this value, and where it comes from. Times
 * are milliseconds, because the core of the overlay counts in them.
 *
 * "Simulated" means that the value was found, or confirmed, by simulation of 10 to 1,000 peers: `bench/overlay.ts`.
 */

/** How many links of which kind a peer keeps. @category models */
export interface Shape {
  /** Nearest peers on each side that a peer wants links to. */
  readonly ringPerSide: number
  /** Links beyond those of the ring, drawn by us and by others together. */
  readonly longLinks: number
}

/**
 * How `maxPeers` is divided. Two ring neighbours per side survive the loss of one between two rounds; they are worth it
 * from 8 links on, since long links shorten every path (simulated: with 6 links, R = 1 beats R = 2 clearly). More links
 * widen the ring slowly and the rest become long links.
 *
 * | maxPeers | ring per side | long, drawn + accepted |                                               |
 * | -------- | ------------- | ---------------------- | --------------------------------------------- |
 * | 1        | 1             | 0                      | linked to one peer at most: no part of a ring |
 * | 2        | 1             | 0                      | a bare ring, with long paths                  |
 * | 3        | 1             | 1 of either kind       |                                               |
 * | 6        | 1             | 2 + 2                  |                                               |
 * | 8        | 2             | 2 + 2                  | the default                                   |
 * | 16       | 3             | 5 + 5                  |                                               |
 * | 50       | 4             | 21 + 21                |                                               |
 *
 * @category constructors
 */
export const shapeOf = (maxPeers: number): Shape => {
  const ringPerSide = maxPeers < 8 ? 1 : maxPeers < 16 ? 2 : maxPeers < 32 ? 3 : 4
  return { ringPerSide, longLinks: Math.max(0, maxPeers - 2 * ringPerSide) }
}

/**
 * Ids that a peer keeps in its leaf set, per side: the replicas of a record must be among them (Pastry uses 8, too).
 *
 * @category constants
 */
export const leavesPerSide = 8

/**
 * Links beyond `maxPeers` while ring links change hands: what the hand-over needs (simulated: 2).
 *
 * @category constants
 */
export const excess = 2

/**
 * Ids known besides the links, at most. Leaf sets and links of 8 neighbours are 200; the oldest give way.
 *
 * @category constants
 */
export const maxKnown = 256

/**
 * Candidates below which none is forgotten, however often it failed: a session never runs out of peers to try.
 *
 * @category constants
 */
export const fewestKnown = 8

/**
 * Time between two rounds. 30 s still works (simulated); 10 s repairs sooner and costs a kilobyte a second.
 *
 * @category constants
 */
export const round = 10_000

/**
 * The longest time between two rounds, of a network in which nothing changes: frames that say nothing new are what an idle
 * network costs. Any change brings the next round within `round` again.
 *
 * @category constants
 */
export const calmRound = 60_000

/**
 * How much of the time for which nothing has changed a round takes: rounds grow from `round`, after a minute, to `calmRound`,
 * after six.
 *
 * @category constants
 */
export const calmShare = 1 / 6

/** By how much of a round its length varies at random, so that peers do not act in step. @category constants */
export const roundJitter = 0.25

/**
 * Share of the rounds in which a peer routes to its own id, which mends a ring that was woven wrongly (simulated).
 *
 * @category constants
 */
export const selfRouteShare = 0.3

/**
 * Share of the rounds in which any candidate is looked for, to find out whether there is a second ring. Those that a hub
 * introduced and nobody else has spoken of are looked for in every round.
 *
 * @category constants
 */
export const candidateCheckShare = 0.3

/**
 * How long after news arrive they are told to neighbours, so that what comes together is told at once.
 *
 * @category constants
 */
export const shareDelay = 250

/** How long introductions are collected before anyone is dialled: a hub sends them one by one. @category constants */
export const introductionDelay = 50

/**
 * How old the last word of a peer may be before it is no longer counted on: a leaf set travels one hop a calm round, its
 * farthest member is 4 hops away, and the word about it may lose a round on the way. Word of a loss does not wait for that.
 */
export const wordLives = 400_000

/**
 * How long after word of a neighbour's loss we contradict it, if our link to it stands then: all who are linked to a peer
 * that is gone notice it within a period of their probes, which is 2 s.
 *
 * @category constants
 */
export const refuteAfter = 3_000

/**
 * How long a link is under way before another peer is dialled as well. Linking takes 0.2 to 2 s.
 *
 * @category constants
 */
export const slowDial = 3_000

/**
 * How long the answer to an offer that was accepted is waited for before its place is free again.
 *
 * @category constants
 */
export const dialLives = 45_000

/**
 * How long a peer that refused, or could not be reached, is left alone at first; doubles with each failure.
 *
 * @category constants
 */
export const rest = 1_500

/** The longest time that a peer is left alone. @category constants */
export const restCap = 60_000

/**
 * The longest time that a peer is left alone which refused us, while we have the links that we need: it is full, and it will
 * dial us when it wants us for its ring. With half as much more at random still less than `wordLives`: a refusal is word, too.
 *
 * @category constants
 */
export const refusedCap = 240_000

/** Failures in a row after which a candidate is forgotten, until somebody speaks of it again. @category constants */
export const maxFailures = 5

/** Hops of a routed request, those back included (simulated: 64 suffice for 10,000 peers). @category constants */
export const ttl = 64

/**
 * How long the answer to a routed request is waited for: 64 hops would take longer, but 12 are the most seen.
 *
 * @category constants
 */
export const routeLives = 5_000

/** Random steps that a request for a long link takes from a peer that has no room (simulated). @category constants */
export const walkSteps = 4

/** Points drawn in a row for long links before the next round is waited for (simulated). @category constants */
export const draws = 8

/** Requests for long links under way at once. @category constants */
export const drawsAtOnce = 2

/** How long a place promised to a request for a long link is kept: linking takes 0.2 to 2 s. @category constants */
export const promiseLives = 10_000

/**
 * The least age of a link that is taken from a peer that still wants it, so that repair does not feed on itself.
 *
 * @category constants
 */
export const evictionAge = 60_000

/** The least time between two such evictions, for the same reason. @category constants */
export const evictionPause = 10_000

/**
 * How long there may be too many links before a long one makes room: one that is old enough, or one that only we wanted.
 * Ring links that change hands are too many for a second or two, and must not cost long ones (simulated: a tenth more links
 * made under churn).
 *
 * @category constants
 */
export const excessLives = 10_000

/** Least time between two attempts to find one's own place when the leaf set is not enough. @category constants */
export const selfRoutePause = 2_000

/** Least time between two calls for the hub by a peer without links; doubles up to `restCap`. @category constants */
export const hubPause = 2_000

/**
 * Links to PeerPigeon peers beyond which none is accepted: they are leaves, and count on 2 of us each.
 *
 * @category constants
 */
export const pigeonLinks = 2

/**
 * How long the name of a component lives that is not renewed. The peer that it names renews it with its rounds, and all
 * others pass that on at once, so that two calm rounds may be missed.
 *
 * @category constants
 */
export const labelLives = 150_000
