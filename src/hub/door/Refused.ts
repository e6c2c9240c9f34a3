/** Why a connection may not come in, as its closing says. */
import * as Schema from "effect/Schema"

/** A connection may not come in. The first three reasons are PeerPigeon's. @category errors */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  reason: Schema.Literals([
    "Invalid peerId format",
    "Peer already connected",
    "Maximum connections reached",
    "A proof of the peer's key is needed",
    "A peer token is needed",
    "The peer token is not valid",
    "The peer token has expired",
    "The peer token is for another peer"
  ])
}) {
  override get message() {
    return this.reason
  }
}
