/** How values are put, read, changed and watched. */
import type * as Duration from "effect/Duration"
import type { Content } from "../../../domain/Content.ts"
import type { DhtRecord } from "../../../domain/DhtRecord.ts"
import type { DhtTimeout, InvalidInput, RecordTooLarge, StoreFull } from "../../../domain/Errors.ts"
import type { PeerId } from "../../../domain/PeerId.ts"

/** How to put a value. @category models */
export interface PutOptions {
  /** How long the value lives: 1 s to 30 days. Default: 24 h. */
  readonly ttl?: Duration.Input
  /**
   * Whether to sign it, so that every reader can tell that we wrote it, when, and for how long. It takes a read more, for
   * the version is signed too. Default: only where it must be, under a key of ours (`@<our peer id>/…`).
   */
  readonly signed?: boolean
}

/** How to read one. @category models */
export interface GetOptions {
  /**
   * Asks the peer that is nearest to the key, whatever others on the way there have. Without it, the first on the way answers
   * that gets every write of the key. So both find what a write has stored once that has succeeded, or something newer, but
   * without it:
   *
   * - of a key that a peer passes on more than 32 times a second, a copy up to a second old may answer;
   * - a peer that a write could not reach, alive and not yet missed by its neighbours, answers with what it had.
   *
   * Neither reaches over a cut: while a network is in pieces, each has what is written in it. Default: false.
   */
  readonly fresh?: boolean
  /** Finds only what this peer has signed, as if there was nothing else. Default: whatever is there. */
  readonly signedBy?: PeerId
}

/** How to watch one. @category models */
export interface SubscribeOptions {
  /** Tells only what this peer has signed. Default: every change. */
  readonly signedBy?: PeerId
}

/** How to change one. @category models */
export interface UpdateOptions extends PutOptions {
  /** The version to replace; 0: none. Default: the one that is found. */
  readonly version?: number
}

/** What a new value is, or how it follows from the record that is there; `undefined` leaves that as it is. @category models */
export type Change = Content | ((record: DhtRecord | undefined) => Content | undefined)

/** What can become of a request. @category errors */
export type WriteError = InvalidInput | RecordTooLarge | StoreFull | DhtTimeout
