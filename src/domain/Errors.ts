/**
 * Everything that can go wrong, as values. Each error says what happened, to whom, and what to do.
 */
import * as Schema from "effect/Schema"
import { NetworkName } from "./NetworkName.ts"
import { PeerId, short } from "./PeerId.ts"

/** An option or argument is not what it must be. @category errors */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  /** The option's or argument's name. */
  field: Schema.String,
  /** What is wrong with it and what was expected. */
  problem: Schema.String
}) {
  override get message() {
    return `${this.field} cannot be used: ${this.problem}`
  }
}

/** None of the hubs could be reached. @category errors */
export class HubUnreachable extends Schema.TaggedError<HubUnreachable>()("HubUnreachable", {
  urls: Schema.Array(Schema.String),
  problem: Schema.String
}) {
  override get message() {
    return `No hub answers at ${
      this.urls.join(", ")
    } (${this.problem}). Is a hub running there, and is the address right?`
  }
}

/** A hub closed the connection and said why. @category errors */
export class HubRefused extends Schema.TaggedError<HubRefused>()("HubRefused", {
  url: Schema.String,
  /** The WebSocket close code (RFC 6455, 7.4). */
  code: Schema.Int,
  reason: Schema.String
}) {
  override get message() {
    return `The hub at ${this.url} refused the connection with code ${this.code}: ${this.reason || "no reason given"}`
  }
}

/** The mesh is not in a network, so nobody can be reached. @category errors */
export class NotJoined extends Schema.TaggedError<NotJoined>()("NotJoined", { operation: Schema.String }) {
  override get message() {
    return `Cannot ${this.operation}: this mesh is in no network. Join one first.`
  }
}

/** The mesh is already in a network. @category errors */
export class AlreadyJoined extends Schema.TaggedError<AlreadyJoined>()("AlreadyJoined", {
  networkName: NetworkName
}) {
  override get message() {
    return `This mesh is in the network ${this.networkName} already. Leave it before joining another.`
  }
}

/** Something was for the home network alone, while the mesh is in another. @category errors */
export class AwayFromHome extends Schema.TaggedError<AwayFromHome>()("AwayFromHome", {
  /** What was to be done, such as `broadcast`. */
  operation: Schema.String,
  networkName: NetworkName,
  originalNetworkName: NetworkName
}) {
  override get message() {
    return `Cannot ${this.operation}: that is for ${this.originalNetworkName} alone, and this mesh is in ` +
      `${this.networkName} until somebody is at home. Wait for the return, or leave the audience out and do it here.`
  }
}

/** A peer cannot be reached: it is gone, was never there, or does not answer. @category errors */
export class PeerUnreachable extends Schema.TaggedError<PeerUnreachable>()("PeerUnreachable", {
  peerId: PeerId,
  networkName: NetworkName,
  problem: Schema.String
}) {
  override get message() {
    return `Peer ${short(this.peerId)} cannot be reached in ${this.networkName}: ${this.problem}`
  }
}

/** A peer has a question and does not answer it. @category errors */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", {
  peerId: PeerId,
  networkName: NetworkName,
  problem: Schema.String
}) {
  override get message() {
    return `Peer ${short(this.peerId)} gave no answer in ${this.networkName}: ${this.problem}`
  }
}

/** A message is larger than a peer accepts. @category errors */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  /** Bytes of the encoded message. */
  size: Schema.Natural,
  /** Bytes allowed. */
  limit: Schema.Natural
}) {
  override get message() {
    return `The message has ${this.size} bytes and the limit is ${this.limit}. Split it, or send a reference to it.`
  }
}

/** A link could not be made, or died. @category errors */
export class LinkClosed extends Schema.TaggedError<LinkClosed>()("LinkClosed", {
  peerId: PeerId,
  reason: Schema.String
}) {
  override get message() {
    return `The link to ${short(this.peerId)} is closed: ${this.reason}`
  }
}

/** A WebRTC engine that was asked for is not there. @category errors */
export class EngineMissing extends Schema.TaggedError<EngineMissing>()("EngineMissing", {
  /** The engine's name, such as `native`. */
  engine: Schema.String,
  /** The package that brings it. */
  packageName: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The WebRTC engine ${this.engine} cannot be loaded (${this.problem}). Install it with npm install ` +
      `${this.packageName}, or use werift, which needs nothing else.`
  }
}

/** WebRTC refused a step of a connection's set-up. @category errors */
export class WebRtcError extends Schema.TaggedError<WebRtcError>()("WebRtcError", {
  /** The step, such as `set the remote description`. */
  step: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `WebRTC could not ${this.step}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** A value has more bytes than a record may. @category errors */
export class RecordTooLarge extends Schema.TaggedError<RecordTooLarge>()("RecordTooLarge", {
  key: Schema.String,
  /** Bytes of the value, encoded. */
  size: Schema.Natural,
  /** Bytes allowed. */
  limit: Schema.Natural
}) {
  override get message() {
    return `The value for "${this.key}" has ${this.size} bytes and a record may have ${this.limit}. Put it under several ` +
      `keys, or put a reference to it.`
  }
}

/** The peers that are to keep a record, or a subscription, have no room. @category errors */
export class StoreFull extends Schema.TaggedError<StoreFull>()("StoreFull", {
  key: Schema.String,
  networkName: NetworkName,
  problem: Schema.String
}) {
  override get message() {
    return `There is no room for "${this.key}" in ${this.networkName}: ${this.problem}. Delete what is not needed, give ` +
      `records a shorter ttl, or try again when some have ended.`
  }
}

/** A record has changed since the version that was to be replaced. @category errors */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  key: Schema.String,
  networkName: NetworkName,
  expected: Schema.Natural,
  /** The version that is there; 0: the key has no value. */
  actual: Schema.Natural
}) {
  override get message() {
    const found = this.actual === 0 ? "it has no value" : `it is at version ${this.actual}`
    return `"${this.key}" in ${this.networkName} was not updated: version ${this.expected} was expected, and ${found}. ` +
      `Get it again, and decide anew.`
  }
}

