/** The numbers that Plumtree's rules go by. */

/** Every period and bound. Times are in milliseconds. @category models */
export interface Settings {
  /** How long a message that was announced may be on its way before it is asked for. */
  readonly graftAfter: number
  /** How long the one who was asked may take before another is asked. */
  readonly graftAgainAfter: number
  /** Bytes per millisecond that a link carries at least: large messages are waited for longer. */
  readonly pace: number
  /** How long word of a message waits for more to go along. */
  readonly announceAfter: number
  /** The least time between two rounds of asking. */
  readonly askEvery: number
  /** How long messages are kept for others. */
  readonly keepFor: number
  readonly keepMessages: number
  readonly keepBytes: number
  /** Messages that are announced and have not come, at most. */
  readonly wanted: number
  /** Messages of up to so many bytes go over every link. */
  readonly floodBytes: number
  /** The same in a network of up to `floodPeers` peers. */
  readonly floodSmallBytes: number
  readonly floodPeers: number
}

/**
 * The defaults. Messages are kept for a minute: a dead link is noticed in 10 s, and four attempts to link anew take up to
 * 48 s. Flooding takes 6.6 copies per delivery over eight links instead of one, and two thirds of the time; so only what is
 * little more than word of it is flooded. How many peers there are is a guess of each: with 16 KiB flooded among up to 64,
 * some of 100 peers flooded what the others sent along the tree (simulated: 1.14 copies instead of 1.00).
 *
 * @category constants
 */
export const defaults: Settings = {
  graftAfter: 800,
  graftAgainAfter: 450,
  pace: 1000,
  announceAfter: 100,
  askEvery: 50,
  keepFor: 60_000,
  keepMessages: 4096,
  keepBytes: 16 * 1024 * 1024,
  wanted: 8192,
  floodBytes: 512,
  floodSmallBytes: 1023,
  floodPeers: 64
}
