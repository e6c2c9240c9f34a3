/**
 * Other hubs, as far as this one knows of them: what its HTTP side and its metrics show, and where it sends its peers.
 */

/** Another hub. @category models */
export interface OtherHub {
  /** Its id among hubs; absent while all that is known is an address. */
  readonly hub?: string
  /** Where peers reach it. */
  readonly url?: string
  readonly connection: "webrtc" | "websocket" | "relayed" | "nats" | "refused"
  /** When it was heard last, in milliseconds since 1970. */
  readonly lastHeard?: number
  /** Memberships that it holds. */
  readonly memberships?: number
  /** Why it is not connected. */
  readonly problem?: string
}

/** All hubs but this one. @category models */
export interface Others {
  readonly hubs: ReadonlyArray<OtherHub>
  /** Whether those that should be reached are. */
  readonly health: { readonly _tag: "Well" } | { readonly _tag: "Degraded"; readonly problem: string }
}

/** Nobody else. @category constants */
export const none: Others = { hubs: [], health: { _tag: "Well" } }