/** The hash table did not answer in time, or its answer cannot be had now. @category errors */
export class DhtTimeout extends Schema.TaggedError<DhtTimeout>()("DhtTimeout", {
  key: Schema.String,
  networkName: NetworkName,
  /** What was to be done, such as `put`. */
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Could not ${this.operation} "${this.key}" in ${this.networkName}: ${this.problem}. It may have been done all ` +
      `the same. Try again; if it lasts, look at the links of this peer.`
  }
}

/** A stream was not opened: the peer does not want it, does not know streams, or did not answer. @category errors */
export class StreamRefused extends Schema.TaggedError<StreamRefused>()("StreamRefused", {
  peerId: PeerId,
  networkName: NetworkName,
  /** The stream's name. */
  stream: Schema.String,
  /** The peer itself said no; otherwise it was not reached, did not answer, or cannot be asked. */
  declined: Schema.Boolean,
  problem: Schema.String
}) {
  override get message() {
    return `Peer ${short(this.peerId)} in ${this.networkName} takes no stream "${this.stream}": ${this.problem}`
  }
}

/** A stream ended before its time: what was sent last may not have arrived. @category errors */
export class StreamLost extends Schema.TaggedError<StreamLost>()("StreamLost", {
  peerId: PeerId,
  networkName: NetworkName,
  /** The stream's name. */
  stream: Schema.String,
  /** The other end gave it up, and said so; otherwise the link or this end did. */
  byPeer: Schema.Boolean,
  problem: Schema.String
}) {
  override get message() {
    return `The stream "${this.stream}" with peer ${
      short(this.peerId)
    } in ${this.networkName} was lost: ${this.problem}`
  }
}

/** A peer does not take a file, or not all of it. @category errors */
export class FileRefused extends Schema.TaggedError<FileRefused>()("FileRefused", {
  peerId: PeerId,
  networkName: NetworkName,
  /** The file's name. */
  file: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Peer ${short(this.peerId)} in ${this.networkName} takes no file "${this.file}": ${this.problem}`
  }
}

/** A file did not get through, though it was tried again. @category errors */
export class FileLost extends Schema.TaggedError<FileLost>()("FileLost", {
  peerId: PeerId,
  networkName: NetworkName,
  /** The file's name. */
  file: Schema.String,
  /** Bytes that are known to have arrived. */
  arrived: Schema.Natural,
  problem: Schema.String
}) {
  override get message() {
    return `The file "${this.file}" did not get through to or from peer ${
      short(this.peerId)
    } in ${this.networkName}: ${this.problem}. ${this.arrived} bytes had arrived.`
  }
}

/** What arrived of a file is not what was sent. @category errors */
export class ChecksumMismatch extends Schema.TaggedError<ChecksumMismatch>()("ChecksumMismatch", {
  /** The file's name. */
  file: Schema.String,
  /** The SHA-256 of what was sent, in hexadecimal digits. */
  expected: Schema.String,
  /** The SHA-256 of what arrived. */
  actual: Schema.String
}) {
  override get message() {
    return `The file "${this.file}" arrived damaged: its SHA-256 is ${this.actual}, and ${this.expected} was sent. ` +
      `What arrived was discarded; have it sent again.`
  }
}

/** A file here cannot be read or written. @category errors */
export class FileUnusable extends Schema.TaggedError<FileUnusable>()("FileUnusable", {
  /** The file's name or path. */
  file: Schema.String,
  /** What was to be done, such as `read`. */
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Cannot ${this.operation} "${this.file}": ${this.problem}`
  }
}

/** Something arrived that is not a message of the protocol. @category errors */
export class Malformed extends Schema.TaggedError<Malformed>()("Malformed", {
  /** What was being read, such as `frame`. */
  what: Schema.String,
  /** Which field is wrong and why. */
  problem: Schema.String
}) {
  override get message() {
    return `Not a valid ${this.what}: ${this.problem}`
  }
}

/** What is to outlive the process cannot be read, written or had for oneself. @category errors */
export class StoreUnusable extends Schema.TaggedError<StoreUnusable>()("StoreUnusable", {
  /** What is kept there. */
  what: Schema.Literals(["identity", "preferences", "profile"]),
  /** Where it is kept, such as the path of a file. */
  place: Schema.String,
  /** What is wrong, and what to do. */
  problem: Schema.String
}) {
  override get message() {
    return `The ${this.what} in ${this.place} cannot be used: ${this.problem}`
  }
}
