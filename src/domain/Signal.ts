/**
 * What travels between a peer and a hub: one JSON object per WebSocket text frame, told apart by `type`.
 *
 * The shapes are those of PeerPigeon 1.1.3. Our own additions are optional fields and extra types that an
 * older party ignores: `homing` in a description says that its maker speaks our dialect on the link.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NetworkName } from "./NetworkName.ts"
import { PeerId } from "./PeerId.ts"
import { Nonce, PeerProof } from "./PeerProof.ts"

/** The most characters of SDP a description may carry. @category constants */
export const maxSdpLength = 64 * 1024

/**
 * How a Homing peer marks an attempt to link: `attempt` tells one offer and all that belongs to it from
 * the next, so that late news of an old attempt is recognised.
 *
 * @category schemas
 */
export const AttemptMark = Schema.Struct({
  version: Schema.Natural,
  attempt: Schema.String.check(Schema.isBetweenLength(1, 64)),
  /** This offer renews the path of the link that stands, and is not a new link. */
  restart: Schema.optionalKey(Schema.Boolean),
  /** The link is for a while and for those two alone, whatever other links either has: to carry a stream. */
  aside: Schema.optionalKey(Schema.Boolean)
})
/** @category models */
export type AttemptMark = typeof AttemptMark.Type

const Sdp = Schema.String.check(
  Schema.isBetweenLength(10, maxSdpLength),
  Schema.makeFilter((sdp: string) => sdp.includes("v=0"), {
    expected: "a session description (with a v=0 line)",
    arbitraryConstraint: { patterns: [{ source: "^v=0\\r\\n[ -~]{8,64}$", flags: "" }] }
  })
)

/** A WebRTC session description that offers a link. @category schemas */
export const Offer = Schema.Struct({ type: Schema.tag("offer"), sdp: Sdp, homing: Schema.optionalKey(AttemptMark) })
/** @category models */
export type Offer = typeof Offer.Type

/** A WebRTC session description that accepts an offer. @category schemas */
export const Answer = Schema.Struct({ type: Schema.tag("answer"), sdp: Sdp, homing: Schema.optionalKey(AttemptMark) })
/** @category models */
export type Answer = typeof Answer.Type

/** One ICE candidate, in the JSON form of `RTCIceCandidate`. @category schemas */
export const Candidate = Schema.Struct({
  candidate: Schema.String.check(Schema.isMaxLength(4096)),
  sdpMid: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(256)))),
  sdpMLineIndex: Schema.optionalKey(Schema.NullOr(Schema.Natural)),
  usernameFragment: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(256)))),
  homing: Schema.optionalKey(AttemptMark)
})
/** @category models */
export type Candidate = typeof Candidate.Type

/** Why a peer refuses an offer. @category schemas */
export const Rejection = Schema.Struct({
  reason: Schema.String.check(Schema.isMaxLength(256)),
  details: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1024))),
  homing: Schema.optionalKey(AttemptMark)
})
/** @category models */
export type Rejection = typeof Rejection.Type

/** What a peer says of itself when it announces. `homing` is the version of our dialect it speaks. @category schemas */
export const PeerFacts = Schema.Struct({
  peerId: Schema.optionalKey(PeerId),
  isHub: Schema.optionalKey(Schema.Boolean),
  homing: Schema.optionalKey(Schema.Natural),
  /** `false` asks the hub to leave this network out of the list of networks; nobody else is told. */
  discoverable: Schema.optionalKey(Schema.Boolean)
})
/** @category models */
export type PeerFacts = typeof PeerFacts.Type

/** WebSocket close codes of our own, from the range of those that are private (RFC 6455, 7.4.2). @category constants */
export const hubClose = {
  /** A newer connection of the same peer, which proved its key, has the place of this one. */
  takenOver: 4001,
  /** The token by which the peer was let in has expired; a fresh one lets it in again. */
  tokenExpired: 4002
} as const

/**
 * What a hub can do beyond PeerPigeon's, as it says in its greeting. A hub that does not name a feature does not
 * have it, and is not asked.
 *
 * @category constants
 */
