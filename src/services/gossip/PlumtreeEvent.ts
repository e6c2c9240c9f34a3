/** What Plumtree hears of the world, and what it asks of it. */
import type { Dialect, Gossip as Message } from "../../domain/Frame.ts"
import type { Digest, IHave } from "../../domain/GossipFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"

/** Word of messages that are held, as it is on the wire. @category models */
export type Word = Omit<IHave, "type">

/** What is held of late, or since when somebody is here, as it is on the wire. @category models */
export type Holdings = Omit<Digest, "type">

/** What happens. @category models */
export type Event =
  /** The application has something to say. */
  | { readonly _tag: "Published"; readonly message: Message; readonly bytes: number }
  /** A message that could not be sent at all. */
  | { readonly _tag: "Withdrawn"; readonly id: string }
  | { readonly _tag: "Received"; readonly from: PeerId; readonly message: Message; readonly bytes: number }
  | { readonly _tag: "Announced"; readonly from: PeerId } & Word
  | { readonly _tag: "Grafted"; readonly from: PeerId; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Pruned"; readonly from: PeerId }
  | { readonly _tag: "Digested"; readonly from: PeerId } & Holdings
  | { readonly _tag: "Up"; readonly peerId: PeerId; readonly dialect: Dialect }
  | { readonly _tag: "Down"; readonly peerId: PeerId }
  /** A neighbour had no room for a message. */
  | { readonly _tag: "Full"; readonly peerId: PeerId; readonly id: string }
  /** It has room again. */
  | { readonly _tag: "Relieved"; readonly peerId: PeerId }
  /** About how many peers the network has. */
  | { readonly _tag: "Counted"; readonly peers: number }
  /** Time passed. */
  | { readonly _tag: "Due" }

/** What is to be done, in this order. @category models */
export type Command =
  /** A message came for the first time. */
  | { readonly _tag: "Deliver"; readonly message: Message }
  /** A message came again. */
  | { readonly _tag: "Duplicate" }
  /** Messages that neighbours had will not come any more. */
  | { readonly _tag: "Missed"; readonly count: number }
  /** Neighbours were not told of messages, since too many waited for their room: they may miss them. */
  | { readonly _tag: "Unannounced"; readonly count: number }
  /** Send a message to neighbours. */
  | { readonly _tag: "Push"; readonly message: Message; readonly to: ReadonlyArray<PeerId> }
  /** Send a message to a neighbour that asked for it. */
  | { readonly _tag: "Serve"; readonly message: Message; readonly to: PeerId }
  | { readonly _tag: "Announce"; readonly to: PeerId } & Word
  | { readonly _tag: "Graft"; readonly to: PeerId; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Prune"; readonly to: PeerId }
  | { readonly _tag: "Digest"; readonly to: PeerId } & Holdings
