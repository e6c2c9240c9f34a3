/** A peer as the hub knows it: something that frames can be handed to, wherever it is. */
import type { PeerId } from "../../domain/PeerId.ts"
import type { PeerFacts } from "../../domain/Signal.ts"

/** A peer as others reach it. Told apart by object, not by id: an id can come back on a newer connection. @category models */
export interface Peer {
  readonly peerId: PeerId
  /**
   * Hands a frame to the peer's connection, or returns `false` when that is closing. Bytes are text in UTF-8, and not
   * changed afterwards. `from` is the peer it concerns, without which nothing goes to another hub; `answered`
   * says that it wants to know when the frame came to nobody there. Never throws.
   */
  send(frame: string | Uint8Array, from?: PeerId, answered?: boolean): boolean
  /** Whether another hub holds it: that hub introduces it to others, and says farewell to them. */
  readonly isElsewhere?: boolean
}

/** A peer in one network, with what it said of itself there. @category models */
export interface Member {
  readonly peer: Peer
  readonly facts: PeerFacts
}
