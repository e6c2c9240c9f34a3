/** What comes to the actor of the membership. */
import type * as Deferred from "effect/Deferred"
import type { Signaled } from "../../domain/OverlayFrame.ts"
import type { PeerId } from "../../domain/PeerId.ts"
import type { HubSignal } from "../../domain/Signal.ts"
import type { LinkNews } from "../ConnectionPool.ts"
import type { Batch } from "../link/Lanes.ts"

/** @category models */
export type Mail =
  | { readonly _tag: "Signal"; readonly signal: HubSignal }
  | { readonly _tag: "Link"; readonly news: LinkNews }
  | { readonly _tag: "Frames"; readonly from: PeerId; readonly batch: Batch }
  /** A signal is to be brought to a peer over the mesh. */
  | { readonly _tag: "Reach"; readonly peer: PeerId; readonly signal: Signaled }
  /** Somebody here wants a link to a peer, beside the overlay's. */
  | { readonly _tag: "Wanted"; readonly peer: PeerId }
  /** Nobody has wanted one for a while. */
  | { readonly _tag: "Unwanted"; readonly peer: PeerId }
  | { readonly _tag: "Due"; readonly done: Deferred.Deferred<void> }
