/** What became different elsewhere, told in the order in which it is true. */
import type { NetworkName } from "../../../domain/NetworkName.ts"
import type { PeerId } from "../../../domain/PeerId.ts"
import type { PeerFacts } from "../../../domain/Signal.ts"
import type { PresenceMessage } from "../HubMessage.ts"

/** Why a hub is forgotten. @category models */
export type Why = "silent" | "farewell" | "restarted" | "crowded"

/** What became different elsewhere. @category models */
export type News =
  /** A peer came into a network at another hub, or renewed its announcement there. `bulk`: found there with many others. */
  | {
    readonly _tag: "Arrived"
    readonly networkName: NetworkName
    readonly peerId: PeerId
    readonly facts: PeerFacts
    readonly bulk: boolean
  }
  /** A peer that was at another hub is at no other hub any more. */
  | {
    readonly _tag: "Departed"
    readonly networkName: NetworkName
    readonly peerId: PeerId
    readonly farewell: boolean
  }
  /** Another number of peers waits for a network elsewhere. */
  | { readonly _tag: "Waiting"; readonly networkName: NetworkName }
  | { readonly _tag: "HubCame"; readonly hub: PeerId }
  | { readonly _tag: "HubWent"; readonly hub: PeerId; readonly why: Why }
  /** Something is said of this hub that is not so: another says that it is this one, since two were given the same id. */
  | { readonly _tag: "Twin" }

/** A message understood. @category models */
export interface Heard {
  /** What it said that was not known, for those who may not have heard it: everybody but whom it came from. */
  readonly relay: ReadonlyArray<PresenceMessage>
  /** What to say to whom it came from. */
  readonly replies: ReadonlyArray<PresenceMessage>
  readonly news: ReadonlyArray<News>
}

/** A message that says nothing new. @category constants */
export const nothing: Heard = { relay: [], replies: [], news: [] }