export const feature = {
  /** A connection may be in several networks, and `leave` one of them. */
  memberships: "memberships",
  /** `watch` and `unwatch`: who is in a network, and who waits for it, in numbers. */
  watch: "watch",
  /** `networks`: the list of the networks that may be found. */
  networks: "networks"
} as const

/** What a peer says of itself when it asks a hub for a sign of life. Hubs of before ignore it. @category schemas */
export const Heartbeat = Schema.Struct({
  /** The name of the component of the network that the peer is in: the smallest id that is linked to it. */
  label: PeerId
})
/** @category models */
export type Heartbeat = typeof Heartbeat.Type

/** How many peers a network concerns. @category schemas */
export const NetworkCounts = Schema.Struct({
  /** Members of the network. */
  present: Schema.Natural,
  /** Peers that are elsewhere and would come, if only somebody were there. */
  waiting: Schema.Natural
})
/** @category models */
export type NetworkCounts = typeof NetworkCounts.Type

/** A network in the list of networks. @category schemas */
export const NetworkSummary = Schema.Struct({ name: NetworkName, ...NetworkCounts.fields })
/** @category models */
export type NetworkSummary = typeof NetworkSummary.Type

/** The most networks in a list. @category constants */
export const maxListed = 256

/** The most servers that a hub may tell a peer to use, and the most addresses of one. @category constants */
export const maxIceServers = 8

/** The most other hubs that a hub may name when it sends its peers away. @category constants */
export const maxAlternatives = 8

/** From 1 to 65535: for the address of a server with another port no engine makes a connection to anybody. */
const port = "([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])"
const host = `(\\[[0-9a-fA-F:.]{2,45}\\]|[A-Za-z0-9.-]{1,128})(:${port})?`
const addressOf = (form: string, example: string) =>
  Schema.String.check(Schema.isMaxLength(256), Schema.isPattern(new RegExp(`^${form}$`), { expected: example }))

/**
 * The address of a STUN server, in the one form that every engine takes: `stun:host`, `stun:host:port`.
 *
 * @category schemas
 */
export const StunUrl = addressOf(`stun:${host}`, "the address of a STUN server, such as stun:stun.example.org:3478")

/**
 * The address of a TURN server: `turn:host:port`, or `turns:` over TLS, and `?transport=udp` or `tcp`.
 *
 * @category schemas
 */
export const TurnUrl = addressOf(
  `turns?:${host}(\\?transport=(udp|tcp))?`,
  "the address of a TURN server, such as turn:turn.example.org:3478"
)

const urls = <S extends Schema.Constraint>(url: S) => Schema.Array(url).check(Schema.isBetweenLength(1, maxIceServers))

/** A STUN or TURN server that a hub tells its peers to use. @category schemas */
export const IceServer = Schema.Union([
  Schema.Struct({
    urls: urls(TurnUrl),
    username: Schema.String.check(Schema.isBetweenLength(1, 512)),
    credential: Schema.String.check(Schema.isBetweenLength(1, 512))
  }),
  Schema.Struct({ urls: urls(StunUrl) })
])
/** @category models */
export type IceServer = typeof IceServer.Type

const IceServers = Schema.Array(IceServer).check(Schema.isMaxLength(maxIceServers))

/** The address of a hub as another hub gives it: a WebSocket URL without a password. @category schemas */
export const HubAddress = addressOf(
  `wss?://${host}(/[!-~]{0,100})?`,
  "the address of a hub, such as wss://hub.example.org"
)

/** A token by which a hub lets a peer in, as far as it can travel (RFC 6455, 4.1). @category schemas */
export const PeerToken = Schema.String.check(
  Schema.isPattern(/^[\w.~-]{1,4096}$/, { expected: "1 to 4096 letters, digits and .-_~" })
)

const networkName = Schema.optionalKey(NetworkName)

/** What every message to another peer carries: to whom, in which network. */
const addressed = { targetPeerId: PeerId, networkName }

// ---------------------------------------------------------------------------------------------------
// peer -> hub
// ---------------------------------------------------------------------------------------------------

/**
 * Everything a peer may say to a hub. `data` of the messages that a hub only relays is left as it is:
 * it is decoded by the peer that receives it.
 *
 * @category schemas
 */
