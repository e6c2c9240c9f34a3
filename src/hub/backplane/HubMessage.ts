/**
 * What hubs say to each other once they have admitted one another: who is in which network at which hub, and signals
 * from one hub's peer to another's. One JSON object a message, told apart by `type`.
 */
import * as Schema from "effect/Schema"
import { NetworkName } from "../../domain/NetworkName.ts"
import { PeerId } from "../../domain/PeerId.ts"
import { PeerFacts } from "../../domain/Signal.ts"
import * as Limits from "../Limits.ts"

/** The most changes, or entries, in one message: some 40 kB. @category constants */
export const maxChanges = 256

/** The most parts of a hub's whole state: as many memberships as one hub may have. @category constants */
export const maxParts = Limits.membershipsPerHub / maxChanges

/** The most characters of a frame that one hub hands to another, as for a frame of a peer. @category constants */
export const maxFrameLength = 1024 * 1024

/**
 * One run of one hub: a hub that is started anew counts its changes from zero, and nothing of its last life is true any
 * more. Of two lives of a hub the one that began later is the one to believe.
 */
const life = { hub: PeerId, incarnation: Schema.Natural }

/** A peer came into a network, or renewed what it says of itself there. @category schemas */
export const Put = Schema.Struct({
  op: Schema.tag("put"),
  network: NetworkName,
  peer: PeerId,
  facts: PeerFacts
})

/** So many peers of that hub wait for a network from afar. @category schemas */
export const Wait = Schema.Struct({ op: Schema.tag("wait"), network: NetworkName, count: Schema.Natural })

/** A peer left a network; `farewell` says that it took leave of the others. @category schemas */
export const Drop = Schema.Struct({
  op: Schema.tag("drop"),
  network: NetworkName,
  peer: PeerId,
  farewell: Schema.Boolean
})

/** @category schemas */
export const Change = Schema.Union([Put, Wait, Drop]).pipe(Schema.toTaggedUnion("op"))
/** @category models */
export type Change = typeof Change.Type

/** @category schemas */
export const Entry = Schema.Union([Put, Wait]).pipe(Schema.toTaggedUnion("op"))
/** @category models */
export type Entry = typeof Entry.Type

/** What a hub says of itself. @category schemas */
export const About = Schema.Struct({
  /** Where peers and hubs reach it, as far as it knows. */
  url: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256))),
  /** Its id on the hubs' own network, where hubs link over WebRTC. */
  mesh: Schema.optionalKey(PeerId)
})
/** @category models */
export type About = typeof About.Type

/** A hub lives, and has made `clock` changes. @category schemas */
export const Beat = Schema.Struct({
  type: Schema.tag("beat"),
  ...life,
  /** Counts the beats of this life. */
  beat: Schema.Natural,
  clock: Schema.Natural,
  /** How many milliseconds ago it beat, as far as those know who passed it on. */
  age: Schema.Natural,
  about: About
})
/** @category models */
export type Beat = typeof Beat.Type

/** The changes after the first `from` of a hub. @category schemas */
export const Delta = Schema.Struct({
  type: Schema.tag("delta"),
  ...life,
  from: Schema.Natural,
  changes: Schema.Array(Change).check(Schema.isMaxLength(maxChanges))
})
/** @category models */
export type Delta = typeof Delta.Type

/** Whoever sends this lacks what the hub changed after its first `since` changes. @category schemas */
export const Want = Schema.Struct({ type: Schema.tag("want"), ...life, since: Schema.Natural })
/** @category models */
export type Want = typeof Want.Type

/** One of `parts` parts of all that a hub holds after its first `clock` changes. @category schemas */
export const State = Schema.Struct({
  type: Schema.tag("state"),
  ...life,
  clock: Schema.Natural,
  part: Schema.Natural,
  parts: Schema.Natural.check(Schema.isBetween({ minimum: 1, maximum: maxParts })),
  entries: Schema.Array(Entry).check(Schema.isMaxLength(maxChanges))
})
/** @category models */
export type State = typeof State.Type

/** A hub takes leave, and its peers with it. @category schemas */
export const Gone = Schema.Struct({ type: Schema.tag("gone"), ...life })
/** @category models */
export type Gone = typeof Gone.Type

/**
 * What a peer says of the component of a network that it is in, for hubs that hold others of that network.
 *
 * @category schemas
 */
export const Word = Schema.Struct({
  type: Schema.tag("word"),
  ...life,
  number: Schema.Natural,
  network: NetworkName,
  peer: PeerId,
  label: PeerId
})
/** @category models */
export type Word = typeof Word.Type

/** What keeps hubs agreed on who is where. @category models */
export type PresenceMessage = Beat | Delta | Want | State | Gone

/**
 * A frame for a peer that another hub holds. It is the text that the peer gets, its sender stamped by the hub that
 * holds the sender.
 *
 * @category schemas
 */
export const Envelope = Schema.Struct({
  network: NetworkName,
  /** The peer it comes from. */
  from: PeerId,
  /** The peer it is for. */
  target: PeerId,
  /** Whether the sender wants to know when it came to nobody. */
  answered: Schema.optionalKey(Schema.Boolean),
  frame: Schema.String.check(Schema.isMaxLength(maxFrameLength))
})
/** @category models */
export type Envelope = typeof Envelope.Type

/** An envelope on its way across hubs. @category schemas */
export const Signal = Schema.Struct({
  type: Schema.tag("signal"),
  /** The hub it set out from, and a number of that hub's that never comes again in its life. */
  ...life,
  number: Schema.Natural,
  /** The hub that holds the target. */
  to: PeerId,
  envelope: Envelope
})
/** @category models */
export type Signal = typeof Signal.Type

/** What goes to one hub: from which, and a number of that hub's that never comes again in its life. */
const directed = { ...life, number: Schema.Natural, to: PeerId }

/**
 * A hub has a connection of a peer that the other has, too, or would let it in, and asks whether the other keeps it.
 *
 * @category schemas
 */
export const ClaimMessage = Schema.Struct({
  type: Schema.tag("claim"),
  ...directed,
  /** Counts the claims of a hub. */
  claim: Schema.Natural,
  peer: PeerId,
  /** Whether the peer has proved at the hub that it has the key of its id. */
  proven: Schema.Boolean,
  /** For how many milliseconds the connection has been there. */
  age: Schema.Natural
})
/** @category models */
export type ClaimMessage = typeof ClaimMessage.Type

/** Whether a hub keeps the peer of the other's claim; otherwise that peer is not at this hub any more. @category schemas */
export const Verdict = Schema.Struct({
  type: Schema.tag("verdict"),
  ...directed,
  claim: Schema.Natural,
  held: Schema.Boolean
})
/** @category models */
export type Verdict = typeof Verdict.Type

/** What goes to one hub, and across others on its way. @category models */
export type Directed = Signal | ClaimMessage | Verdict

/** Everything that admitted hubs say to each other. @category schemas */
export const HubMessage = Schema.Union([Beat, Delta, Want, State, Gone, Word, Signal, ClaimMessage, Verdict]).pipe(
  Schema.toTaggedUnion("type")
)
/** @category models */
export type HubMessage = typeof HubMessage.Type

/** Reads what another hub sent. The error names the field and what was expected. @category decoding */
export const decode = Schema.decodeUnknownResult(Schema.fromJsonString(HubMessage))

/** @category encoding */
export const encode = (message: HubMessage): string => JSON.stringify(message)