export const ClientSignal = Schema.Union([
  Schema.Struct({ type: Schema.tag("announce"), data: Schema.optionalKey(PeerFacts), networkName }),
  Schema.Struct({ type: Schema.tag("offer"), data: Schema.Unknown, ...addressed }),
  Schema.Struct({ type: Schema.tag("answer"), data: Schema.Unknown, ...addressed }),
  Schema.Struct({ type: Schema.tag("ice-candidate"), data: Schema.Unknown, ...addressed }),
  Schema.Struct({ type: Schema.tag("connection-rejected"), data: Schema.Unknown, ...addressed }),
  Schema.Struct({ type: Schema.tag("goodbye"), data: Schema.optionalKey(Schema.Unknown), networkName }),
  /** Leaves one network without a farewell to its members: they are told, but their links close by themselves. */
  Schema.Struct({ type: Schema.tag("leave"), networkName }),
  /** Asks for a network's counts, now and whenever they change. `waiting` says that the peer wants to go there. */
  Schema.Struct({
    type: Schema.tag("watch"),
    data: Schema.optionalKey(Schema.Struct({ waiting: Schema.optionalKey(Schema.Boolean) })),
    networkName
  }),
  Schema.Struct({ type: Schema.tag("unwatch"), networkName }),
  Schema.Struct({ type: Schema.tag("networks") }),
  Schema.Struct({ type: Schema.tag("cleanup"), data: Schema.optionalKey(Schema.Unknown) }),
  Schema.Struct({ type: Schema.tag("cleanup-all"), data: Schema.optionalKey(Schema.Unknown) }),
  /** Proves that the peer has the key of its id, which a hub asks for once in a connection. */
  Schema.Struct({ type: Schema.tag("prove"), data: PeerProof }),
  /** A fresh token, to stay for longer than the one that the peer came with allows. */
  Schema.Struct({ type: Schema.tag("token"), data: Schema.Struct({ token: PeerToken }) }),
  /** Asks for a sign of life. In the name of a network its data may be a `Heartbeat`; any other is as good. */
  Schema.Struct({ type: Schema.tag("ping"), data: Schema.optionalKey(Schema.Unknown), networkName })
]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type ClientSignal = typeof ClientSignal.Type

/** Those of a peer's messages that a hub passes on to another peer. @category models */
export type Relayed = Extract<ClientSignal, { readonly targetPeerId: PeerId }>

// ---------------------------------------------------------------------------------------------------
// hub -> peer
// ---------------------------------------------------------------------------------------------------

/** The sender of what a hub says on its own behalf. @category constants */
export const system = "system"

const fromHub = { fromPeerId: Schema.optionalKey(Schema.String), timestamp: Schema.optionalKey(Schema.Finite) }
const fromPeer = {
  fromPeerId: PeerId,
  targetPeerId: Schema.optionalKey(PeerId),
  networkName,
  timestamp: Schema.optionalKey(Schema.Finite)
}

/** Everything a hub may say to a peer. @category schemas */
export const HubSignal = Schema.Union([
  Schema.Struct({
    type: Schema.tag("connected"),
    data: Schema.Struct({
      peerId: PeerId,
      /** What this hub can do beyond PeerPigeon's; absent from a PeerPigeon hub. */
      homing: Schema.optionalKey(Schema.Struct({
        version: Schema.Natural,
        features: Schema.Array(Schema.String.check(Schema.isMaxLength(64))),
        /** To be answered by `prove`, from whoever said that it can. A greeting with a nonce we cannot read is still one. */
        challenge: Schema.optionalKey(Nonce).pipe(Schema.catchDecoding(() => Effect.succeedNone)),
        /** How many milliseconds the peer's token allows it to stay; as long as it likes when absent. */
        expiresIn: Schema.optionalKey(Schema.Natural).pipe(Schema.catchDecoding(() => Effect.succeedNone))
      })),
      /** STUN and TURN servers to use, besides one's own. A greeting with others than we know is still a greeting. */
      iceServers: Schema.optionalKey(IceServers.pipe(Schema.catchDecoding(() => Effect.succeedSome([]))))
    }),
    ...fromHub
  }),
  /** The fresh token counts, and allows the peer to stay for so many milliseconds. */
  Schema.Struct({ type: Schema.tag("token"), data: Schema.Struct({ expiresIn: Schema.Natural }), ...fromHub }),
  /** The peer is greeted once it has proved that it has the key of its id, or once whoever has that id is found gone. */
  Schema.Struct({ type: Schema.tag("challenge"), data: Schema.Struct({ nonce: Nonce }), ...fromHub }),
  /** The servers of the greeting anew, before their credentials expire. */
  Schema.Struct({ type: Schema.tag("ice-servers"), data: Schema.Struct({ iceServers: IceServers }), ...fromHub }),
  Schema.Struct({
    type: Schema.tag("peer-discovered"),
    data: Schema.Struct({ ...PeerFacts.fields, peerId: PeerId }),
    networkName,
    targetPeerId: Schema.optionalKey(PeerId),
    ...fromHub
  }),
  Schema.Struct({ type: Schema.tag("offer"), data: Offer, ...fromPeer }),
  Schema.Struct({ type: Schema.tag("answer"), data: Answer, ...fromPeer }),
  Schema.Struct({ type: Schema.tag("ice-candidate"), data: Candidate, ...fromPeer }),
  Schema.Struct({ type: Schema.tag("connection-rejected"), data: Rejection, ...fromPeer }),
  Schema.Struct({ type: Schema.tag("goodbye"), data: Schema.optionalKey(Schema.Unknown), ...fromPeer }),
  Schema.Struct({
    type: Schema.tag("peer-disconnected"),
    data: Schema.Struct({
      peerId: PeerId,
      isHub: Schema.optionalKey(Schema.Boolean),
      reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1024)))
    }),
    networkName,
    targetPeerId: Schema.optionalKey(PeerId),
    ...fromHub
  }),
  /** A watched network's counts; the receiver is not among those who wait. */
  Schema.Struct({ type: Schema.tag("network-counts"), data: NetworkCounts, networkName, ...fromHub }),
  Schema.Struct({
    type: Schema.tag("networks"),
    data: Schema.Struct({ networks: Schema.Array(NetworkSummary).check(Schema.isMaxLength(maxListed)) }),
    ...fromHub
  }),
  Schema.Struct({ type: Schema.tag("pong"), data: Schema.optionalKey(Schema.Unknown), ...fromHub }),
  Schema.Struct({
    type: Schema.tag("hub-closing"),
    data: Schema.Struct({
      reason: Schema.String,
      /** Hubs to go to instead. */
      hubs: Schema.optionalKey(Schema.Array(HubAddress).check(Schema.isMaxLength(maxAlternatives)))
    }),
    ...fromHub
  }),
  Schema.Struct({
    type: Schema.tag("error"),
    error: Schema.String.check(Schema.isMaxLength(4096)),
    timestamp: Schema.optionalKey(Schema.Finite)
  })
]).pipe(Schema.toTaggedUnion("type"))
/** @category models */
export type HubSignal = typeof HubSignal.Type

/** Those of a hub's messages that come from another peer. @category models */
export type PeerSignal = Extract<HubSignal, { readonly fromPeerId: PeerId }>

/** Whether a message comes from another peer. @category predicates */
export const isPeerSignal = HubSignal.isAnyOf(["offer", "answer", "ice-candidate", "connection-rejected", "goodbye"])

const MessageType = Schema.Struct({ type: Schema.String })

/** Reads what a hub sent. The error names the field and what was expected there. @category decoding */
export const decodeHubSignal = Schema.decodeUnknownResult(Schema.fromJsonString(HubSignal))

/** Reads what a peer sent, once its JSON is parsed. The error names the field and what was expected. @category decoding */
export const decodeClientSignal = Schema.decodeUnknownResult(ClientSignal)

/** Reads the data of a ping. @category decoding */
export const decodeHeartbeat = Schema.decodeUnknownResult(Heartbeat)

/** Whether a parsed frame names a type at all, and which. @category decoding */
export const decodeMessageType = Schema.decodeUnknownResult(MessageType)
